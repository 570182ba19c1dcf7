/**
 * A folder that Wine sees as Z:\w: hand-outs, and stand-ins for Vagrant, VirtualBox and Windows' own tools on PATH. The
 * stand-in vagrant.cmd has a Ruby beside it run the real Vagrantfile of the folder.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Call, Standins } from "./standins.ts";
import { ensureNodeExe, ensureWineRoot, runWine } from "./wine-root.mjs";

const root = path.resolve(import.meta.dirname, "../..");
export const program = path.join(root, "dist/notebox.cjs");

export interface Ran {
  code: number | null;
  /** What the window showed, both streams. */
  output: string;
  timedOut: boolean;
}

/** The words for Windows' batch files have Windows' line ends. */
const batch = (...lines: string[]): string => ["@echo off", ...lines, ""].join("\r\n");

/** Runs Ruby's Vagrant beside Wine, waits for its end (Wine cannot) and shows what it said. */
const VAGRANT = batch(
  "del Z:\\w\\standin\\ended 2>nul",
  '>>Z:\\w\\standin\\homes echo "%VAGRANT_HOME%"',
  // Wine starts it in the folder of the program; this mark tells which folder it was called in.
  "echo here> .called-here",
  "start /unix /w/standin/beside %*",
  ":wait",
  "if exist Z:\\w\\standin\\ended goto ended",
  "ping -n 2 127.0.0.1 >nul",
  "goto wait",
  ":ended",
  "type Z:\\w\\standin\\shown",
  "set /p CODE=<Z:\\w\\standin\\ended",
  "exit /b %CODE%",
);

const BESIDE = `#!/bin/sh
export NOTEBOX_STANDIN=/w/standin PATH=/w/programs:/usr/bin:/bin HOME=/w/home LC_ALL=C.UTF-8
unset VAGRANT_HOME
mark=$(find /w -name .called-here -print -quit)
cd "\${mark%/*}" && rm .called-here
ruby /w/standin-programs/vagrant.rb "$@" >/w/standin/shown 2>&1
echo $? >/w/standin/ended.part
mv /w/standin/ended.part /w/standin/ended
`;

/** showvminfo alone is asked for by a launcher; everything else is asked by Ruby, beside. */
const VBOXMANAGE = batch(
  "echo %*>> Z:\\w\\standin\\vbox-windows",
  "if not exist Z:\\w\\standin\\vm exit /b 1",
  "for /f %%S in (Z:\\w\\standin\\vm) do set STATE=%%S",
  'echo VMState="%STATE%"',
);

const TOOLS: Record<string, string> = {
  // Only H: is a network drive.
  net: batch('if "%2"=="H:" exit /b 0', "exit /b 2"),
  whoami: batch('echo "PC\\jurgen","S-1-5-21-1-2-3-1001"'),
  icacls: batch("echo %*>> Z:\\w\\standin\\rights"),
  reg: batch("exit /b 1"),
  tasklist: batch("echo INFO: No tasks are running which match the specified criteria."),
};

export class Workspace {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-launchers-"));
  readonly standins = new Standins(this.folder);
  readonly #wine = ensureWineRoot((text: string) => process.stderr.write(`${text}\n`));

  constructor() {
    for (const each of ["bin", "fake", "home"]) fs.mkdirSync(path.join(this.folder, each));
    this.write("fake/xdg-open", '#!/bin/sh\nprintf "%s\\n" "$@" >> /w/standin/opened\n');
    this.write("standin/beside", BESIDE);
    this.tool("vagrant", VAGRANT);
    this.tool("VBoxManage", VBOXMANAGE);
    for (const [name, text] of Object.entries(TOOLS)) this.tool(name, text);
  }

  /** Puts a program on Windows' PATH; undefined takes it away, or brings a system tool's usual stand-in back. */
  tool(name: string, text: string | undefined): void {
    const usual = text ?? TOOLS[name];
    if (usual === undefined) fs.rmSync(path.join(this.folder, "bin", `${name}.cmd`), { force: true });
    else this.write(`bin/${name}.cmd`, usual);
  }

