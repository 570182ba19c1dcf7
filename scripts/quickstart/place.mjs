// The quickstart's own folder: where everything lies, what it remembers between runs, who uses it now.
// Nothing is ever deleted outside this folder; what lies elsewhere (VMs, volumes) goes through its own program.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { writeWhole } from "../kept-changes.mjs";
import { identify, isAlive } from "../own-processes.mjs";
import { EXIT, Stop } from "./stop.mjs";

const MARKER = "made-by-notebox-quickstart";

/** The user's data folder, as the XDG base directory specification says; a relative value counts as unset. */
export function dataFolder(env = process.env, home = os.homedir()) {
  const base = env.XDG_DATA_HOME;
  return path.join(base && path.isAbsolute(base) ? base : path.join(home, ".local", "share"), "notebox-quickstart");
}

export class Place {
  constructor(folder) {
    this.folder = folder;
    this.share = path.join(folder, "share");
    this.boxes = path.join(folder, "boxes");
    this.workbench = path.join(folder, "hello");
    this.cache = path.join(folder, "cache");
    this.temporary = path.join(folder, "tmp");
    this.vagrantHome = path.join(folder, "vagrant-home");
    this.libvirt = path.join(folder, "libvirt");
    this.logs = path.join(folder, "logs");
    this.stateFile = path.join(folder, "state.json");
    this.lockFile = path.join(folder, "lock.json");
  }

  /** True when the folder is there and ours. Throws Stop when something else has its name. */
  exists() {
    const stat = fs.lstatSync(this.folder, { throwIfNoEntry: false });
    if (!stat) return false;
    if (!stat.isDirectory()) throw this.foreign("is not a folder");
    if (fs.existsSync(path.join(this.folder, MARKER))) return true;
    // Killed between making the folder and marking it.
    if (fs.readdirSync(this.folder).length === 0) return false;
    throw this.foreign("was not made by the quickstart");
  }

  /** True once the workbench was copied to its end: workbench.yaml comes last. */
  hasWorkbench() {
    return fs.existsSync(path.join(this.workbench, "workbench.yaml"));
  }

  foreign(why) {
    return new Stop(EXIT.refused, `${this.folder} ${why}.`, "Move it away, or set XDG_DATA_HOME to another folder.");
  }

  make() {
    this.exists();
    fs.mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    fs.writeFileSync(path.join(this.folder, MARKER), "npm run quickstart -- --clean removes this folder.\n");
    fs.mkdirSync(this.logs, { recursive: true, mode: 0o700 });
  }

  /** What earlier runs noted. */
  state() {
    try {
      return JSON.parse(fs.readFileSync(this.stateFile, "utf8"));
    } catch (error) {
      if (error.code === "ENOENT") return { installed: [], boxes: [] };
      throw new Stop(EXIT.refused, `${this.stateFile} cannot be read: ${error.message}`, "Remove it and run again.");
    }
  }

  note(changes) {
    const state = { ...this.state(), ...changes };
    writeWhole(this.stateFile, `${JSON.stringify(state, null, 2)}\n`);
    return state;
  }

  /** One run at a time. A lock whose holder is gone (killed, other boot) counts for nothing. */
  lock() {
    for (let turn = 0; turn < 3; turn++) {
      const mine = `${this.lockFile}.${process.pid}`;
      fs.writeFileSync(mine, JSON.stringify(identify(process.pid) ?? { pid: process.pid }));
      try {
        fs.linkSync(mine, this.lockFile);
        return () => fs.rmSync(this.lockFile, { force: true });
      } catch (error) {
        if (error.code !== "EEXIST") throw error;
        const holder = readJson(this.lockFile);
        if (isAlive(holder))
          throw new Stop(
            EXIT.busy,
            `A quickstart is already at work (process ${holder.pid}).`,
            "Wait for it, or end it.",
          );
        fs.rmSync(this.lockFile, { force: true });
      } finally {
        fs.rmSync(mine, { force: true });
      }
    }
    throw new Stop(EXIT.busy, "Another quickstart starts at this moment.", "Wait for it, or try again.");
  }

  /** Deletes one thing in the folder; links are removed, never followed. */
  remove(target) {
    const relative = path.relative(this.folder, target);
    if (relative === "" || relative.startsWith("..") || path.isAbsolute(relative))
      throw new Error(`${target} does not lie in ${this.folder}`);
    if (!this.exists()) return;
    const mounted = mountPoints().find((point) => point === target || point.startsWith(`${target}/`));
    if (mounted)
      throw new Stop(EXIT.refused, `${mounted} is mounted; deleting would reach into it.`, `umount ${mounted}`);
    fs.rmSync(target, { recursive: true, force: true, maxRetries: 3 });
  }

  /** Deletes the folder itself, when only what the quickstart knows is left in it. */
  removeWhenEmpty() {
    for (const name of fs.readdirSync(this.folder))
      if (name.startsWith("lock.json") || name.endsWith(".part")) this.remove(path.join(this.folder, name));
    const left = fs.readdirSync(this.folder).filter((name) => name !== MARKER);
    if (left.length > 0) return left;
    fs.rmSync(path.join(this.folder, MARKER), { force: true });
    fs.rmdirSync(this.folder);
    return [];
  }
}

/** What is mounted where, for this process (proc_pid_mountinfo(5): blanks are written as octal). */
function mountPoints() {
  let text;
  try {
    text = fs.readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    return [];
  }
  return text
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .map((point) => point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))));
}

export function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
