/**
 * A box of a share into Vagrant's folder of boxes, in one pass: read, hashed and unpacked into a hidden folder beside
 * its place, which Vagrant does not look into (names with a dot), then renamed. Which box, and where Vagrant wants
 * it, is the caller's to know.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { asDiskFull, systemErrorCode, UserError } from "../../errors.ts";
import type { Clock, Processes } from "../../ports.ts";
import { replaceFile } from "../durable.ts";
import { whenFree, withLock } from "../lock.ts";
import type { Offer } from "./offers.ts";
import { unpackBox } from "./unpack.ts";

interface Needs {
  processes: Pick<Processes, "self" | "isAlive">;
  clock: Clock;
  signal: AbortSignal;
}

export interface InstallPlan {
  offer: Offer;
  /** Of the box in Vagrant's folder of boxes, absolute. */
  boxFolder: string;
  /** Where in it this version belongs. */
  place: string;
  /** What Vagrant is to ask for updates; none leaves what is there. */
  metadataUrl?: string;
  /** The box's bytes, from the first one. */
  pieces: () => AsyncIterable<Buffer>;
}

const WORK = ".notebox-install-";
const LOCK = ".notebox-install.lock";
/** Another installing of the same box may take that long; it is waited for rather than done twice. */
const WAIT_MS = 3_600_000;
/** A folder without metadata.json in a box's place that changed so lately may be a Vagrant at work. */
const FRESH_MS = 60_000;

/**
 * Gives back whether it was installed now, or there already. Throws UserError `integrity`, `disk-full`, `busy`,
 * `interrupted`; whatever ends it, Vagrant lists the box whole or not at all.
 */
export async function installBox(deps: Needs, plan: InstallPlan): Promise<boolean> {
  const { boxFolder } = plan;
  const target = path.join(boxFolder, plan.place);
  if (await isInstalled(target)) return false;
  try {
    await fs.mkdir(boxFolder, { recursive: true });
    const lock = { file: path.join(boxFolder, LOCK), command: "box install", doing: "is installing this box" };
    return await whenFree(deps, WAIT_MS, () =>
      withLock(deps, lock, async () => {
        await removeLeftovers(boxFolder);
        return (await isInstalled(target)) ? false : await install(deps, plan, target);
      }),
    );
  } catch (error) {
    throw notWritable(asDiskFull(error, target), boxFolder);
  } finally {
    // Only when nothing is in it: a box that could not be installed leaves no trace.
    await fs.rmdir(boxFolder).catch(() => {});
  }
}

function notWritable(error: unknown, boxFolder: string): unknown {
  const code = systemErrorCode(error);
  if (code !== "EACCES" && code !== "EROFS" && code !== "ENOTDIR" && code !== "EPERM") return error;
  return new UserError({
    code: "vagrant",
    message: `Vagrant's own folder cannot be written: ${boxFolder}.`,
    hint: "Set VAGRANT_HOME to a folder on a local disk that you may write, with room for the box.",
    cause: error,
  });
}

/** What Vagrant takes for a box: BoxCollection#find and #all look for this file. */
async function isInstalled(target: string): Promise<boolean> {
  return (await fs.stat(path.join(target, "metadata.json")).catch(() => undefined))?.isFile() === true;
}

/** What a killed installing left; the lock says that nobody else is at it. */
async function removeLeftovers(boxFolder: string): Promise<void> {
  for (const name of await fs.readdir(boxFolder))
    if (name.startsWith(WORK)) await fs.rm(path.join(boxFolder, name), { recursive: true, force: true });
}

async function install(deps: Needs, plan: InstallPlan, target: string): Promise<boolean> {
  const { offer, boxFolder } = plan;
  await checkRoom(boxFolder, offer);
  const work = await fs.mkdtemp(path.join(boxFolder, WORK));
  try {
    const unpacked = path.join(work, "box");
    await fs.mkdir(unpacked);
    const { sha256 } = await unpackBox(plan.pieces(), unpacked, offer.address);
    if (sha256 !== offer.sha256) throw wrongBytes(offer, sha256);
    await checkProvider(unpacked, offer);
    // Before the box is there: afterwards a kill could leave a box that never hears of updates.
    if (plan.metadataUrl !== undefined) await replaceFile(path.join(boxFolder, "metadata_url"), plan.metadataUrl);
    return await moveIn(deps, unpacked, target, work);
  } finally {
    await fs.rm(work, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function checkRoom(folder: string, { size }: Offer): Promise<void> {
  if (size === undefined) return;
  const { bavail, bsize, blocks } = await fs.statfs(folder);
  // Some file systems keep no count. Unpacked, a box is at least as large as it is packed.
  if (blocks === 0 || bavail * bsize >= size) return;
  const mib = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2)} MiB`;
  throw new UserError({
    code: "disk-full",
    message: `The disk with ${folder} has ${mib(bavail * bsize)} free; the box needs ${mib(size)} or more.`,
    hint: "Free some space, or set VAGRANT_HOME to a folder on a larger local disk.",
  });
}

function wrongBytes(offer: Offer, sha256: string): UserError {
  return new UserError({
    code: "integrity",
    message: `${offer.address} is not the box that the share's records name: its SHA-256 is ${sha256}, not ${offer.sha256}.`,
    hint: "Tell the people who keep the share: the box is damaged or was tampered with. Nothing was installed.",
  });
}

/** Vagrant checks the same (BoxProviderDoesntMatch). */
async function checkProvider(unpacked: string, offer: Offer): Promise<void> {
  let provider: unknown;
  try {
    const text = await fs.readFile(path.join(unpacked, "metadata.json"), "utf8");
    ({ provider } = JSON.parse(text.replace(/^\uFEFF/, "")) as { provider?: unknown });
  } catch {
    provider = undefined;
  }
  if (provider === offer.provider) return;
  throw new UserError({
    code: "integrity",
    message: `${offer.address} says in its metadata.json that it is for ${String(provider ?? "no provider")}, not for ${offer.provider}.`,
    hint: "Tell the people who keep the share.",
  });
}

async function moveIn(deps: Needs, from: string, target: string, work: string): Promise<boolean> {
  await fs.mkdir(path.dirname(target), { recursive: true });
  for (let attempt = 0; ; attempt++) {
    try {
      await fs.rename(from, target);
      return true;
    } catch (error) {
      const code = systemErrorCode(error);
      const taken = await fs.stat(target).catch(() => undefined);
      if (taken !== undefined && (await isInstalled(target))) return false;
      if (taken !== undefined && Date.now() - taken.mtimeMs > FRESH_MS) {
        // A Vagrant that was killed while it moved its files left this; Vagrant itself replaces it in the same way.
        await fs.rename(target, path.join(work, `aside-${attempt}`)).catch(() => {});
        continue;
      }
      // On Windows an antivirus program may hold a new file for a moment.
      const passing = code === "EPERM" || code === "EACCES" || code === "EBUSY" || taken !== undefined;
      if (!passing || attempt >= 10) throw taken === undefined ? error : atWork(target, error);
      await deps.clock.sleep(500, deps.signal);
    }
  }
}

function atWork(target: string, cause: unknown): UserError {
  return new UserError({
    code: "busy",
    message: `Something is being put into ${target} just now, probably by Vagrant itself.`,
    hint: "Wait until it is done and run this again.",
    cause,
  });
}
