/**
 * What dead writers left in a share: parts, drafts, boxes without records, records without boxes, empty folders,
 * catalogs that nobody needs, old quarantines. Finds it, says why it may go, removes it. Run under the writers' lock.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { systemErrorCode } from "../../errors.ts";
import type { Clock, Processes } from "../../ports.ts";
import { doorSlug } from "../doors.ts";
import { boxPath, catalogPath, QUARANTINE, recordPath } from "../layout.ts";
import { isLockDead } from "../lock.ts";
import { removeEmpty } from "../place.ts";
import type { ShareSettings } from "../share.ts";
import { entriesOf, listCatalogs, type Survey, surveyLeftovers } from "./survey.ts";

export interface Swept {
  /** In the share, with forward slashes; a folder goes with all that is in it. */
  path: string;
  bytes: number;
  why: string;
}

export interface SweepRules {
  /** Half-received boxes younger than this stay, because the next run may go on with them. Milliseconds. */
  partsMs: number;
  quarantineMs: number;
}

/** A draft lives for milliseconds; a slow file server is given a minute. */
const DRAFT_MS = 60_000;

interface Needs {
  processes: Pick<Processes, "self" | "isAlive">;
  clock: Pick<Clock, "now">;
}

/** `now` is the file server's time. */
export async function findSweepings(
  deps: Needs,
  share: string,
  settings: ShareSettings,
  survey: Survey,
  rules: SweepRules,
  now: number,
): Promise<Swept[]> {
  const found: Swept[] = [];
  const add = async (at: string, why: string, youngestMs: number): Promise<void> => {
    const stat = await statIfThere(path.join(share, at));
    if (!stat || now - stat.mtimeMs < youngestMs) return;
    found.push({ path: at, bytes: stat.isDirectory() ? await bytesIn(path.join(share, at)) : stat.size, why });
  };

  for (const { path: at, kind } of survey.strays) {
    if (kind !== "leftover") continue;
    const part = at.replace(/(\.part)(?:\..*)?$/, "$1");
    const family = survey.strays.map((stray) => stray.path).filter((other) => other.startsWith(part));
    if (!(await isLockDead(deps, path.join(share, `${part}.lock`)))) continue;
    const youngest = Math.max(...(await Promise.all(family.map((other) => mtime(path.join(share, other))))));
    if (now - youngest >= rules.partsMs) await add(at, "half received, and nobody goes on with it", 0);
  }
  for (const { box, hasBox, hasRecord } of survey.places) {
    if (hasBox && !hasRecord) await add(boxPath(box), "a box without a record", rules.partsMs);
    if (!hasBox) await add(recordPath(box), "a record without a box", 0);
  }
  for (const at of survey.empty) await add(at, "an empty folder", DRAFT_MS);
  for (const at of await surveyLeftovers(share)) await add(at, "left by a writer that was killed", DRAFT_MS);

  const slugs = new Set(settings.doors.map(doorSlug));
  for (const { name } of await entriesOf(share, "catalogs"))
    if (!slugs.has(name)) await add(`catalogs/${name}`, "catalogs of a door that this share does not have", 0);
  const names = new Set(survey.places.filter((place) => place.hasBox && place.record).map(({ box }) => box.name));
  for (const slug of slugs)
    for (const name of await listCatalogs(share, slug))
      if (!names.has(name)) await add(catalogPath(slug, name), "the catalog of a box that is not there", 0);
  for (const { name } of await entriesOf(share, QUARANTINE))
    await add(`${QUARANTINE}/${name}`, "long in quarantine", rules.quarantineMs);
  return found;
}

export async function sweep(share: string, found: readonly Swept[]): Promise<void> {
  for (const { path: at } of found) {
    await fs.rm(path.join(share, at), { recursive: true, force: true });
    await removeEmpty(share, path.dirname(path.join(share, at)));
  }
}

async function statIfThere(file: string) {
  try {
    return await fs.lstat(file);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function mtime(file: string): Promise<number> {
  return (await statIfThere(file))?.mtimeMs ?? 0;
}

async function bytesIn(folder: string): Promise<number> {
  const entries = await fs.readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await statIfThere(path.join(entry.parentPath, entry.name)))?.size ?? 0);
  return (await Promise.all(sizes)).reduce((sum, one) => sum + one, 0);
}