  /** A `vagrant` that only ends with this exit code; undefined: the one with Ruby beside it. */
  installVagrant(exitCode?: number): void {
    this.tool("vagrant", exitCode === undefined ? VAGRANT : batch("echo vagrant says %1", `exit /b ${exitCode}`));
  }

  /** A hand-out, unzipped into a folder of this name. Returns its own folder. */
  handout(into: string, title: string): string {
    const author = path.join(this.folder, "author");
    const zip = path.join(this.folder, "trial.zip");
    fs.rmSync(author, { recursive: true, force: true });
    const run = (...words: string[]) => execFileSync(process.execPath, [program, ...words], { stdio: "pipe" });
    run("init", author, "--yes", "--template", "hello", "--name", "trial", "--title", title, "--share", "/w/share");
    run("render", "-C", author, "--zip", zip);
    execFileSync("unzip", ["-q", "-o", zip, "-d", path.join(this.folder, into)], {
      env: { ...process.env, LC_ALL: "C.UTF-8" },
    });
    const folder = path.join(this.folder, into, "trial");
    this.standins.share(folder, ["amd64"], (file) => path.join(this.folder, path.relative("/w", file)));
    return folder;
  }

  /** A workbench of the template, rendered, in a folder with this name. Returns the folder. */
  workbench(name: string, title: string, template = "hello"): string {
    const folder = path.join(this.folder, name);
    const run = (...words: string[]) => execFileSync(process.execPath, [program, ...words], { stdio: "pipe" });
    run("init", folder, "--yes", "--template", template, "--name", "trial", "--title", title, "--share", "/w/share");
    run("render", "-C", folder);
    return folder;
  }

  /** Double-clicks: runs the batch file of that folder as cmd.exe does; `input` is typed. */
  async click(
    folder: string,
    file: string,
    { input = "", env = {} }: { input?: string; env?: Record<string, string> } = {},
  ): Promise<Ran> {
    return await this.#run(["cmd", "/c", file], folder, input, env);
  }

  /** Runs notebox under Windows' own node.exe. */
  async notebox(folder: string, ...words: string[]): Promise<Ran> {
    this.#installNotebox();
    return await this.#run(["Z:\\w\\node\\node.exe", "Z:\\w\\package\\dist\\notebox.cjs", ...words], folder);
  }

  /** The calls that `vagrant` got, with folders as this system sees them. */
  calls(): Call[] {
    return this.standins
      .calls()
      .map((call) => ({ ...call, folder: path.join(this.folder, path.relative("/w", call.folder)) }));
  }

  /** What was opened in a browser. */
  opened(): string[] {
    return this.standins.opened();
  }

  /** Lines of one of the stand-ins' notes. */
  noted(name: string): string[] {
    const file = path.join(this.folder, "standin", name);
    return fs.existsSync(file)
      ? fs
          .readFileSync(file, "utf8")
          .split(/ *\r?\n/)
          .filter(Boolean)
      : [];
  }

  forget(): void {
    this.standins.forget();
    for (const name of ["homes", "rights", "vbox-windows"])
      fs.rmSync(path.join(this.folder, "standin", name), { force: true });
  }

  write(name: string, text: string): void {
    fs.mkdirSync(path.dirname(path.join(this.folder, name)), { recursive: true });
    fs.writeFileSync(path.join(this.folder, name), text, { mode: 0o755 });
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  async #run(args: string[], folder: string, input = "", env: Record<string, string> = {}): Promise<Ran> {
    const cwd = path.posix.join("/w", path.relative(this.folder, folder));
    const own = { WINEPATH: "Z:\\w\\bin", ...env };
    return await runWine(this.#wine, this.folder, args, { cwd, env: own, input, timeoutMs: 150_000 });
  }

  #installNotebox(): void {
    const to = path.join(this.folder, "package");
    if (fs.existsSync(to)) return;
    for (const part of ["dist", "templates", "provision", "boxes", "schema", "examples", "package.json"])
      fs.cpSync(path.join(root, part), path.join(to, part), { recursive: true });
    const node = ensureNodeExe((text: string) => process.stderr.write(`${text}\n`));
    fs.cpSync(node, path.join(this.folder, "node"), { recursive: true });
  }
}
