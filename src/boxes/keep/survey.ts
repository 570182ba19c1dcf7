/**
 * Everything that lies in a share, in one look: boxes, records, leftovers, catalogs. It reads many folders at a time,
 * because on a file server each costs a round trip. What is right or wrong about it is for scrub.ts and the verbs.
 */
import path from "node:path";
import { systemErrorCode, UserError } from "../../errors.ts";
import type { BoxRecord } from "../catalog.ts";
import { twinFolders } from "../folder-names.ts";
import {
  type BoxId,
  boxPath,
  isLeftover,
  LOCK_FILE,
  parseFileName,
  recordPath,
  SCRUB_FILE,
  SCRUB_LOCK_FILE,
  SHARE_FILE,
} from "../layout.ts";
import { readEntries } from "../quick-files.ts";
import { listNames, readRecord } from "../share.ts";

/** One place of a box: its bytes, its record, or only one of the two. */
export interface Place {
  box: BoxId;
  hasBox: boolean;
  hasRecord: boolean;
  record?: BoxRecord;
  /** Why the record cannot be used. */
  fault?: string;
}

/** Which boxes a person means; what is left out means any. */
export interface BoxFilter {
  name?: string;
  provider?: string;
  arch?: string;
  version?: string;
}

const WORDS: Readonly<Record<keyof BoxId, string>> = {
  name: "called",
  version: "of version",
  provider: "for",
  arch: "for",
};

/** Those that are meant. Throws UserError `usage` when something was asked for that the share does not hold. */
export function placesFor(share: string, places: readonly Place[], filter: BoxFilter): Place[] {
  const { name, version, provider, arch } = filter;
  const asked = Object.entries({ name, version, provider, arch }).filter(([, value]) => value !== undefined);
  const held = (box: BoxId, key: string): string => box[key as keyof BoxId];
  const found = places.filter(({ box }) => asked.every(([key, value]) => held(box, key) === value));
  if (found.length > 0 || asked.length === 0 || (name === undefined && places.length === 0)) return found;
  const missing = asked.find(([key, value]) => !places.some(({ box }) => held(box, key) === value));
  const [key, value] = missing ?? [];
  const there = key === undefined ? [] : [...new Set(places.map(({ box }) => held(box, key)))];
  throw new UserError({
    code: "usage",
    message:
      value === undefined
        ? `The share ${share} holds no box that is all of ${asked.map((one) => one[1]).join(", ")}.`
        : `The share ${share} holds no box ${WORDS[key as keyof BoxId]} ${JSON.stringify(value)}.`,
    hint: there.length > 0 ? `It has: ${there.join(", ")}.` : "`notebox box list --share DIR` lists those it holds.",
  });
}

export interface Stray {
  /** In the share, with forward slashes. */
  path: string;
  /** leftover: of a receiving or a replaced file that ended before its time; unknown: nothing of notebox's. */
  kind: "leftover" | "unknown";
}

export interface Survey {
  places: Place[];
  strays: Stray[];
  /** Folders without anything in them. */
  empty: string[];
  /** Folders that differ only in capital and small letters, in groups. */
  twins: string[][];
}

/** Looks at one box's folders, or at all. Throws UserError `unreachable` when the share is. */
export async function surveyBoxes(share: string, name?: string): Promise<Survey> {
  const survey: Survey = { places: [], strays: [], empty: [], twins: [] };
  const names = await listNames(share);
  const versions: { name: string; version: string }[] = [];
  await Promise.all(
    names.filter((one) => name === undefined || one === name).map((one) => look(share, one, survey, versions)),
  );
  survey.places.sort((a, b) => (recordPath(a.box) < recordPath(b.box) ? -1 : 1));
  survey.strays.sort((a, b) => (a.path < b.path ? -1 : 1));
  survey.empty.sort();
  const found = [...names.map((one) => ({ name: one })), ...versions];
  const mine = name === undefined ? "boxes" : `boxes/${name.toLowerCase()}`;
  survey.twins = twinFolders(found).filter(([one = ""]) => related(one.toLowerCase(), mine));
  return survey;
}

/** Whether one folder is the other, or lies in it. */
function related(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}

async function look(
  share: string,
  name: string,
  survey: Survey,
  versions: { name: string; version: string }[],
): Promise<void> {
  const folder = `boxes/${name}`;
  const entries = await entriesOf(share, folder);
  if (entries.length === 0) survey.empty.push(folder);
  await Promise.all(
    entries.map(async (entry) => {
      const at = `${folder}/${entry.name}`;
      if (!entry.isDirectory()) return void survey.strays.push({ path: at, kind: strayKind(entry.name) });
      versions.push({ name, version: entry.name });
      await lookAtVersion(share, { name, version: entry.name }, at, survey);
    }),
  );
}

async function lookAtVersion(
  share: string,
  { name, version }: Pick<BoxId, "name" | "version">,
  folder: string,
  survey: Survey,
): Promise<void> {
  const entries = await entriesOf(share, folder);
  if (entries.length === 0) survey.empty.push(folder);
  const places = new Map<string, Place>();
  for (const entry of entries) {
    const parsed = entry.isFile() ? parseFileName(entry.name) : undefined;
    if (!parsed) {
      survey.strays.push({ path: `${folder}/${entry.name}`, kind: strayKind(entry.name) });
      continue;
    }
    const box = { name, version, provider: parsed.provider, arch: parsed.arch };
    const place = places.get(boxPath(box)) ?? { box, hasBox: false, hasRecord: false };
    if (parsed.ending === "box") place.hasBox = true;
    else place.hasRecord = true;
    places.set(boxPath(box), place);
  }
  await Promise.all([...places.values()].filter(({ hasRecord }) => hasRecord).map((place) => addRecord(share, place)));
  survey.places.push(...places.values());
}

async function addRecord(share: string, place: Place): Promise<void> {
  try {
    const record = await readRecord(share, place.box);
    if (record) place.record = record;
    else place.hasRecord = false;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    place.fault = error.message;
  }
}

function strayKind(file: string): Stray["kind"] {
  return isLeftover(file) ? "leftover" : "unknown";
}

/** A folder's entries; none for a folder that has gone meanwhile, or that is a file. */
export async function entriesOf(share: string, folder: string) {
  try {
    const entries = await readEntries(path.join(share, folder));
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

/** What a killed writer can leave at the top of a share and among its catalogs, beside its lock. */
export async function surveyLeftovers(share: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await entriesOf(share, ".")) {
    const { name } = entry;
    const draft = [LOCK_FILE, SCRUB_LOCK_FILE].some((lock) => name.startsWith(`${lock}.`));
    const part = name === `${SHARE_FILE}.part` || name === `${SCRUB_FILE}.part`;
    if (draft || part || name.startsWith(".notebox-probe-")) found.push(name);
  }
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await entriesOf(share, folder)) {
      const at = `${folder}/${entry.name}`;
      if (entry.isDirectory()) await walk(at);
      else if (isLeftover(entry.name)) found.push(at);
    }
  };
  await walk("catalogs");
  return found;
}

/** The boxes' names in one door's folder of catalogs. */
export async function listCatalogs(share: string, slug: string): Promise<string[]> {
  const owners = (await entriesOf(share, `catalogs/${slug}`)).filter((entry) => entry.isDirectory());
  const lists = await Promise.all(
    owners.map(async ({ name: owner }) =>
      (await entriesOf(share, `catalogs/${slug}/${owner}`))
        .filter((entry) => entry.isFile() && entry.name.endsWith(".json"))
        .map((entry) => `${owner}/${entry.name.slice(0, -".json".length)}`),
    ),
  );
  return lists.flat();
}
