/**
 * Writes planned files into a folder. A file that a person changed is refused by name, all such at once; each
 * file is whole or not there; a run that was killed half-way is finished by the next one.
 */
import { chmodSync, renameSync, writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import path from "node:path";
import { makeFolder } from "../boxes/durable.ts";
import { asDiskFull, systemErrorCode, UserError } from "../errors.ts";
import type { Processes } from "../ports.ts";
import { type Change, compare } from "./changes.ts";
import type { PlannedFile } from "./planned-file.ts";
import { RENDERED, recordOf, renderedText } from "./rendered.ts";

// Beside provision/, so that nothing half-written is ever copied into a VM; on the same disk, so that rename works.
// Each run has a folder of its own in here, so that two at once do not take each other's files away.
const PARTS = ".notebox/parts";

export interface WriteOptions {
  /** Absolute. Made if it is missing. */
  folder: string;
  planned: readonly PlannedFile[];
  /** Files under .notebox/ that are notebox's alone and simply replaced. */
  state: readonly PlannedFile[];
  /** notebox's own version, for the record. */
  version: string;
  force: boolean;
  dryRun: boolean;
  processes: Pick<Processes, "self" | "isAlive">;
}

/**
 * Returns what was (or, on a dry run, would be) done, sorted by path.
 * Throws UserError `refused` when a person's work would be lost, `disk-full`, or `usage` when the folder is read-only.
 */
export async function writeBundle(options: WriteOptions): Promise<Change[]> {
  const { folder, planned, version } = options;
  const { changes, own, obstacles } = await compare(folder, planned);
  const kept = options.force ? [] : changes.filter((change) => change.byHand !== undefined);
  if (options.dryRun && obstacles.length === 0) return changes;
  if (kept.length > 0 || obstacles.length > 0) throw refusal(folder, kept, obstacles);
  try {
    const parts = await makeParts(path.join(folder, PARTS), options.processes);
    const write = writer(folder, parts);
    const record = recordOf(planned);
    const todo = changes.filter((change) => change.action !== "keep");
    if (todo.length > 0) await write(textPart(RENDERED, renderedText(version, own, record)));
    const byPath = new Map(planned.map((file) => [file.path, file]));
    for (const change of changes) {
      const file = byPath.get(change.path);
      if (!file) await remove(folder, change.path);
      else if (change.action === "keep") await makeExecutable(folder, file);
      else await write(file);
    }
    for (const file of options.state) await write(file);
    await write(textPart(RENDERED, renderedText(version, record)));
    await fs.rm(parts, { recursive: true, force: true });
    await fs.rmdir(path.dirname(parts)).catch(() => {}); // another run's may be in there
    return changes;
  } catch (error) {
    throw explained(error, folder);
  }
}

/** A folder for this run's half-written files, named after its process; those of killed runs are removed. */
async function makeParts(all: string, processes: WriteOptions["processes"]): Promise<string> {
  await makeFolder(all);
  for (const name of await fs.readdir(all)) {
    const [pid = "", started = ""] = name.split("-");
    const isAtWork = /^\d+$/.test(pid) && processes.isAlive({ pid: Number(pid), started });
    if (!isAtWork) await fs.rm(path.join(all, name), { recursive: true, force: true });
  }
  const { pid, started } = processes.self();
  return await fs.mkdtemp(path.join(all, `${pid}-${started}-`));
}

function writer(folder: string, parts: string): (file: PlannedFile) => Promise<void> {
  let count = 0;
  const made = new Set<string>();
  return async ({ path: name, content, executable }) => {
    const target = path.join(folder, name);
    const part = path.join(parts, String(count++));
    const above = path.dirname(target);
    if (!made.has(above)) await makeFolder(above);
    made.add(above);
    // At once, as long as there are no large files: handing each step to another thread takes longer than the steps.
    writeFileSync(part, content, { flag: "wx" });
    // Whatever the umask: the guest's copy and the hand-out do not depend on who rendered.
    chmodSync(part, executable ? 0o755 : 0o644);
    renameSync(part, target);
  };
}

function textPart(name: string, text: string): PlannedFile {
  return { path: name, content: Buffer.from(text, "utf8"), executable: false };
}

/** A zip unpacked by a program that forgets modes leaves launchers that cannot be started. */
async function makeExecutable(folder: string, file: PlannedFile): Promise<void> {
  if (!file.executable) return;
  const target = path.join(folder, file.path);
  const { mode } = await fs.stat(target);
  if ((mode & 0o100) === 0) await fs.chmod(target, 0o755);
}

/** Deletes a file, and the folders above it that have become empty. */
async function remove(folder: string, name: string): Promise<void> {
  await fs.rm(path.join(folder, name), { force: true });
  for (let above = path.posix.dirname(name); above !== "."; above = path.posix.dirname(above)) {
    try {
      await fs.rmdir(path.join(folder, above));
    } catch {
      return; // not empty: somebody else's files are there
    }
  }
}

function refusal(folder: string, kept: readonly Change[], obstacles: UserError["problems"]): UserError {
  const problems = [
    ...kept.map(({ path: name, byHand }) => ({
      id: "changed-by-hand",
      file: path.join(folder, name),
      message: `${name} ${byHand}`,
    })),
    ...obstacles,
  ];
  return new UserError({
    code: "refused",
    message: `Nothing was written: ${problems.length === 1 ? "one file" : `${problems.length} files`} in ${folder} would be lost.`,
    hint:
      kept.length === 0
        ? "Move what is named above away and run the same command again."
        : "Keep a copy of what you changed (the place for your own settings is workbench.yaml), then run this again with --force.",
    problems,
  });
}

function explained(error: unknown, folder: string): unknown {
  const code = systemErrorCode(error);
  if (code === "ENOTDIR" || code === "EEXIST") {
    const message = `${folder} cannot be written: there is a file where a folder has to be.`;
    return new UserError({ code: "refused", message, hint: "Move that file away.", cause: error });
  }
  if (code !== "EACCES" && code !== "EPERM" && code !== "EROFS") return asDiskFull(error, folder);
  return new UserError({
    code: "usage",
    message: `${folder} cannot be written: ${code === "EROFS" ? "it is on a read-only disk" : "permission denied"}.`,
    hint: "Choose a folder that is your own (-C), or render into another one with --out.",
    cause: error,
  });
}
