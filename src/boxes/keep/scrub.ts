/**
 * Whether each box of a share is what its record says, byte for byte, and whether records and catalogs fit. Finds
 * faults and tells them; moving things away is quarantine.ts's.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { systemErrorCode } from "../../errors.ts";
import { type BoxRecord, catalogText } from "../catalog.ts";
import { digestFile } from "../digest.ts";
import { doorSlug } from "../doors.ts";
import { boxPath, catalogPath, isBoxId, recordPath } from "../layout.ts";
import type { ShareSettings } from "../share.ts";
import type { ScrubState } from "./scrub-state.ts";
import { entriesOf, listCatalogs, type Place, type Stray } from "./survey.ts";

export interface Fault {
  kind:
    | "wrong-content"
    | "missing-box"
    | "missing-record"
    | "bad-record"
    | "bad-name"
    | "unreadable"
    | "catalog-stale"
    | "catalog-misleads"
    | "two-spellings"
    | "stray";
  /** In the share, with forward slashes. */
  path: string;
  message: string;
  /** What was done about it, if anything was. */
  done?: "quarantined" | "rewritten" | "removed";
}

/** Faults after which a file has to leave its place. */
const MISPLACED = new Set<Fault["kind"]>(["wrong-content", "missing-box", "missing-record", "bad-record", "bad-name"]);

export function mustLeave(fault: Fault): boolean {
  return MISPLACED.has(fault.kind);
}

export interface BoxCheck {
  signal: AbortSignal;
  state: ScrubState;
  onBytes: (done: number) => void;
}

/** What is wrong with one place of a box; nothing is hashed that this scrub has hashed already. */
export async function checkPlace(share: string, place: Place, check: BoxCheck): Promise<Fault | undefined> {
  const { box, hasBox, hasRecord, record, fault } = place;
  if (!isBoxId(box))
    return { kind: "bad-name", path: recordPath(box), message: "its name or version is none that Vagrant can read" };
  if (!hasRecord) return { kind: "missing-record", path: boxPath(box), message: "the box has no record beside it" };
  if (!record) return { kind: "bad-record", path: recordPath(box), message: fault ?? "the record cannot be read" };
  if (!hasBox) return { kind: "missing-box", path: boxPath(box), message: "there is a record, but no box" };
  return await checkContent(share, record, check);
}

async function checkContent(share: string, record: BoxRecord, check: BoxCheck): Promise<Fault | undefined> {
  const at = boxPath(record);
  const file = path.join(share, at);
  const wrong = (message: string): Fault => ({ kind: "wrong-content", path: at, message });
  try {
    const { size, mtimeMs } = await fs.stat(file);
    if (size !== record.size) return wrong(`it has ${size} bytes, and its record says ${record.size}`);
    if (check.state.isDone(at, { size, mtimeMs, sha256: record.sha256 })) return undefined;
    const { sha256 } = await digestFile(file, check.signal);
    check.onBytes(size);
    if (sha256 !== record.sha256)
      return wrong(`its SHA-256 is ${sha256}, and its record says ${record.sha256}: the file has changed`);
    await check.state.add(at, { size, mtimeMs, sha256 });
    return undefined;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    if (code === "ENOENT") return { kind: "missing-box", path: at, message: "there is a record, but no box" };
    // A disk that fails serves readers no better; a right that is missing may be missing only here.
    if (code === "EIO") return wrong("the disk cannot read it (EIO)");
    return { kind: "unreadable", path: at, message: `it cannot be read (${code})` };
  }
}

/**
 * Catalogs that do not say what the records say. `sound` are all boxes that a reader may be sent to, by name;
 * `name` limits it to one box.
 */
export async function checkCatalogs(
  share: string,
  settings: ShareSettings,
  sound: ReadonlyMap<string, readonly BoxRecord[]>,
  name?: string,
): Promise<(Fault & { name: string })[]> {
  const faults: (Fault & { name: string })[] = [];
  for (const door of settings.doors) {
    const slug = doorSlug(door);
    const names = new Set([...sound.keys(), ...(await listCatalogs(share, slug))]);
    for (const one of [...names].sort()) {
      if (name !== undefined && one !== name) continue;
      const at = catalogPath(slug, one);
      const there = await readIfThere(path.join(share, at));
      const records = sound.get(one) ?? [];
      const wanted = records.length === 0 ? undefined : catalogText(one, door, records);
      if (there === wanted) continue;
      const misleads = there !== undefined && namesOther(there, wanted);
      const message =
        there === undefined
          ? "there is no catalog for this box behind this door"
          : misleads
            ? "it names a box that is not there, or with another checksum"
            : "it is not up to date";
      faults.push({ kind: misleads ? "catalog-misleads" : "catalog-stale", path: at, message, name: one });
    }
  }
  return faults;
}

/** Whether a catalog holds an address and checksum that the right one does not. */
function namesOther(there: string, wanted: string | undefined): boolean {
  const right = new Set(wanted === undefined ? [] : offers(wanted));
  return offers(there).some((offer) => !right.has(offer));
}

function offers(text: string): string[] {
  try {
    const { versions } = JSON.parse(text) as {
      versions: { version: string; providers: { name: string; url: string; checksum: string }[] }[];
    };
    return versions.flatMap(({ version, providers }) =>
      providers.map(({ name, url, checksum }) => JSON.stringify([version, name, url, checksum])),
    );
  } catch {
    return ["unreadable"];
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await fs.readFile(file, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Both stay where they are: only people know which spelling their workbenches use. */
export function spellingFaults(twins: readonly (readonly string[])[]): Fault[] {
  return twins.map(([first = "", ...others]) => ({
    kind: "two-spellings",
    path: first,
    message: `it differs from ${others.join(" and ")} only in capital and small letters, which many file servers cannot tell apart: move the boxes of all but one of them away and publish or archive them under that one`,
  }));
}

/** What is in nobody's way: leftovers of killed writers, catalogs of doors that are none any more, foreign files. */
export async function strayFaults(
  share: string,
  settings: ShareSettings,
  strays: readonly Stray[],
  leftovers: readonly string[],
): Promise<Fault[]> {
  const slugs = new Set(settings.doors.map(doorSlug));
  const folders = (await entriesOf(share, "catalogs")).map(({ name }) => name).filter((name) => !slugs.has(name));
  const stray = (at: string, message: string): Fault => ({ kind: "stray", path: at, message });
  return [
    ...strays.map(({ path: at, kind }) =>
      stray(at, kind === "leftover" ? "left by a receiving that ended before its time" : "not of notebox's making"),
    ),
    ...leftovers.map((at) => stray(at, "left by a writer that was killed")),
    ...folders.map((name) => stray(`catalogs/${name}`, "catalogs of a door that this share does not have")),
  ];
}
