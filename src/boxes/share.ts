/**
 * A share on disk: what is in notebox-share.json, which boxes have records, and writing the catalogs of every door.
 * Paths come from layout.ts, catalogs' content from catalog.ts.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { asDiskFull, systemErrorCode, UserError } from "../errors.ts";
import { type BoxRecord, catalogText } from "./catalog.ts";
import { doorSlug, normaliseDoor, parseDoor } from "./doors.ts";
import { replaceFile } from "./durable.ts";
import {
  type BoxId,
  boxFolder,
  boxPath,
  catalogPath,
  isBoxId,
  parseFileName,
  recordPath,
  SHARE_FILE,
  versionFolder,
} from "./layout.ts";
import { readEntries, readText } from "./quick-files.ts";

export interface ShareSettings {
  layout: 1;
  doors: string[];
  /** What `prune` does when it is not told. */
  retention: Retention;
}

export interface Retention {
  /** How many versions of each box `prune` keeps; 0 keeps all. */
  versions?: number;
  /** And only such as are older than this. */
  days?: number;
  /** How long what `verify` put into quarantine/ stays there. */
  quarantineDays?: number;
}

/** Makes sure that the folder is there and can be written. Throws UserError `unreachable`. */
export async function checkShareFolder(share: string): Promise<void> {
  try {
    if (!(await fs.stat(share)).isDirectory()) throw unreachable(share, "is not a folder");
    await fs.rmdir(await fs.mkdtemp(path.join(share, ".notebox-probe-")));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw explained(share, error);
  }
}

function explained(share: string, error: unknown): unknown {
  const full = asDiskFull(error, share);
  if (full !== error) return full;
  switch (systemErrorCode(error)) {
    case "ENOENT":
      return unreachable(
        share,
        "does not exist",
        "If it is to be a new share, make the folder first; else check that it is mounted and the network is there.",
        error,
      );
    case "ENOTDIR":
      return unreachable(share, "is not a folder", undefined, error);
    case "EACCES":
    case "EPERM":
      return unreachable(
        share,
        "cannot be written by you",
        "Ask for the right to write there, or do this as the account that keeps the share.",
        error,
      );
    case "EROFS":
      return unreachable(
        share,
        "is mounted read-only",
        "Mount it so that it can be written, or name its folder on the server.",
        error,
      );
    default:
      return unreachable(
        share,
        `cannot be reached (${error instanceof Error ? error.message : String(error)})`,
        undefined,
        error,
      );
  }
}

function unreachable(
  share: string,
  what: string,
  hint = "Check the path, the network and that the share is mounted.",
  cause?: unknown,
): UserError {
  return new UserError({ code: "unreachable", message: `The share ${share} ${what}.`, hint, cause });
}

