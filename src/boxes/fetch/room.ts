/** Whether a disk has room, asked before the first byte is written. */
import fs from "node:fs/promises";
import path from "node:path";
import { UserError } from "../../errors.ts";

/** What a file system needs beside the bytes themselves: folders, records, catalogs. */
const SPARE = 64 * 1024;

/** Free bytes for a person without privileges where `file` is or is to be; undefined where that is not told. */
export async function roomFor(file: string): Promise<number | undefined> {
  try {
    const { bavail, bsize, blocks } = await fs.statfs(path.dirname(file));
    // Some file servers say 0 of 0.
    return blocks === 0 ? undefined : bavail * bsize;
  } catch {
    return undefined;
  }
}

/** Throws UserError `disk-full` when `missing` of `total` bytes have no room beside `file`. */
export async function checkRoom(file: string, missing: number, total: number): Promise<void> {
  const room = await roomFor(file);
  if (room === undefined || room >= missing + SPARE) return;
  const gb = (bytes: number): string =>
    bytes < 1e8 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
  throw new UserError({
    code: "disk-full",
    message: `There is no room for this box in ${path.dirname(file)}: ${gb(room)} are free, ${gb(missing)} of ${gb(total)} are missing.`,
    hint: "Free some space (or your quota), for example with `notebox box prune`, and run the same command again.",
  });
}
