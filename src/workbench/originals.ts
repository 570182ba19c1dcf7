/**
 * The author's files in an unpacked hand-out lie under originals/ until the first start lays them into the shared
 * folders (templates/vagrant/originals.rb does that). Here is only where a file is to be found before and after.
 */
import fs from "node:fs/promises";
import path from "node:path";

/** The hand-out's folder with the author's shared folders in it. */
export const ORIGINALS = "originals";
/** What the start has laid out: JSON, `files` with each path and the SHA-256 of its original. */
const RECORD = ".notebox/originals.json";

/**
 * Absolute path of a file or folder of the workbench. Where it is not there yet because this hand-out has never been
 * started, that of its original; what a person has deleted since has no original any more.
 */
export async function placeOf(folder: string, name: string): Promise<string> {
  const own = path.join(folder, ...name.split("/"));
  const original = path.join(folder, ORIGINALS, ...name.split("/"));
  if ((await isThere(own)) || !(await isThere(original))) return own;
  return (await laidOut(folder)).some((file) => file === name || file.startsWith(`${name}/`)) ? own : original;
}

/** Paths that a start has laid out, with forward slashes. */
export async function laidOut(folder: string): Promise<string[]> {
  try {
    const data: unknown = JSON.parse(await fs.readFile(path.join(folder, RECORD), "utf8"));
    const files = (data as { files?: unknown } | null)?.files;
    return typeof files === "object" && files !== null ? Object.keys(files) : [];
  } catch {
    return [];
  }
}

async function isThere(file: string): Promise<boolean> {
  return await fs.lstat(file).then(
    () => true,
    () => false,
  );
}
