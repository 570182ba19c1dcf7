/**
 * One notebox at a time works on a workbench's VM: `.notebox/up.lock` names who does. A lock whose process has ended
 * is taken over, and what that process left running (Vagrant goes on by itself) is known from the lock too.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { asDiskFull, systemErrorCode, UserError } from "../errors.ts";
import type { Deps, ProcessIdentity } from "../ports.ts";

export interface LockOwner {
  host: string;
  process: ProcessIdentity;
  /** ISO 8601. */
  time: string;
  command: string;
  /** The Vagrant that is at work. */
  child?: ProcessIdentity;
}

export interface Lock {
  /** Notes which Vagrant is at work, so that a later run can end it if this one is killed. */
  setChild(child: ProcessIdentity | undefined): void;
  /** The owner that died without releasing the lock, if there was one. */
  readonly previous: LockOwner | undefined;
  release(): void;
}

/** A lock file that cannot be read is somebody's who is writing it just now, unless it is older than this. */
const WRITING_MS = 5000;
/** Whoever takes a lock over holds this second one for a few milliseconds. */
const TAKEOVER_MS = 30_000;

type Needs = Pick<Deps, "processes" | "clock" | "signal">;

/** Who is at work on the workbench's VM, if anybody is. Takes nothing. */
export function atWork(deps: Pick<Deps, "processes" | "clock">, folder: string): LockOwner | undefined {
  const found = readOwner(path.join(folder, ".notebox", "up.lock"), deps.clock.now());
  return typeof found === "string" || isDead(deps, found) ? undefined : found;
}

/** Throws `busy` when somebody else has the lock. The folder `.notebox` is made if need be. */
export async function takeLock(deps: Needs, folder: string, command: string): Promise<Lock> {
  const file = path.join(folder, ".notebox", "up.lock");
  const owner: LockOwner = {
    host: os.hostname(),
    process: deps.processes.self(),
    time: new Date(deps.clock.now()).toISOString(),
    command,
  };
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    for (let attempt = 0; attempt < 60; attempt++) {
      if (createNew(file, owner)) return makeLock(file, owner, undefined);
      const found = readOwner(file, deps.clock.now());
      if (found === "gone") continue;
      if (found !== "unreadable" && !isDead(deps, found)) throw busy(found, file);
      if (found !== "unreadable" || olderThan(file, deps.clock.now(), WRITING_MS)) {
        const previous = takeOver(deps, file, owner);
        if (previous !== "lost") return makeLock(file, owner, previous);
      }
      await deps.clock.sleep(50 + Math.random() * 50, deps.signal);
    }
  } catch (error) {
    throw asDiskFull(readOnly(error, folder), file);
  }
  throw new UserError({
    code: "busy",
    message: "Another notebox is starting or stopping this workbench.",
    hint: `Wait a moment and try again. If no other notebox runs, delete ${file}.`,
  });
}

function makeLock(file: string, owner: LockOwner, previous: LockOwner | undefined): Lock {
  let current = owner;
  return {
    previous,
    setChild(child) {
      const { child: _before, ...rest } = current;
      current = child === undefined ? rest : { ...rest, child };
      try {
        replace(file, current);
      } catch {
        // Only a later recovery needs it; a full disk is reported by whoever needs the space.
      }
    },
    release() {
      const found = readOwner(file, 0);
      if (typeof found !== "string" && sameOwner(found, owner)) fs.rmSync(file, { force: true });
    },
  };
}

function createNew(file: string, owner: LockOwner): boolean {
  try {
    fs.writeFileSync(file, JSON.stringify(owner), { flag: "wx" });
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
}

function replace(file: string, owner: LockOwner): void {
  const next = `${file}.${owner.process.pid}`;
  fs.writeFileSync(next, JSON.stringify(owner));
  fs.renameSync(next, file);
}

/**
 * Puts the own name into a dead owner's lock. The lock file itself is never absent meanwhile, and a second lock
 * (a folder) makes sure that of several who see the same dead owner only one does this.
 */
function takeOver(deps: Needs, file: string, owner: LockOwner): LockOwner | undefined | "lost" {
  const guard = `${file}.takeover`;
  try {
    fs.mkdirSync(guard);
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
    if (olderThan(guard, deps.clock.now(), TAKEOVER_MS)) fs.rmSync(guard, { recursive: true, force: true });
    return "lost";
  }
  try {
    const found = readOwner(file, deps.clock.now());
    if (found === "gone" || (found !== "unreadable" && !isDead(deps, found))) return "lost";
    replace(file, owner);
    return found === "unreadable" ? undefined : found;
  } finally {
    fs.rmSync(guard, { recursive: true, force: true });
  }
}

/** Dead for sure: a process of this computer that does not run. Of another computer's nothing can be known. */
function isDead(deps: Pick<Needs, "processes">, owner: LockOwner): boolean {
  return owner.host === os.hostname() && !deps.processes.isAlive(owner.process);
}

function sameOwner(a: LockOwner, b: LockOwner): boolean {
  return a.host === b.host && a.process.pid === b.process.pid && a.time === b.time;
}

function readOwner(file: string, _now: number): LockOwner | "gone" | "unreadable" {
  let text: string;
  try {
    text = fs.readFileSync(file, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return "gone";
    return "unreadable";
  }
  try {
    const data = JSON.parse(text) as LockOwner;
    if (typeof data.host === "string" && typeof data.process.pid === "number") return data;
  } catch {
    // Half-written, or by a crash of the computer.
  }
  return "unreadable";
}

function olderThan(file: string, now: number, ms: number): boolean {
  try {
    return now - fs.statSync(file).mtimeMs > ms;
  } catch {
    return false;
  }
}

function readOnly(error: unknown, folder: string): unknown {
  const code = systemErrorCode(error);
  if (code === "EEXIST" || code === "ENOTDIR") {
    const message = `${path.join(folder, ".notebox")} is a file, and notebox needs a folder of its own there.`;
    return new UserError({ code: "refused", message, hint: "Move it away.", cause: error });
  }
  // ENOENT is what Node makes of a read-only disk when it is to make a folder.
  if (code !== "EACCES" && code !== "EROFS" && code !== "EPERM" && code !== "ENOENT") return error;
  return new UserError({
    code: "refused",
    message: `The workbench folder ${folder} cannot be written.`,
    hint: "Copy the folder to a place of your own on this computer and start there.",
    cause: error,
  });
}

function busy(owner: LockOwner, file: string): UserError {
  const here = owner.host === os.hostname();
  const since = owner.time.replace("T", " ").replace(/\.\d+Z$/, " UTC");
  return new UserError({
    code: "busy",
    message: `\`notebox ${owner.command}\` is at work on this workbench already: process ${owner.process.pid} on ${
      here ? "this computer" : `the computer ${owner.host}`
    }, since ${since}.`,
    hint: here
      ? "Wait until it is done, or stop it with Ctrl-C where it runs."
      : `Wait until it is done there. If nothing runs on ${owner.host} any more, delete ${file}.`,
  });
}
