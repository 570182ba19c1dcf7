/** A folder on this computer as a source: no link is followed, and nothing beyond a bound is looked at. */
import type { Dirent } from "node:fs";
import fs from "node:fs/promises";
import path from "node:path";
import { systemErrorCode, UserError } from "../errors.ts";
import { LARGEST_FILE, LITTER, MOST_FILES, pathComplaint, type Source, type SourceFile } from "./source.ts";

const DEEPEST = 20;

/** Throws UserError `unreachable` when the folder cannot be read, `integrity` when there is too much in it. */
export async function openFolder(folder: string, name = path.basename(folder)): Promise<Source> {
  const files: SourceFile[] = [];
  const skipped: { path: string; why: string }[] = [];
  let seen = 0;
  const walk = async (below: string, depth: number): Promise<void> => {
    for (const entry of await entriesOf(path.join(folder, below))) {
      if (LITTER.has(entry.name)) continue;
      if (++seen > MOST_FILES)
        throw new UserError({
          code: "integrity",
          message: `${folder} holds more than ${MOST_FILES} files.`,
          hint: "Name the folder of the course alone, not one with much else in it.",
        });
      const at = below === "" ? entry.name : `${below}/${entry.name}`;
      const why = complaint(entry, at, depth);
      if (why !== undefined) skipped.push({ path: at, why });
      else if (entry.isDirectory()) await walk(at, depth + 1);
      else files.push({ path: at, size: (await fs.lstat(path.join(folder, at))).size, read: () => read(folder, at) });
    }
  };
  await walk("", 0);
  return { name, files, skipped, close: async () => {} };
}

function complaint(entry: Dirent, at: string, depth: number): string | undefined {
  if (entry.isSymbolicLink()) return "it is a link, which may lead anywhere";
  if (!entry.isFile() && !entry.isDirectory()) return "it is neither a file nor a folder";
  if (entry.isDirectory() && depth >= DEEPEST) return `it lies more than ${DEEPEST} folders deep`;
  return pathComplaint(at);
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await fs.readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw unreadable(folder, error);
  }
}

/** What is open is looked at once more: a link may have come into its place. */
async function read(folder: string, at: string): Promise<Buffer> {
  const file = path.join(folder, at);
  let handle: fs.FileHandle | undefined;
  try {
    handle = await fs.open(file, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0));
    const { size } = await handle.stat();
    const real = path.relative(await fs.realpath(folder), await fs.realpath(file));
    if (size <= LARGEST_FILE && real === path.join(...at.split("/"))) return await handle.readFile();
  } catch (error) {
    throw unreadable(file, error);
  } finally {
    await handle?.close();
  }
  throw new UserError({ code: "integrity", message: `${file} changed while it was read.`, hint: "Try again." });
}

function unreadable(file: string, error: unknown): UserError {
  return new UserError({
    code: "unreachable",
    message: `${file} cannot be read (${systemErrorCode(error) ?? error}).`,
    hint: "Make it readable for yourself, and try again.",
    cause: error,
  });
}
