/**
 * Takes files out of a share without deleting them: quarantine/<time>/ holds a note and the files at their old paths.
 * The note is written first, so that nothing lies there that nobody can explain.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { systemErrorCode } from "../../errors.ts";
import { replaceFile, syncFolder } from "../durable.ts";
import { QUARANTINE } from "../layout.ts";
import { removeEmpty } from "../place.ts";

export interface Quarantined {
  path: string;
  why: string;
}

/** Moves those that are there; gives back the folder's path in the share. */
export async function quarantine(
  share: string,
  files: readonly Quarantined[],
  { time, by }: { time: string; by: string },
): Promise<string> {
  const folder = await newFolder(share, time);
  await replaceFile(path.join(share, folder, "note.json"), `${JSON.stringify({ time, by, files }, null, 2)}\n`);
  for (const { path: at } of files) {
    const target = path.join(share, folder, at);
    await fs.mkdir(path.dirname(target), { recursive: true });
    try {
      await fs.rename(path.join(share, at), target);
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT") throw error;
      continue;
    }
    await syncFolder(path.dirname(target));
    await removeEmpty(share, path.dirname(path.join(share, at)));
  }
  return folder;
}

/** Two runs can fall into one second. */
async function newFolder(share: string, time: string): Promise<string> {
  const name = time.replace(/\.\d+Z$/, "Z").replaceAll(/[:-]/g, "");
  await fs.mkdir(path.join(share, QUARANTINE), { recursive: true });
  for (let number = 1; ; number++) {
    const folder = `${QUARANTINE}/${name}${number === 1 ? "" : `-${number}`}`;
    try {
      await fs.mkdir(path.join(share, folder));
      return folder;
    } catch (error) {
      if (systemErrorCode(error) !== "EEXIST") throw error;
    }
  }
}
