/** Files that are whole or not there, even after a power cut: small ones are replaced, folders' names are synced. */
import fs from "node:fs/promises";
import path from "node:path";
import { asDiskFull, systemErrorCode, UserError } from "../errors.ts";

/** Puts a folder's list of names safely on the disk; where a system cannot do that, the names come with the files. */
export async function syncFolder(folder: string): Promise<void> {
  if (path.sep === "\\") return;
  const handle = await fs.open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== "EINVAL" && code !== "ENOTSUP" && code !== "EISDIR" && code !== "EPERM") throw error;
  } finally {
    await handle.close();
  }
}

/** With its parents. Throws what keeps it from being there: of a full or read-only disk Node only says that a parent is missing. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await fs.mkdir(folder, { recursive: true });
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT" || path.dirname(folder) === folder) throw error;
    await makeFolder(path.dirname(folder));
    await fs.mkdir(folder);
  }
}

/** Writes a small file so that a reader sees the old one or the new one, whole. */
export async function replaceFile(file: string, text: string): Promise<void> {
  const part = `${file}.part`;
  try {
    await makeFolder(path.dirname(file));
    const handle = await fs.open(part, "w");
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(part, file);
    await syncFolder(path.dirname(file));
  } catch (error) {
    await fs.rm(part, { force: true }).catch(() => {});
    throw inTheWay(error, file);
  }
}

/** What a share's file or folder could not be made for, in words; other errors pass through. */
export function inTheWay(error: unknown, at: string): unknown {
  const code = systemErrorCode(error);
  if (code !== "ENOTDIR" && code !== "EEXIST") return asDiskFull(error, at);
  return new UserError({
    code: "integrity",
    message: `${at} cannot be made: there is a file in the place of one of its folders.`,
    hint: "Look into the share and move that file away; then run this again.",
    cause: error,
  });
}

/** Whether something of that name is there. Throws when that cannot be known: no rights, a server that is gone. */
export async function exists(file: string): Promise<boolean> {
  try {
    await fs.access(file);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT" || systemErrorCode(error) === "ENOTDIR") return false;
    throw error;
  }
}
