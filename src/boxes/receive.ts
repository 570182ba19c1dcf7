/**
 * Takes a box into a share: its bytes go once through hashes and the inspector into a `.part` beside their place,
 * are put safely on the disk, and get their name by the caller's rename. What the hashes are compared with is the
 * caller's question.
 */
import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import { asDiskFull, systemErrorCode, UserError } from "../errors.ts";
import { type BoxFacts, inspectBox } from "./inspect.ts";

/** Bytes and hashes, in lower-case hex. */
export interface Digest {
  size: number;
  sha256: string;
  sha1: string;
  md5: string;
}

export interface ReceiveOptions {
  source: string;
  part: string;
  onBytes?: (done: number, total: number) => void;
  signal: AbortSignal;
}

const CHUNK = 1024 * 1024;

/**
 * Copies `source` to `part` and gives back what it is. Leaves no part behind when it fails.
 * Throws UserError `invalid` (no such file), `integrity` (no sound box), `disk-full`, `interrupted`.
 */
export async function receiveBox(options: ReceiveOptions): Promise<{ digest: Digest; facts: BoxFacts }> {
  const { source, part } = options;
  const input = await openSource(source);
  try {
    const output = await fs.open(part, "w");
    try {
      const result = await copy(input, output, options);
      await output.sync();
      return result;
    } finally {
      await output.close();
    }
  } catch (error) {
    await fs.rm(part, { force: true });
    throw asDiskFull(error, part);
  } finally {
    await input.close();
  }
}

/** Size and hashes of a file that is there already. */
export async function digestFile(file: string, signal: AbortSignal): Promise<Digest> {
  const hashes = hashing();
  const input = await fs.open(file, "r");
  try {
    for await (const chunk of input.createReadStream({ highWaterMark: CHUNK, autoClose: false })) {
      stopIfAsked(signal);
      hashes.update(chunk as Buffer);
    }
  } finally {
    await input.close();
  }
  return hashes.digest();
}

async function copy(input: fs.FileHandle, output: fs.FileHandle, options: ReceiveOptions) {
  const { size } = await input.stat();
  const inspector = inspectBox(options.source);
  const hashes = hashing();
  let done = 0;
  // One chunk is being written while the next is read and hashed.
  let writing: Promise<unknown> = Promise.resolve();
  try {
    for await (const chunk of input.createReadStream({ highWaterMark: CHUNK, autoClose: false })) {
      stopIfAsked(options.signal);
      const bytes = chunk as Buffer;
      hashes.update(bytes);
      inspector.write(bytes);
      await writing;
      writing = writeAll(output, bytes, done);
      // Its failure is met at the next await; until then it must not count as unhandled.
      writing.catch(() => {});
      done += bytes.length;
      options.onBytes?.(done, size);
    }
  } finally {
    await writing;
  }
  if (done !== size)
    throw new UserError({
      code: "integrity",
      message: `${options.source} changed while it was read.`,
      hint: "Wait until whatever writes it is done, then run this again.",
    });
  return { facts: await inspector.finish(), digest: hashes.digest() };
}

async function writeAll(output: fs.FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await output.write(bytes, written, bytes.length - written, at + written);
    written += bytesWritten;
  }
}

function hashing() {
  const all = { sha256: createHash("sha256"), sha1: createHash("sha1"), md5: createHash("md5") };
  let size = 0;
  return {
    update(bytes: Buffer): void {
      size += bytes.length;
      for (const hash of Object.values(all)) hash.update(bytes);
    },
    digest: (): Digest => ({
      size,
      sha256: all.sha256.digest("hex"),
      sha1: all.sha1.digest("hex"),
      md5: all.md5.digest("hex"),
    }),
  };
}

async function openSource(source: string): Promise<fs.FileHandle> {
  try {
    // Looked at before it is opened: opening a pipe waits for somebody to write into it.
    if ((await fs.stat(source)).isFile()) return await fs.open(source, "r");
  } catch (error) {
    const code = systemErrorCode(error);
    const why = code === "ENOENT" ? "There is no file" : code === "EACCES" ? "You may not read" : undefined;
    if (why === undefined) throw error;
    throw new UserError({ code: "invalid", message: `${why} ${source}.`, hint: "Name a .box file.", cause: error });
  }
  throw new UserError({ code: "invalid", message: `${source} is not a file.`, hint: "Name a .box file." });
}

function stopIfAsked(signal: AbortSignal): void {
  if (signal.aborted)
    throw new UserError({ code: "interrupted", message: "Interrupted; the share is as it was before." });
}
