/** A hand-out on a novice's Linux or macOS: unpacked somewhere, its launchers run by the real bash, all else stand-ins. */
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Standins } from "../launchers/standins.ts";
import { PROGRAM } from "./render-workbench.ts";

/** A folder name with all that shells trip over. */
export const AWKWARD = "Kurs für Söhne & Co! (100% $HOME)";

/** What the launchers may use; Vagrant is found in `programs` or not at all. */
const TOOLS =
  "bash basename cat chmod cp cut date df dirname env grep id ls mkdir mv ps rm ruby sed sh sleep touch tr uname curl";

export interface Ran {
  code: number | null;
  text: string;
}

export class Novice {
  readonly around = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-novice-"));
  readonly standins = new Standins(this.around);
  /** The unpacked hand-out. */
  readonly folder: string;
  readonly home = path.join(this.around, "home");
  readonly #tools = path.join(this.around, "tools");

  constructor(title = "Hello", unpackInto = AWKWARD) {
    fs.mkdirSync(this.home);
    fs.mkdirSync(this.#tools);
    for (const tool of TOOLS.split(" "))
      fs.symlinkSync(
        spawnSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" }).stdout.trim(),
        path.join(this.#tools, tool),
      );
    const author = path.join(this.around, "author");
    const share = path.join(this.around, "share");
    const zip = path.join(this.around, "hello.zip");
    const run = (...words: string[]): void => {
      const done = spawnSync(process.execPath, [PROGRAM, ...words], { encoding: "utf8" });
      if (done.status !== 0) throw new Error(done.stdout + done.stderr);
    };
    run("init", author, "--yes", "--template", "hello", "--name", "hello", "--title", title, "--share", share);
    run("render", "-C", author, "--zip", zip);
    const into = path.join(this.around, unpackInto);
    fs.mkdirSync(into);
    const unzipped = spawnSync("unzip", ["-q", zip, "-d", into], { encoding: "utf8" });
    if (unzipped.status !== 0) throw new Error(unzipped.stderr);
    this.folder = path.join(into, "hello");
    this.standins.share(this.folder);
  }

  path(name: string): string {
    return path.join(this.folder, name);
  }

  env(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const own = { PATH: `${this.standins.programs}:${this.#tools}`, HOME: this.home, LC_ALL: "C.UTF-8" };
    return { ...own, NOTEBOX_STANDIN: this.standins.folder, ...more };
  }

  /** Double-clicks. `input` is what is typed. */
  click(
    file: string,
    { env = {}, input = "", folder = this.folder }: { env?: NodeJS.ProcessEnv; input?: string; folder?: string } = {},
  ): Ran {
    const [command = "", ...args] = file.endsWith(".desktop")
      ? this.#exec(path.join(folder, file))
      : [path.join(folder, file)];
    const run = spawnSync(command, args, { cwd: "/", encoding: "utf8", env: this.env(env), input });
    return { code: run.status, text: run.stdout + run.stderr };
  }

  /** Double-clicks and goes on; `kill` ends the whole window at once. */
  begin(file: string): { kill: () => void; done: Promise<Ran> } {
    const child = spawn(this.path(file), [], {
      cwd: "/",
      env: this.env(),
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part) => (text += part));
    const done = new Promise<Ran>((resolve) => child.once("close", (code) => resolve({ code, text })));
    return { kill: () => process.kill(-(child.pid ?? 0), "SIGKILL"), done };
  }

  /** Exec of a .desktop file, unescaped, split and with %k filled in, as its specification says. */
  #exec(file: string): string[] {
    const exec = /^Exec=(.*)$/m.exec(fs.readFileSync(file, "utf8"))?.[1] ?? "";
    const letters: Record<string, string> = { s: " ", n: "\n", t: "\t", r: "\r" };
    const text = exec.replace(/\\([sntr\\])/g, (_, letter: string) => letters[letter] ?? "\\");
    const words = [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
      (match) => match[1]?.replace(/\\(["`$\\])/g, "$1") ?? match[2] ?? "",
    );
    return words.map((word) => (word === "%k" ? file : word.replaceAll("%%", "%")));
  }

  remove(): void {
    fs.rmSync(this.around, { recursive: true, force: true });
  }
}
