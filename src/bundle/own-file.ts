/**
 * Reading a small file of the workbench folder whole. The folder may come from anybody's zip, so what has the name may
 * be anything: a pipe, for one, never comes to its end.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { systemErrorCode, UserError } from "../errors.ts";
import { filesOf } from "../services/index.ts";
import type { Workbench } from "../workbench/model.ts";

/** Undefined when it is not there. Throws UserError `refused` when it is no file or cannot be read. */
export async function readOwnFile(file: string): Promise<Buffer | undefined> {
  try {
    if ((await fs.stat(file)).isFile()) return await fs.readFile(file);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new UserError({
      code: "refused",
      message: `${file} cannot be read (${code ?? error}), so it is not known whether it holds your work.`,
      hint: "Make it readable for yourself, or move it away.",
      cause: error,
    });
  }
  throw new UserError({
    code: "refused",
    message: `${file} is not a file, and notebox needs one of that name.`,
    hint: "Move it away.",
  });
}

/**
 * What services bring along, from beside workbench.yaml; in a hand-out, from the bundle. What is in neither place is left
 * out: `validate` has told, and so does provisioning.
 */
export async function readBrought({ folder, services }: Workbench): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const name of services.flatMap(filesOf)) {
    const rendered = path.join(folder, "provision", "workbench", "files", name);
    const content = (await readOwnFile(path.join(folder, name))) ?? (await readOwnFile(rendered));
    if (content !== undefined) found.set(name, content);
  }
  return found;
}

/** workbench.lock beside the workbench file, if there is one. Throws like readOwnFile. */
export async function readLock(folder: string): Promise<Buffer | undefined> {
  return await readOwnFile(path.join(folder, "workbench.lock"));
}
