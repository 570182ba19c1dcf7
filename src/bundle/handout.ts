/**
 * What of the author's own goes into the hand-out beside the bundle: the workbench file, the lock, the wheels and
 * the shared folders. Reads names only; zip.ts reads and writes the contents.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { type Problem, systemErrorCode, UserError } from "../errors.ts";
import { FILE_NAME } from "../workbench/file.ts";
import { isDeviceName, nameKey } from "../workbench/file-names.ts";
import type { Workbench } from "../workbench/model.ts";
import { sharedFolders } from "./plan.ts";

export interface Found {
  /** Below the workbench folder, with forward slashes. */
  files: string[];
  folders: string[];
  /** What was left out although an author might miss it. */
  skipped: { path: string; why: string }[];
}

// Made anew by Jupyter, Python and file managers wherever they work; nobody misses them.
const LITTER = new Set([".ipynb_checkpoints", "__pycache__", ".DS_Store", "Thumbs.db", "desktop.ini", ".git"]);

/**
 * `except` is a file that is being written (the zip itself).
 * Throws UserError `invalid` when a name would stop Windows from unpacking the zip.
 */
export async function findOwnFiles(workbench: Workbench, except: string): Promise<Found> {
  const found: Found = { files: [], folders: [], skipped: [] };
  for (const name of [FILE_NAME, "workbench.lock"]) await add(workbench.folder, name, except, found);
  for (const name of [...sharedFolders(workbench), "wheels"]) await add(workbench.folder, name, except, found);
  const problems = namesThatWindowsRefuses(workbench.folder, [...found.files, ...found.folders]);
  if (problems.length > 0) {
    throw new UserError({
      code: "invalid",
      message: "The hand-out could not be unpacked on Windows: some names do not exist there.",
      hint: "Rename these files and run the same command again.",
      problems,
    });
  }
  return found;
}

async function add(root: string, name: string, except: string, found: Found): Promise<void> {
  const at = path.join(root, name);
  const stats = await fs.lstat(at).catch((error: unknown) => {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (!stats && name.includes("\uFFFD")) found.skipped.push({ path: name, why: "its name is not UTF-8" });
  if (!stats || path.resolve(at) === path.resolve(except)) return;
  if (stats.isSymbolicLink()) found.skipped.push({ path: name, why: "it is a link, which may lead anywhere" });
  else if (stats.isFile()) found.files.push(name);
  else if (stats.isDirectory()) {
    found.folders.push(name);
    const entries = (await namesIn(at)).filter((entry) => !LITTER.has(entry));
    for (const entry of entries.sort()) await add(root, `${name}/${entry}`, except, found);
  } else found.skipped.push({ path: name, why: "it is neither a file nor a folder" });
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await fs.readdir(folder);
  } catch (error) {
    throw new UserError({
      code: "invalid",
      message: `${folder} belongs into the hand-out, but cannot be read (${systemErrorCode(error) ?? error}).`,
      hint: "Make it readable for yourself, or move it out of the shared folders.",
      cause: error,
    });
  }
}

function namesThatWindowsRefuses(root: string, names: readonly string[]): Problem[] {
  const seen = new Map<string, string>();
  return names.flatMap((name) => {
    const last = path.posix.basename(name);
    const twin = seen.get(nameKey(name));
    seen.set(nameKey(name), name);
    const message = twin === undefined ? complaint(last) : `differs from ${twin} by upper and lower case only`;
    return message === undefined ? [] : [{ id: "file-name", file: path.join(root, name), value: name, message }];
  });
}

// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
function complaint(name: string): string | undefined {
  const illegal = /[<>:"|?*\\\p{Cc}]/u.exec(name);
  if (illegal) return `${JSON.stringify(name)} holds ${JSON.stringify(illegal[0])}`;
  if (/[. ]$/.test(name)) return `${JSON.stringify(name)} ends with a dot or a space`;
  if (isDeviceName(name)) return `${JSON.stringify(name)} is a device`;
  return undefined;
}
