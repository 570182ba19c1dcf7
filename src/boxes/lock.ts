/**
 * One writer at a time in a share: a lock file that names host, process and time. Readers need none. A lock whose
 * process has ended on this very computer is taken over. Of another computer's processes nothing can be known, so each
 * owner renews its lock (lock-pulse.ts): one that has not been renewed for minutes may be taken over, by who says so.
 */
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { asDiskFull, systemErrorCode, UserError } from "../errors.ts";
import type { Clock, Processes, ProcessIdentity } from "../ports.ts";
import { LOCK_FILE } from "./layout.ts";
import { DEAD_AFTER_MS, quietFor, startPulse } from "./lock-pulse.ts";

export interface ShareLockOwner {
  host: string;
  process: ProcessIdentity;
  /** ISO 8601. */
  time: string;
  command: string;
}

interface Needs {
  processes: Pick<Processes, "self" | "isAlive">;
  clock: Pick<Clock, "now">;
}

/** Runs `work` while holding the lock. Throws UserError `busy` with the owner's name when somebody else has it. */
export async function withShareLock<T>(
  deps: Needs,
  share: string,
  command: string,
  work: (lock: HeldLock) => Promise<T>,
  options: { takeOver?: boolean } = {},
): Promise<T> {
  const file = path.join(share, LOCK_FILE);
  const { takeOver = false } = options;
  return await withLock(deps, { file, command, doing: "is writing to this share", share, takeOver }, work);
}

export interface HeldLock {
  /** Throws UserError `busy` when somebody has taken the lock over (this computer slept, or was cut off). */
  check(): Promise<void>;
}

export interface LockOptions {
  file: string;
  /** The owner's verb, for whoever meets the lock. */
  command: string;
  /** What the owner does, as the end of "`notebox …` …". */
  doing: string;
  /** Whether another computer's lock that nobody has renewed for minutes is taken over. */
  takeOver?: boolean;
  /** The share's folder, for the hint that says how to. */
  share?: string;
}

/** The same for any other lock file. */
export async function withLock<T>(
  deps: Needs,
  { file, command, doing, takeOver = false, share }: LockOptions,
  work: (lock: HeldLock) => Promise<T>,
): Promise<T> {
  const owner: ShareLockOwner = {
    host: os.hostname(),
    process: deps.processes.self(),
    time: new Date(deps.clock.now()).toISOString(),
    command,
  };
  const mine = `${JSON.stringify(owner)}\n`;
  await take(deps, { file, doing, takeOver, share: share ?? path.dirname(file) }, owner, mine);
  const pulse = await startPulse(file, mine);
  const check = async (): Promise<void> => {
    const text = await read(file);
    if (text !== mine) throw busy(file, doing, text === undefined ? undefined : parse(text));
  };
  try {
    return await work({ check });
  } finally {
    await pulse.stop();
    // Only the own lock: an administrator may have removed it and somebody else taken it since.
    if ((await read(file)) === mine) await fs.rm(file, { force: true });
  }
}

/** Tries until the lock is free, at most `limitMs`; then throws the last UserError `busy`. Other errors pass at once. */
export async function whenFree<T>(
  deps: { clock: Clock; signal: AbortSignal },
  limitMs: number,
  attempt: () => Promise<T>,
): Promise<T> {
  const end = deps.clock.now() + limitMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== "busy" || deps.clock.now() >= end) throw error;
    }
    await deps.clock.sleep(200 + Math.random() * 300, deps.signal);
  }
}

interface Contested {
  file: string;
  doing: string;
  takeOver: boolean;
  share: string;
}

async function take(deps: Needs, contested: Contested, owner: ShareLockOwner, mine: string): Promise<void> {
  const { file, doing, takeOver, share } = contested;
  for (let attempt = 0; attempt < 5; attempt++) {
    if (await createWhole(file, owner, mine)) return await clearDrafts(deps, file, owner.host);
    const text = await read(file);
    if (text === undefined) continue;
    const found = parse(text);
    if (isOwn(found, owner.host)) {
      if (deps.processes.isAlive(found.process)) throw busy(file, doing, found);
    } else {
      const quiet = await quietFor(file);
      if (quiet < DEAD_AFTER_MS) throw busy(file, doing, found);
      if (!takeOver) throw silent(doing, share, found, quiet);
    }
    await removeStale(file, text, owner);
  }
  throw busy(file, doing, undefined);
}

function isOwn(found: ShareLockOwner | undefined, host: string): found is ShareLockOwner {
  return found?.host === host;
}

/** Whether nobody can be holding that lock file: it is not there, its process has ended, or it has not been renewed. */
export async function isLockDead(deps: Pick<Needs, "processes">, file: string): Promise<boolean> {
  const text = await read(file);
  if (text === undefined) return true;
  const found = parse(text);
  if (isOwn(found, os.hostname())) return !deps.processes.isAlive(found.process);
  return (await quietFor(file)) >= DEAD_AFTER_MS;
}

