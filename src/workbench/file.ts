/** workbench.yaml as a file: finds it, reads it, makes sure that it is UTF-8 text of a sensible size. */
import fs from "node:fs/promises";
import path from "node:path";
import { type ErrorCode, systemErrorCode, UserError } from "../errors.ts";

export const FILE_NAME = "workbench.yaml";

const MAX_BYTES = 1024 * 1024;

/** Reads the file in that folder. Throws UserError `invalid`; a byte order mark is taken away. */
export async function readWorkbenchFile(folder: string): Promise<{ file: string; text: string }> {
  const file = path.join(folder, FILE_NAME);
  const bytes = await readBytes(folder, file);
  if (bytes.length > MAX_BYTES) {
    throw invalid(`${file} is larger than 1 MiB.`, "A workbench is described in a few lines; is this the right file?");
  }
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw invalid(`${file} is saved as UTF-16.`, "Save it as UTF-8; editors offer that beside “Save as”.");
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalid(`${file} is not UTF-8 text.`, "Save it as UTF-8; editors offer that beside “Save as”.", error);
  }
  if (text.includes("\0")) throw invalid(`${file} holds a NUL byte, so it is not a text.`, "Is this the right file?");
  return { file, text };
}

async function readBytes(folder: string, file: string): Promise<Buffer> {
  try {
    const stats = await fs.stat(file);
    // A pipe or a device would never come to its end.
    if (!stats.isFile() && !stats.isDirectory()) throw invalid(`${file} is not a plain file.`, "Put one in its place.");
    if (stats.size > MAX_BYTES) return Buffer.alloc(MAX_BYTES + 1);
    return await fs.readFile(file);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") throw await missing(folder, error);
    if (code === "EISDIR") throw invalid(`${file} is a folder, not a file.`, "Rename the folder.", error);
    if (code === "EACCES" || code === "EPERM") {
      throw invalid(`${file} cannot be read: you have no permission.`, "Ask its owner to let you read it.", error);
    }
    throw invalid(`${file} cannot be read: ${error instanceof Error ? error.message : error}`, undefined, error);
  }
}

async function missing(folder: string, cause: unknown): Promise<UserError> {
  const kind = await fs.stat(folder).then(
    (stats) => (stats.isDirectory() ? "folder" : "file"),
    () => "nothing",
  );
  if (kind === "nothing") return invalid(`There is no folder ${folder}.`, "Is its name spelt right?", cause);
  if (kind === "file") {
    const hint = `Name the folder that holds it: ${path.dirname(folder)}`;
    return invalid(`${folder} is a file, not a workbench folder.`, hint, cause);
  }
  for (let above = path.dirname(folder); above !== path.dirname(above); above = path.dirname(above)) {
    if (await isFile(path.join(above, FILE_NAME))) {
      return invalid(`There is no ${FILE_NAME} in ${folder}.`, `There is one in ${above}; go there, or use -C.`, cause);
    }
  }
  return invalid(`There is no ${FILE_NAME} in ${folder}.`, "notebox init writes one to start from.", cause);
}

async function isFile(file: string): Promise<boolean> {
  return fs.stat(file).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

function invalid(message: string, hint?: string, cause?: unknown): UserError {
  return new UserError({
    code: "invalid" satisfies ErrorCode,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });
}
