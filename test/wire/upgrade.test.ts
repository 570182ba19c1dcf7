/**
 * `upgrade` with the built program, beside a `vagrant` that keeps two VMs apart as the real one does (by its notes) and
 * two guests that are folders. However it ends or is killed, a start is one of a VM that has the work.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readAssets } from "../../src/bundle/assets.ts";
import { workbenchHash } from "../../src/bundle/plan.ts";
import { loadWorkbench } from "../../src/workbench/load.ts";
import { isRoot, makeKeptGuest } from "./fakes/kept-guest.ts";
import { executable, listen, program } from "./fakes/vagrant.ts";
import { makeWorld, type World } from "./fakes/world.ts";

const VAGRANT = (lab: string): string => `#!/bin/bash
L='${lab}'
M="\${VAGRANT_DOTFILE_PATH:-.vagrant}/machines/default/virtualbox"
count=$(($(cat "$L/count") + 1)); echo $count >"$L/count"
[[ $1 == --version ]] || echo "\${VAGRANT_DOTFILE_PATH:+beside }$1" >>"$L/calls"
[[ $(cat "$L/kill") != $count-before ]] || { kill -9 $PPID; exit 1; }
id=$(cat "$M/id" 2>/dev/null)
write() {
  [[ $(readlink -m "$M") != *' '* ]] || exit 1
  sed "s|KEY|$(readlink -m "$M")/private_key|" "$L/endpoints" >.notebox/endpoints.json
  echo "$id" >"$L/current"
}
case $1 in
--version) echo "Vagrant 2.4.1" ;;
status)
  state=$(cat "$L/vm-$id" 2>/dev/null || echo not_created)
  printf '1795468464,default,%s\\n' provider-name,virtualbox state,$state state-human-short,$state ;;
up)
  if [[ -z $id ]]; then
    id=new-$count; mkdir -p "$M"; echo $id >"$M/id"; cp "$L/private_key" "$M/private_key"
  fi
  printf %s "1.5:$id" >"$M/action_provision"
  for other in "$L"/vm-*; do
    [[ $other == "$L/vm-$id" || $(cat "$other") != running ]] || { echo "two VMs run at once" >>"$L/faults"; exit 1; }
  done
  echo running >"$L/vm-$id"; write ;;
provision | reload) write ;;
halt) echo poweroff >"$L/vm-$id"; rm -f .notebox/endpoints.json .notebox/open.html ;;
destroy)
  [[ ! -f $L/no-destroy ]] || exit 1
  rm -f "$L/vm-$id"; rm -rf "$M"
  [[ -n $NOTEBOX_BESIDE ]] || rm -f .notebox/endpoints.json ;;
esac
[[ $(cat "$L/kill") != $count-after ]] || kill -9 $PPID
exit 0
`;

const root = path.resolve(import.meta.dirname, "../..");

// Mounting needs root.
const asRoot = test.skipIf(!isRoot);

let world: World;
let lab: string;
const note = (name: string, text: string): void => fs.writeFileSync(path.join(lab, name), text);
const noted = (name: string): string => fs.readFileSync(path.join(lab, name), "utf8").trim();
const machine = (): string => path.join(world.folder, ".vagrant/machines/default/virtualbox");

beforeEach(async () => {
  if (!isRoot) return;
  world = await makeWorld();
  lab = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-upgrade-"));
  const file = path.join(world.folder, "workbench.yaml");
  const servers = await Promise.all([listen(0), listen(0)]);
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) server.close();
  let yaml = fs.readFileSync(file, "utf8").replace("memory: 2 GiB", "memory: 1 GiB");
  for (const [at, port] of ["8888", "8889"].entries()) yaml = yaml.replace(port, String(ports[at]));
  fs.writeFileSync(file, yaml);
  const provisioned = async () =>
    workbenchHash({ workbench: await loadWorkbench(world.folder), assets: readAssets(root) });
  world.guest.provisioned = { workbench: await provisioned(), finished: "2026-11-20T09:00:00Z" };
  for (const socket of world.guest.sockets ?? [])
    if (socket.port === 8888 || socket.port === 8889) socket.port = ports[socket.port - 8888] ?? 0;
  fs.mkdirSync(path.join(lab, "bin"));
  executable(path.join(lab, "bin/vagrant"), VAGRANT(lab));
  executable(path.join(lab, "bin/VBoxManage"), "#!/bin/bash\necho 7.0.20r163906\n");
  for (const name of ["calls", "faults", "kill"]) note(name, "");
  note("count", "0");
  fs.copyFileSync(world.ssh.key, path.join(lab, "private_key"));
  const endpoints = JSON.parse(fs.readFileSync(path.join(world.folder, ".notebox/endpoints.json"), "utf8"));
  note("endpoints", JSON.stringify({ ...endpoints, ssh: { ...endpoints.ssh, key: "KEY" } }));
  // The old VM, which runs and holds the work.
  fs.mkdirSync(machine(), { recursive: true });
  fs.writeFileSync(path.join(machine(), "id"), "old\n");
  fs.writeFileSync(path.join(machine(), "action_provision"), "1.5:old");
  fs.copyFileSync(world.ssh.key, path.join(machine(), "private_key"));
  note("vm-old", "running");
  note("current", "old");
  const guests = { old: makeKeptGuest(path.join(lab, "old")), fresh: makeKeptGuest(path.join(lab, "fresh"), {}) };
  guests.old.run("runuser -u notebox -- bash -c 'echo work >/home/notebox/a.txt'; echo 'row 2' >/var/lib/ledger");
  const { reply } = world.ssh;
  world.ssh.reply = (command) =>
    command.input.includes("b64decode") ? reply(command) : { stdout: JSON.stringify(world.guest.provisioned) };
  world.ssh.program = (command) =>
    command.includes("NOTEBOX-KEEP")
      ? (noted("current") === "old" ? guests.old : guests.fresh).program(command)
      : undefined;
});
afterEach(async () => {
  if (!isRoot) return;
  await world.close();
  fs.rmSync(lab, { recursive: true, force: true });
});

async function notebox(...args: string[]) {
  const child = spawn(process.execPath, [program, "-C", world.folder, "--json", ...args], {
    env: { PATH: `${path.join(lab, "bin")}:/usr/bin:/bin`, HOME: lab, VAGRANT_HOME: path.join(lab, "home"), CI: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, json: text === "" ? undefined : JSON.parse(text) };
}

/** The VMs that there are, which one a start would be one of, and whether the work is in it. */
function found() {
  const vms = fs
    .readdirSync(lab)
    .filter((name) => name.startsWith("vm-"))
    .map((name) => name.slice(3));
  const id = fs.readFileSync(path.join(machine(), "id"), "utf8").trim();
  const home = path.join(lab, id === "old" ? "old" : "fresh");
  const read = (name: string): string =>
    fs.existsSync(path.join(home, name)) ? fs.readFileSync(path.join(home, name), "utf8") : "";
  return { vms, id, work: read("home/notebox/a.txt") + read("lib/ledger"), faults: noted("faults") };
}

