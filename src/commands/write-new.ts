/** Writes the files of a new workbench: what the author has is kept, and a failure leaves nothing half-made. */
import { randomUUID } from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import { asDiskFull, systemErrorCode, UserError } from "../errors.ts";
import { FILE_NAME } from "../workbench/file.ts";

export interface NewFile {
  /** Below the folder, with forward slashes. */
  path: string;
  /** `kept`: it was there already. */
  action: "written" | "kept";
}

/** What a file holds; a large one is read only when it is written. */
export type Content = string | Buffer | (() => Promise<Buffer>);

/** Writes the files; on a failure those that it made are taken away again. */
export async function writeNew(folder: string, plan: ReadonlyMap<string, Content>): Promise<NewFile[]> {
  const files: NewFile[] = [];
  const made: string[] = [];
  try {
    for (const [relative, content] of plan) {
      const target = path.join(folder, ...relative.split("/"));
      const firstMade = await fs.mkdir(path.dirname(target), { recursive: true });
      if (firstMade !== undefined) made.push(firstMade);
      // The author's own notebooks are never overwritten; what notebox made itself is.
      const mayReplace = relative === FILE_NAME || relative.startsWith(".notebox/");
      const there = await fs.lstat(target).catch(() => undefined);
      if (there && !mayReplace) {
        files.push({ path: relative, action: "kept" });
        continue;
      }
      if (!there) made.push(target);
      const next = `${target}.${randomUUID()}.part`;
      made.push(next);
      await fs.writeFile(next, typeof content === "function" ? await content() : content, { flag: "wx" });
      await fs.rename(next, target);
      files.push({ path: relative, action: "written" });
    }
  } catch (error) {
    for (const each of made.reverse()) await fs.rm(each, { recursive: true, force: true }).catch(() => {});
    throw writeFailure(error, folder);
  }
  return files;
}

function writeFailure(error: unknown, folder: string): unknown {
  const code = systemErrorCode(error);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    const message = `${folder} cannot be written: you have no permission there.`;
    return new UserError({ code: "usage", message, hint: "Name a folder of your own.", cause: error });
  }
  if (code === "ENOENT") {
    // What Node makes of a read-only disk when it is to make several folders.
    const message = `${folder} cannot be made: the disk is read-only, or a link on the way there leads nowhere.`;
    return new UserError({ code: "usage", message, hint: "Name another folder.", cause: error });
  }
  if (code === "ENOTDIR" || code === "EEXIST") {
    const message = `${folder} cannot be made: a file stands in its way.`;
    return new UserError({ code: "usage", message, hint: "Name another folder.", cause: error });
  }
  return asDiskFull(error, folder);
}