function hostPart(host: string): string {
  return host.replace(/[^A-Za-z0-9-]/g, "-");
}

/** What this computer's killed processes left beside a lock on their way to it; other computers' is for `prune`. */
async function clearDrafts(deps: Needs, file: string, host: string): Promise<void> {
  const folder = path.dirname(file);
  const start = `${path.basename(file)}.`;
  for (const name of await fs.readdir(folder)) {
    if (!name.startsWith(start)) continue;
    const [, place, pid] = /^(?:stale-)?(.*)-(\d+)$/.exec(name.slice(start.length)) ?? [];
    if (place !== hostPart(host)) continue;
    const text = await read(path.join(folder, name));
    const made = text === undefined ? undefined : parse(text);
    // The name alone tells whose it is where the process was killed before it wrote; a stale lock holds another's name.
    const maker = made?.process.pid === Number(pid) ? made.process : { pid: Number(pid), started: "" };
    if (!deps.processes.isAlive(maker)) await fs.rm(path.join(folder, name), { force: true });
  }
}

/** The lock appears with its content, by a link: a file made first and filled later would be read half-written. */
async function createWhole(file: string, owner: ShareLockOwner, mine: string): Promise<boolean> {
  const draft = `${file}.${hostPart(owner.host)}-${owner.process.pid}`;
  try {
    await fs.writeFile(draft, mine);
    await fs.link(draft, file);
    return true;
  } catch (error) {
    const full = asDiskFull(error, file);
    if (full instanceof UserError)
      throw new UserError({
        code: "disk-full",
        message: `The disk is full: even the lock ${file} has no room.`,
        hint: "Delete something small by hand, a *.part or what is in quarantine/; then `notebox box prune` can do the rest.",
        cause: error,
      });
    const code = systemErrorCode(error);
    if (code === "EEXIST") return false;
    // Some file servers have no links; there an exclusive file must do.
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP" && code !== "ENOSYS") throw error;
    return await createPlain(file, mine);
  } finally {
    await fs.rm(draft, { force: true });
  }
}

async function createPlain(file: string, mine: string): Promise<boolean> {
  try {
    await fs.writeFile(file, mine, { flag: "wx" });
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** Of several who see the same dead owner only one can rename it away; the others find the next lock, or none. */
async function removeStale(file: string, text: string, owner: ShareLockOwner): Promise<void> {
  const aside = `${file}.stale-${hostPart(owner.host)}-${owner.process.pid}`;
  try {
    await fs.rename(file, aside);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return;
    throw error;
  }
  // Somebody took the lock over between reading and renaming: it is theirs, so it goes back.
  if ((await read(aside)) !== text) await fs.link(aside, file).catch(() => {});
  await fs.rm(aside, { force: true });
}

async function read(file: string): Promise<string | undefined> {
  try {
    return await fs.readFile(file, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function parse(text: string): ShareLockOwner | undefined {
  try {
    const data = JSON.parse(text) as ShareLockOwner;
    if (typeof data.host === "string" && typeof data.process.pid === "number") return data;
  } catch {
    // Not ours, or cut short by a crash.
  }
  return undefined;
}

function busy(file: string, doing: string, owner: ShareLockOwner | undefined): UserError {
  if (!owner)
    return new UserError({
      code: "busy",
      message: `Somebody else ${doing}.`,
      hint: `Wait a moment and try again. If nobody is, delete ${file}.`,
    });
  const since = owner.time.replace("T", " ").replace(/\.\d+Z$/, " UTC");
  const place = owner.host === os.hostname() ? "this computer" : `the computer ${owner.host}`;
  return new UserError({
    code: "busy",
    message: `\`notebox ${owner.command}\` ${doing}: process ${owner.process.pid} on ${place}, since ${since}.`,
    hint:
      owner.host === os.hostname()
        ? "Wait until it is done, or stop it with Ctrl-C where it runs."
        : "Wait until it is done. If that computer has crashed, its lock can be taken over five minutes after its last sign of life.",
  });
}

/** Nobody has renewed the lock for minutes: most likely its computer crashed, or was cut off from the share. */
function silent(doing: string, share: string, owner: ShareLockOwner | undefined, quietMs: number): UserError {
  const who = owner
    ? `\`notebox ${owner.command}\` (process ${owner.process.pid} on the computer ${owner.host})`
    : "Somebody";
  return new UserError({
    code: "busy",
    message: `${who} ${doing}, but has given no sign of life for ${Math.floor(quietMs / 60_000)} minutes: it has most likely crashed.`,
    hint: `If it has, \`notebox box prune --share ${JSON.stringify(share)} --take-over\` takes its lock over and tidies up after it.`,
  });
}