asRoot("a new VM with the work of the old one, which goes last", async () => {
  const { code, json } = await notebox("upgrade");
  expect([json?.error, code]).toEqual([undefined, 0]);
  expect(json.result.restored).toEqual(["the services' tokens", "the home folder", "what ledger held"]);
  const { vms, id, work, faults } = found();
  expect([vms, work, faults]).toEqual([[id], "work\nrow 2\n", ""]);
  expect(id).toMatch(/^new-/);
  expect(fs.existsSync(path.join(world.folder, ".notebox/upgrade"))).toBe(false);
  // The addresses are the new VM's, with its key where it lies now.
  const endpoints = JSON.parse(fs.readFileSync(path.join(world.folder, ".notebox/endpoints.json"), "utf8"));
  expect(endpoints.ssh.key).toBe(path.join(machine(), "private_key"));
  expect(fs.existsSync(json.result.backup.file)).toBe(true);
  expect(
    noted("calls")
      .split("\n")
      .filter((call) => /up|halt|destroy/.test(call)),
  ).toEqual(["halt", "beside up", "beside destroy"]);
});

asRoot("a check that fails: the old VM runs again, and the bundle is the one that it had", async () => {
  const file = path.join(world.folder, "workbench.yaml");
  const before = fs.readFileSync(path.join(world.folder, "Vagrantfile"), "utf8");
  fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace("cpus: 2", "cpus: 1"));
  world.guest.failed = ["broken.service"];
  const { code, json } = await notebox("upgrade", "--wait", "1s");
  expect([code, json.error.code]).toEqual([8, "check-failed"]);
  expect(json.error.message).toContain("the VM as it was is in use again");
  expect(found()).toEqual({ vms: ["old"], id: "old", work: "work\nrow 2\n", faults: "" });
  expect(noted("vm-old")).toBe("running");
  expect(fs.readFileSync(path.join(world.folder, "Vagrantfile"), "utf8")).toBe(before);
  expect(fs.existsSync(path.join(world.folder, ".notebox/upgrade"))).toBe(false);
  // As the hint says: workbench.yaml is the new one, and `up` brings it to the VM that is there.
  expect(json.error.hint).toMatch(
    /still says what the new VM was to be[\s\S]*`notebox up` sets up the VM that is there/,
  );
  world.guest.failed = [];
  const up = await notebox("up");
  expect([up.json?.error, up.code, up.json.result.action]).toEqual([undefined, 0, "reload"]);
  expect(fs.readFileSync(path.join(world.folder, "Vagrantfile"), "utf8")).toMatch(/cpus.*\b1\b/);
  expect(found()).toEqual({ vms: ["old"], id: "old", work: "work\nrow 2\n", faults: "" });
});

