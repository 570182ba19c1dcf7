/**
 * Compares planned files with a folder: what has to be created, changed or deleted, and what a person has changed
 * by hand. Reads only; write.ts acts on it.
 */
import fs from "node:fs";
import path from "node:path";
import { type Problem, systemErrorCode } from "../errors.ts";
import { readOwnFile } from "./own-file.ts";
import type { PlannedFile } from "./planned-file.ts";
import { parseRendered, RENDERED, sha256 } from "./rendered.ts";

export interface Change {
  path: string;
  action: "create" | "change" | "delete" | "keep";
  /** Somebody else's work is there: the reason, in words. Only --force goes over it. */
  byHand?: string;
}

export interface Comparison {
  /** Sorted by path. */
  changes: Change[];
  /** Hashes of those files on disk that are render's own work, as they are now. */
  own: ReadonlyMap<string, string>;
  /** Links and folders in the place of files: not even --force goes over these. */
  obstacles: Problem[];
}

export async function compare(folder: string, planned: readonly PlannedFile[]): Promise<Comparison> {
  const inTheWay = obstacleAt(folder, RENDERED);
  if (inTheWay !== undefined) return { changes: [], own: new Map(), obstacles: [inTheWay] };
  const record = parseRendered((await readOwnFile(path.join(folder, RENDERED)))?.toString("utf8"));
  const contents = new Map(planned.map((file) => [file.path, file.content]));
  const paths = [...new Set([...contents.keys(), ...record.files.keys(), ...record.pending.keys()])].sort();
  const found: Comparison & { own: Map<string, string> } = { changes: [], own: new Map(), obstacles: [] };
  for (const name of paths) {
    const obstacle = obstacleAt(folder, name);
    if (obstacle !== undefined) {
      if (contents.has(name)) found.obstacles.push(obstacle);
      continue;
    }
    const there = await readOwnFile(path.join(folder, name));
    const hash = there && sha256(there);
    const isOwn = hash !== undefined && (record.files.get(name) === hash || record.pending.get(name) === hash);
    const wanted = contents.get(name);
    if (hash !== undefined && (isOwn || (wanted && sha256(wanted) === hash))) found.own.set(name, hash);
    const change = changeOf(name, hash, wanted && sha256(wanted), { isOwn, isRecorded: record.files.has(name) });
    if (change) found.changes.push(change);
  }
  return found;
}

function changeOf(
  name: string,
  there: string | undefined,
  wanted: string | undefined,
  { isOwn, isRecorded }: { isOwn: boolean; isRecorded: boolean },
): Change | undefined {
  if (wanted === undefined) {
    if (there === undefined) return undefined;
    const byHand = "is no longer part of the bundle, but was changed by hand";
    return { path: name, action: "delete", ...(isOwn ? {} : { byHand }) };
  }
  if (there === undefined) return { path: name, action: "create" };
  if (there === wanted) return { path: name, action: "keep" };
  const byHand = isRecorded ? "was changed by hand" : "was there before and is not notebox's own";
  return { path: name, action: "change", ...(isOwn ? {} : { byHand }) };
}

/** A link on the way could lead a write out of the folder; a folder cannot be replaced by a file. */
function obstacleAt(folder: string, name: string): Problem | undefined {
  const parts = name.split("/");
  for (let count = 1; count <= parts.length; count++) {
    const at = path.join(folder, ...parts.slice(0, count));
    const stats = look(at);
    if (!stats) return undefined;
    const isLast = count === parts.length;
    const word = stats.isSymbolicLink() ? "link" : isLast && stats.isDirectory() ? "folder" : undefined;
    const odd =
      word ?? (isLast ? (stats.isFile() ? undefined : "special file") : stats.isDirectory() ? undefined : "file");
    if (odd === undefined) continue;
    const message = `${parts.slice(0, count).join("/")} is a ${odd}, and notebox needs ${isLast ? "a file" : "a folder"} of its own there`;
    return { id: "in-the-way", file: at, message, hint: "Move it away." };
  }
  return undefined;
}

/** At once: there are hundreds of such looks, one after the other, and handing each to another thread takes longer. */
function look(at: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(at, { throwIfNoEntry: false });
  } catch (error) {
    if (systemErrorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}
