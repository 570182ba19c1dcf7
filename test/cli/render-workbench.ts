/** A workbench in a temporary folder, and the built program to render it with. */
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

export const PROGRAM = path.resolve(import.meta.dirname, "../../dist/notebox.cjs");

const WORKBENCH = `version: 1
name: hello
title: Hello
box: { name: notebox/debian-13, version: ">= 13.1", shares: [/srv/boxes] }
services:
  jupyter: { port: 8888 }
packages: { python: [pandas] }
`;

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export class Workbench {
  readonly folder: string;
  readonly around: string;

  constructor(text = WORKBENCH) {
    this.around = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-render-"));
    this.folder = path.join(this.around, "Übung 1");
    fs.mkdirSync(this.folder);
    this.describe(text);
  }

  describe(text: string): void {
    this.write("workbench.yaml", text);
  }

  /** Other packages, so that the next render has something to change. */
  change(packages: string): void {
    this.describe(WORKBENCH.replace("[pandas]", `[${packages}]`));
  }

  path(name: string): string {
    return path.join(this.folder, name);
  }

  write(name: string, content: string | Buffer): void {
    fs.mkdirSync(path.dirname(this.path(name)), { recursive: true });
    fs.writeFileSync(this.path(name), content);
  }

  read(name: string): string {
    return fs.readFileSync(this.path(name), "utf8");
  }

  /** Everything below the folder but the logs, as path → content. */
  files(): Map<string, string> {
    const names = fs.readdirSync(this.folder, { recursive: true, encoding: "utf8" }).sort();
    const files = names.filter((name) => !name.startsWith(".notebox/logs") && fs.lstatSync(this.path(name)).isFile());
    return new Map(files.map((name) => [name, this.read(name)]));
  }

  render(args: string[] = [], env: NodeJS.ProcessEnv = {}, before = ""): Outcome {
    const command = `${before} exec "$0" "$@"`;
    const run = spawnSync("sh", ["-c", command, process.execPath, PROGRAM, "-C", this.folder, "render", ...args], {
      cwd: this.around,
      encoding: "utf8",
      env: { ...process.env, ...env },
    });
    return { code: run.status, stdout: run.stdout, stderr: run.stderr };
  }

  /** Starts a render and kills it outright after so many milliseconds. */
  async renderKilledAfter(ms: number): Promise<void> {
    const child = spawn(process.execPath, [PROGRAM, "-C", this.folder, "render"], { stdio: "ignore" });
    const timer = setTimeout(() => child.kill("SIGKILL"), ms);
    await new Promise((resolve) => child.once("close", resolve));
    clearTimeout(timer);
  }

  /** Renders while the test goes on; gives back the exit code. */
  async renderBeside(): Promise<number | null> {
    const child = spawn(process.execPath, [PROGRAM, "-C", this.folder, "render"], { stdio: "ignore" });
    return await new Promise((resolve) => child.once("close", resolve));
  }

  remove(): void {
    fs.rmSync(this.around, { recursive: true, force: true });
  }
}