asRoot("a new VM that cannot be deleted then: it is said that the old one is off, and `up` starts it", async () => {
  world.guest.failed = ["broken.service"];
  note("no-destroy", "");
  const { code, json } = await notebox("upgrade", "--wait", "1s");
  expect([code, json.error.message]).toEqual([8, expect.stringContaining("is kept, but off: ")]);
  expect(json.error.hint).toContain("`notebox up` removes what was begun and starts it.");
  expect(noted("vm-old")).toBe("poweroff");
  fs.rmSync(path.join(lab, "no-destroy"));
  world.guest.failed = [];
  expect((await notebox("up")).code).toBe(0);
  expect(found()).toEqual({ vms: ["old"], id: "old", work: "work\nrow 2\n", faults: "" });
});

asRoot("what cannot be saved is not upgraded: the VM runs on", async () => {
  fs.writeFileSync(path.join(lab, "old/opt/notebox/lib/keep/book/save"), "#!/bin/bash\nexit 1\n");
  expect((await notebox("upgrade")).code).toBe(7);
  expect(noted("calls")).not.toMatch(/halt|up|destroy/);
  expect(found().vms).toEqual(["old"]);
});

asRoot(
  "killed when the old VM is off, when the new one is filled, and after the change-over: the next start has the work, and nothing is left over",
  async () => {
    // It calls --version, status, halt, up, provision and destroy; 3 is the halt, 5 the provision, 6 the destroy.
    for (const moment of ["3-after", "5-after", "6-before"]) {
      note("count", "0");
      note("kill", moment);
      await notebox("upgrade");
      note("kill", "");
      const { code, json } = await notebox("up");
      expect([moment, json?.error, code]).toEqual([moment, undefined, 0]);
      const { vms, id, work, faults } = found();
      expect([moment, vms, work, faults]).toEqual([moment, [id], "work\nrow 2\n", ""]);
      expect(fs.existsSync(path.join(world.folder, ".notebox/upgrade"))).toBe(false);
    }
  },
  240_000,
);
