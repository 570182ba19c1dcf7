/**
 * A received box's last steps into a share, by whoever holds the share's lock: it gets its name, then its record, then
 * the catalogs change; so a reader never meets half of it. How it was received is the commands'.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { UserError } from "../errors.ts";
import type { BoxRecord } from "./catalog.ts";
import { type Digest, digestFile } from "./digest.ts";
import { exists, syncFolder } from "./durable.ts";
import { type BoxId, boxPath, versionFolder } from "./layout.ts";
import {
  listNames,
  readRecord,
  readSettings,
  type ShareSettings,
  settingsWith,
  writeCatalogs,
  writeRecord,
  writeSettings,
} from "./share.ts";

export interface There {
  record: BoxRecord | undefined;
  sha256: string;
}

/** The box in that place: with its record, or without one when a writer was killed just before that. */
export async function whatIsThere(share: string, id: BoxId, signal: AbortSignal): Promise<There | undefined> {
  const file = path.join(share, boxPath(id));
  if (!(await exists(file))) return undefined;
  const record = await readRecord(share, id);
  // Without a record no catalog ever named it; its bytes tell what it is.
  const sha256 = record?.sha256 ?? (await digestFile(file, signal)).sha256;
  return { record, sha256 };
}

/**
 * Gives the received file its place and its record, or finds that exactly this box is there. True when it was added.
 * Throws UserError `refused` when another box has that place.
 */
export async function putInPlace(
  share: string,
  received: string,
  record: BoxRecord,
  signal: AbortSignal,
): Promise<{ record: BoxRecord; added: boolean }> {
  const there = await whatIsThere(share, record, signal);
  if (there && !sameBox(there, record)) throw taken(record, there, record);
  if (there?.record) return { record: there.record, added: false };
  if (!there) {
    await fs.rename(received, path.join(share, boxPath(record)));
    await syncFolder(path.join(share, versionFolder(record)));
  }
  await writeRecord(share, record);
  return { record, added: true };
}

/** The same file, or one that was made of the same original. */
function sameBox(there: There, record: BoxRecord): boolean {
  const originals = [there.sha256, there.record?.original?.sha256];
  return [record.sha256, record.original?.sha256].some((hash) => hash !== undefined && originals.includes(hash));
}

/** Settings first when they are new, then the catalogs: of that box, or of all when there is a new door. */
export async function writeDoors(share: string, doors: readonly string[], name: string): Promise<string[]> {
  const before = await readSettings(share);
  const settings: ShareSettings = settingsWith(before, share, doors);
  const isNew = JSON.stringify(before) !== JSON.stringify(settings);
  if (isNew) await writeSettings(share, settings);
  const names = isNew ? [...new Set([...(await listNames(share)), name])] : [name];
  return (await Promise.all(names.map((one) => writeCatalogs(share, settings, one)))).flat();
}

/** A box that was refused leaves no folders behind, and so no catalog without versions. */
export async function removeEmpty(share: string, folder: string): Promise<void> {
  for (let at = folder; at !== share; at = path.dirname(at)) {
    try {
      await fs.rmdir(at);
    } catch {
      return; // something is in it
    }
  }
}

export function taken(id: BoxId, there: There, digest: Pick<Digest, "sha256">): UserError {
  const when = there.record ? `, published ${there.record.published.slice(0, 10)}` : "";
  return new UserError({
    code: "refused",
    message:
      `Version ${id.version} of ${id.name} for ${id.provider} (${id.arch}) is in the share already, with other content: ` +
      `SHA-256 ${there.sha256.slice(0, 12)}… there${when}, ${digest.sha256.slice(0, 12)}… in your file.`,
    hint: "A published version never changes, because computers that have it would not notice. Give a higher --version.",
  });
}
