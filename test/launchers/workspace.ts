/** A folder that Wine sees as Z:\w: a rendered workbench, a `vagrant` and an `xdg-open` that write down their calls. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { ensureNodeExe, ensureWineRoot, runWine } from "./wine-root.mjs";

const root = path.resolve(import.meta.dirname, "../..");
export const program = path.join(root, "dist/notebox.cjs");

export interface Ran {
  code: number | null;
  /** What the window showed, both streams. */
  output: string;
  timedOut: boolean;
}

export class Workspace {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-launchers-"));
  readonly #wine = ensureWineRoot((text: string) => process.stderr.write(`${text}\n`));

  constructor() {
    fs.mkdirSync(path.join(this.folder, "bin"));
    fs.mkdirSync(path.join(this.folder, "fake"));
    this.#script("fake/xdg-open", '#!/bin/sh\nprintf "%s\\n" "$@" >> /w/opened.txt\n');
  }

  /** Puts a `vagrant` on Windows' PATH that records its folder and arguments and ends with this exit code. */
  installVagrant(exitCode: number): void {
    const lines = [
      "@echo off",
      'echo "%CD%"^|%*>> Z:\\w\\calls.txt',
      "echo vagrant says %1",
      `exit /b ${exitCode}`,
      "",
    ];
    fs.writeFileSync(path.join(this.folder, "bin/vagrant.cmd"), lines.join("\r\n"));
  }

  /** A workbench of the template, rendered, in a folder with this name. Returns the folder. */
  workbench(name: string, title: string, template = "hello"): string {
    const folder = path.join(this.folder, name);
    const run = (...words: string[]) => execFileSync(process.execPath, [program, ...words], { stdio: "pipe" });
    run("init", folder, "--yes", "--template", template, "--name", "trial", "--title", title, "--share", "/srv/boxes");
    run("render", "-C", folder);
    return folder;
  }

  /** Double-clicks: runs the batch file of that folder as cmd.exe does, with nobody at the keyboard. */
  async click(folder: string, file: string): Promise<Ran> {
    return await this.#run(["cmd", "/c", file], folder);
  }

  /** Runs notebox under Windows' own node.exe. */
  async notebox(folder: string, ...words: string[]): Promise<Ran> {
    this.#installNotebox();
    return await this.#run(["Z:\\w\\node\\node.exe", "Z:\\w\\package\\dist\\notebox.cjs", ...words], folder);
  }

  /** The calls that `vagrant` got: its folder and its arguments. */
  calls(): { folder: string; words: string }[] {
    return this.#lines("calls.txt").map((line) => {
      const [folder = "", words = ""] = line.split("|");
      return { folder, words: words.trim() };
    });
  }

  /** What was opened in a browser. */
  opened(): string[] {
    return this.#lines("opened.txt");
  }

  forget(): void {
    for (const file of ["calls.txt", "opened.txt"]) fs.rmSync(path.join(this.folder, file), { force: true });
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  async #run(args: string[], folder: string): Promise<Ran> {
    const cwd = path.posix.join("/w", path.relative(this.folder, folder));
    return await runWine(this.#wine, this.folder, args, { cwd, env: { WINEPATH: "Z:\\w\\bin" }, timeoutMs: 150_000 });
  }

  #installNotebox(): void {
    const to = path.join(this.folder, "package");
    if (fs.existsSync(to)) return;
    for (const part of ["dist", "templates", "provision", "boxes", "schema", "examples", "package.json"])
      fs.cpSync(path.join(root, part), path.join(to, part), { recursive: true });
    fs.cpSync(
      ensureNodeExe((text: string) => process.stderr.write(`${text}\n`)),
      path.join(this.folder, "node"),
      {
        recursive: true,
      },
    );
  }

  #lines(file: string): string[] {
    const at = path.join(this.folder, file);
    return fs.existsSync(at) ? fs.readFileSync(at, "utf8").split(/\r?\n/).filter(Boolean) : [];
  }

  #script(name: string, text: string): void {
    fs.writeFileSync(path.join(this.folder, name), text, { mode: 0o755 });
  }
}