/** The share's settings, or undefined for a folder that is no share yet. Throws UserError `integrity`. */
export async function readSettings(share: string): Promise<ShareSettings | undefined> {
  const file = path.join(share, SHARE_FILE);
  let text: string;
  try {
    text = await fs.readFile(file, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw explained(share, error);
  }
  const hint = "Restore it from a copy, or delete it: publishing makes a new one.";
  try {
    const data = JSON.parse(text) as ShareSettings;
    if (typeof data.layout === "number" && data.layout > 1)
      throw new UserError({
        code: "integrity",
        message: `${file} was written by a newer notebox.`,
        hint: "Use that one.",
      });
    if (data.layout !== 1 || !Array.isArray(data.doors)) throw new SyntaxError("layout or doors are missing");
    for (const door of data.doors) parseDoor(String(door));
    return { ...data, retention: data.retention ?? { versions: 0 } };
  } catch (error) {
    if (error instanceof UserError && error.code === "integrity") throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new UserError({ code: "integrity", message: `${file} cannot be used: ${why}`, hint, cause: error });
  }
}

/** The settings of a folder that has to be a share. Throws UserError `unreachable`, `integrity`. */
export async function requireSettings(share: string): Promise<ShareSettings> {
  const settings = await readSettings(share);
  if (settings) return settings;
  await fs.stat(share).catch((error: unknown) => {
    throw explained(share, error);
  });
  throw unreachable(
    share,
    `is no share of notebox's: there is no ${SHARE_FILE} in it`,
    "Check the path, and that the share is mounted; `notebox box publish` makes a new one.",
  );
}

/** The settings with further doors; a folder that is no share yet gets its own path as its first door. */
export function settingsWith(
  before: ShareSettings | undefined,
  share: string,
  doors: readonly string[],
): ShareSettings {
  const settings = before ?? { layout: 1, doors: [normaliseDoor(share)], retention: { versions: 0 } };
  const known = new Map([...settings.doors, ...doors].map((door) => [doorSlug(door), normaliseDoor(door)]));
  return { ...settings, doors: [...known.values()] };
}

export async function writeSettings(share: string, settings: ShareSettings): Promise<void> {
  await replaceFile(path.join(share, SHARE_FILE), `${JSON.stringify(settings, null, 2)}\n`);
}

export async function readRecord(share: string, box: BoxId): Promise<BoxRecord | undefined> {
  const file = path.join(share, recordPath(box));
  try {
    const data = JSON.parse(await readText(file)) as BoxRecord;
    if (!/^[0-9a-f]{64}$/.test(data.sha256) || !Number.isSafeInteger(data.size)) throw new SyntaxError("no checksum");
    // Where a record lies says what it is of; what it says itself could be a copy's.
    return { ...data, name: box.name, version: box.version, provider: box.provider, arch: box.arch };
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    if (!(error instanceof SyntaxError)) throw explained(share, error);
    throw new UserError({
      code: "integrity",
      message: `The record ${file} cannot be read: ${error.message}.`,
      hint: "Delete it and publish that box again; the box itself is left alone.",
      cause: error,
    });
  }
}

export async function writeRecord(share: string, record: BoxRecord): Promise<void> {
  await replaceFile(path.join(share, recordPath(record)), `${JSON.stringify(record, null, 2)}\n`);
}

/** All boxes of that name that are there with their records, in the order of their paths. */
export async function listRecords(share: string, name: string): Promise<BoxRecord[]> {
  const versions = await foldersIn(path.join(share, boxFolder(name)));
  const found = await Promise.all(versions.map((version) => recordsOf(share, { name, version })));
  return found.flat();
}

async function recordsOf(share: string, of: Pick<BoxId, "name" | "version">): Promise<BoxRecord[]> {
  const files = await fs.readdir(path.join(share, versionFolder(of)));
  const found: BoxRecord[] = [];
  for (const file of files.sort()) {
    const parsed = parseFileName(file);
    if (parsed?.ending !== "json") continue;
    const box = { ...of, provider: parsed.provider, arch: parsed.arch };
    // A version that Vagrant cannot read would spoil the whole catalog for it.
    if (!isBoxId(box)) continue;
    // A catalog names only what a reader can fetch.
    if (!files.includes(path.posix.basename(boxPath(box)))) continue;
    const record = await readRecord(share, box);
    if (record) found.push(record);
  }
  return found;
}

/** Names of the folders in it, links left out; none where there is no such folder. */
export async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readEntries(folder);
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    const code = systemErrorCode(error);
    // What is no share at all is said by whoever reads its settings.
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

/**
 * Writes that box's catalog for every door, of all its records or of the given ones; gives back their paths in the
 * share. A box that has none left has no catalogs either.
 */
export async function writeCatalogs(
  share: string,
  settings: ShareSettings,
  name: string,
  given?: readonly BoxRecord[],
): Promise<string[]> {
  const records = given ?? (await listRecords(share, name));
  const written: string[] = [];
  for (const door of settings.doors) {
    const file = catalogPath(doorSlug(door), name);
    if (records.length === 0) {
      await fs.rm(path.join(share, file), { force: true });
      continue;
    }
    await replaceFile(path.join(share, file), catalogText(name, door, records));
    written.push(file);
  }
  return written;
}

/** Names of all boxes in the share that have a folder. */
export async function listNames(share: string): Promise<string[]> {
  const owners = await foldersIn(path.join(share, "boxes"));
  const names = await Promise.all(
    owners.map(async (owner) =>
      (await foldersIn(path.join(share, "boxes", owner))).map((short) => `${owner}/${short}`),
    ),
  );
  return names.flat();
}
