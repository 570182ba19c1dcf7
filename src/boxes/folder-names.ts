/**
 * Folders of a share that would lead a box astray: a name that is there in other letters, capital or small, and a link
 * in the place of a folder. Reading and writing the share is share.ts's.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { systemErrorCode, UserError } from "../errors.ts";
import { type BoxId, boxFolder, versionFolder } from "./layout.ts";
import { foldersIn } from "./share.ts";

/**
 * Before a box is written into the share. Throws UserError `refused` when the share has this name or version in other
 * letters: on a file server of Windows both would be one folder, and so it would be for everybody who copies the share
 * there. Throws `integrity` when a folder on the way is a link: what is written behind it lies outside the share, where
 * no catalog, `list` or `verify` looks.
 */
export async function checkWay(share: string, box: Pick<BoxId, "name" | "version">): Promise<void> {
  const { name, version } = box;
  let folder = path.join(share, "boxes");
  await refuseLink(folder);
  for (const [index, part] of [...name.split("/"), version].entries()) {
    const other = (await foldersIn(folder)).find((one) => one !== part && one.toLowerCase() === part.toLowerCase());
    if (other !== undefined)
      throw new UserError({
        code: "refused",
        message: `${name} ${version} is not taken in: the share has ${JSON.stringify(other)}, which differs from ${JSON.stringify(part)} only in capital and small letters.`,
        hint: `Many file servers cannot tell the two apart. ${index < 2 ? "Use the name that is there, or another one." : "Use another version."}`,
      });
    folder = path.join(folder, part);
    await refuseLink(folder);
  }
}

async function refuseLink(folder: string): Promise<void> {
  const stats = await fs.lstat(folder).catch((error: unknown) => {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  });
  if (!stats?.isSymbolicLink()) return;
  throw new UserError({
    code: "integrity",
    message: `${folder} is a link to ${await fs.readlink(folder)}: the box would lie outside the share, and no reader would find it.`,
    hint: "Put a real folder in its place (a disk can be mounted there), with the boxes in it; then run this again.",
  });
}

/**
 * Folders of boxes that differ only in capital and small letters, as paths in the share, in groups: `found` are the
 * names and versions that are there.
 */
export function twinFolders(found: readonly { name: string; version?: string }[]): string[][] {
  const groups = new Map<string, Map<string, string>>();
  for (const { name, version } of found) {
    const parts = (version === undefined ? boxFolder(name) : versionFolder({ name, version })).split("/");
    for (let length = 2; length <= parts.length; length++) {
      const folder = parts.slice(0, length).join("/");
      const group = groups.get(folder.toLowerCase()) ?? new Map<string, string>();
      // Folders whose parents are the twins are told as those.
      const own = parts[length - 1] ?? "";
      if (!group.has(own)) group.set(own, folder);
      groups.set(folder.toLowerCase(), group);
    }
  }
  return [...groups.values()].filter(({ size }) => size > 1).map((group) => [...group.values()].sort());
}
