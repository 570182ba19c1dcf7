/**
 * A workbench folder, and programs on a PATH of its own that say what Vagrant and VirtualBox say: a `vagrant` that
 * keeps the VM's state in a file and prints what real Vagrants printed, and a `VBoxManage` that knows its version.
 * Each test can replace what one of Vagrant's verbs does by a few lines of bash.
 */
import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { freePort } from "../../free-port.ts";

const root = path.resolve(import.meta.dirname, "../../..");
export const program = path.join(root, "dist", "notebox.cjs");

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Lab {
  /** The workbench folder. */
  folder: string;
  /** Where the fakes keep their state. */
  state: string;
  bin: string;
  env: Record<string, string>;
  ports: { jupyter: number; hello: number };
  /** What `vagrant VERB` does. Helpers: say KIND TEXT, fail CLASS TEXT, set_state WORD, have_vm. */
  verb(name: string, bash: string): void;
  /** Each call of vagrant, as its arguments. */
  calls(): string[];
  start(...args: string[]): ChildProcess & { ended: Promise<Ended> };
  run(...args: string[]): Promise<Ended>;
  remove(): void;
}

const VAGRANT = `#!/bin/bash
S=$NOTEBOX_FAKE
printf '%s\\n' "$*" >>"$S/calls"
now=1795468464
say() { printf '%s,default,ui,%s,%s\\n' "$now" "$1" "$2"; }
fail() { printf '%s,,ui,error,%s\\n' "$now" "$2"; printf '%s,,error-exit,%s,%s\\n' "$now" "$1" "$2"; exit 1; }
state() { cat "$S/state" 2>/dev/null || echo not_created; }
set_state() { echo "$1" >"$S/state"; }
have_vm() { mkdir -p .vagrant/machines/default/virtualbox; echo "\${1:-11111111-2222-3333-4444-555555555555}" >.vagrant/machines/default/virtualbox/id; }
if [[ -f $S/$1.sh ]]; then . "$S/$1.sh"; exit 0; fi
case $1 in
--version) echo "Vagrant 2.4.1" ;;
status)
  printf '%s,default,provider-name,virtualbox\\n%s,default,state,%s\\n%s,default,state-human-short,%s\\n' "$now" "$now" "$(state)" "$now" "$(state)" ;;
up) have_vm; set_state running; say output "==> default: Booting VM..." ;;
halt) set_state poweroff; say info "==> default: Attempting graceful shutdown of VM..." ;;
destroy) set_state not_created; rm -rf .vagrant; say info "==> default: Destroying VM and associated drives..." ;;
provision | reload) set_state running ;;
plugin | port) ;;
*) echo "fake vagrant: $*" >&2; exit 1 ;;
esac
`;

export async function createLab(): Promise<Lab> {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-lab-"));
  const [folder, state, bin, home] = ["workbench", "state", "bin", "home"].map((name) => path.join(base, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const place of [state, bin, home]) fs.mkdirSync(place);
  fs.cpSync(path.join(root, "examples", "hello"), folder, { recursive: true });
  const [jupyter, hello] = [await freePort(), await freePort()];
  const file = path.join(folder, "workbench.yaml");
  const text = fs.readFileSync(file, "utf8").replace("8888", String(jupyter)).replace("8889", String(hello));
  fs.writeFileSync(file, text.replace("memory: 2 GiB", "memory: 1 GiB"));
  executable(path.join(bin, "vagrant"), VAGRANT);
  executable(path.join(bin, "VBoxManage"), "#!/bin/bash\necho 7.0.20r163906\n");
  // Only what the fakes' bash needs beside them: a real vagrant must never be found.
  for (const name of ["bash", "cat", "mkdir", "rm", "sleep", "touch", "python3"]) link(bin, name);
  const env = {
    PATH: bin,
    HOME: home,
    VAGRANT_HOME: path.join(home, ".vagrant.d"),
    NOTEBOX_FAKE: state,
    LC_ALL: "C.UTF-8",
  };
  const start: Lab["start"] = (...args) => startNotebox(["-C", folder, ...args], env);
  return {
    ...{ folder, state, bin, env, ports: { jupyter, hello }, start },
    verb: (name, bash) => fs.writeFileSync(path.join(state, `${name}.sh`), bash),
    calls: () => readLines(path.join(state, "calls")),
    run: (...args) => start(...args).ended,
    remove: () => fs.rmSync(base, { recursive: true, force: true }),
  };
}

export function startNotebox(args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const text = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => (text.stdout += chunk));
  child.stderr?.on("data", (chunk) => (text.stderr += chunk));
  const ended = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, ...text })));
  return Object.assign(child, { ended });
}

/** Waits for something that another process does; fails after ten seconds. */
export async function until(what: () => boolean, name = "the condition"): Promise<void> {
  for (let count = 0; count < 400; count++) {
    if (what()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`waited ten seconds for ${name}`);
}

export function executable(file: string, text: string): void {
  fs.writeFileSync(file, text, { mode: 0o755 });
}

function link(bin: string, name: string): void {
  const found = (process.env["PATH"] ?? "")
    .split(":")
    .map((place) => path.join(place, name))
    .find((file) => fs.existsSync(file));
  if (found !== undefined) fs.symlinkSync(found, path.join(bin, name));
}

function readLines(file: string): string[] {
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim().split("\n") : [];
}

export async function listen(port: number): Promise<net.Server> {
  const server = net.createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", () => resolve()));
  return server;
}
