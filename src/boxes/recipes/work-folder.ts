/**
 * The folder in which a box is built: made for one run, removed with it, and what a killed run left is found and
 * removed by the next. What is built in it is build.ts's.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { asDiskFull, systemErrorCode, UserError } from "../../errors.ts";
import type { Processes, ProcessIdentity } from "../../ports.ts";

const PREFIX = "notebox-box-build-";
const OWNER = "owner.json";
/** A folder without its owner's name is one that is being made just now, unless it is older than this. */
const NAMELESS_MS = 60 * 60 * 1000;

/** Runs `work` with an empty folder below `parent` that only root can enter, and removes it however that ends. */
export async function withWorkFolder<T>(
  processes: Processes,
  parent: string,
  now: number,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  await removeLeftovers(processes, parent, now);
  let folder: string;
  try {
    folder = await fs.mkdtemp(path.join(parent, PREFIX));
    await fs.writeFile(path.join(folder, OWNER), JSON.stringify(processes.self()));
  } catch (error) {
    throw asDiskFull(error, parent);
  }
  try {
    return await work(folder);
  } finally {
    await removeWorkFolder(processes, folder);
  }
}

async function removeLeftovers(processes: Processes, parent: string, now: number): Promise<void> {
  for (const name of await fs.readdir(parent)) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = path.join(parent, name);
    const stat = await fs.lstat(folder);
    // Only what root made: in a folder that everybody writes to, anybody may lay such a name.
    if (!stat.isDirectory() || stat.uid !== 0) continue;
    const owner = await readOwner(folder);
    if (owner ? processes.isAlive(owner) : now - stat.mtimeMs < NAMELESS_MS) continue;
    await removeWorkFolder(processes, folder);
  }
}

async function readOwner(folder: string): Promise<ProcessIdentity | undefined> {
  try {
    const data = JSON.parse(await fs.readFile(path.join(folder, OWNER), "utf8")) as ProcessIdentity;
    if (typeof data.pid === "number") return data;
  } catch {
    // Killed before it was written.
  }
  return undefined;
}

/**
 * The build's mounts are in a namespace of its own and end with it; should there be any here all the same, they go
 * first, or what is behind them (this computer's /dev) would be deleted.
 */
async function removeWorkFolder(processes: Processes, folder: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const mounts = await mountsBelow(folder);
    if (mounts.length === 0) break;
    for (const mount of mounts.reverse()) await processes.run("umount", ["--lazy", mount]);
  }
  const left = await mountsBelow(folder);
  if (left.length > 0)
    throw new UserError({
      code: "refused",
      message: `${left[0]} is still mounted, so ${folder} was not deleted.`,
      hint: `Unmount it (umount ${left[0]}) and delete the folder.`,
    });
  await fs.rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Field 5 of /proc/self/mountinfo (proc(5)), in which blanks and their kin are written as octal numbers. */
async function mountsBelow(folder: string): Promise<string[]> {
  try {
    const text = await fs.readFile("/proc/self/mountinfo", "utf8");
    return text
      .split("\n")
      .map((line) =>
        (line.split(" ")[4] ?? "").replace(/\\([0-7]{3})/g, (_, digits: string) =>
          String.fromCharCode(Number.parseInt(digits, 8)),
        ),
      )
      .filter((mount) => mount === folder || mount.startsWith(`${folder}/`));
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}
