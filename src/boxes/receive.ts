/**
 * Takes a box that is a file into a share: its bytes go once through hashes and the inspector into a `.part` beside
 * their place, and are put safely on the disk; its name is the caller's rename. A box whose gzip saves next to nothing
 * is stored as the plain tar that it holds: every installation of it is faster then.
 */
import fs from "node:fs/promises";
import { asDiskFull, systemErrorCode, UserError } from "../errors.ts";
import type { HashThreads } from "../ports.ts";
import { type Digest, startHashes, stopIfAsked } from "./digest.ts";
import { checkRoom } from "./fetch/room.ts";
import type { BoxFacts } from "./inspect/box-facts.ts";
import { inspectBox } from "./inspect/inspect.ts";
import { createIntake } from "./intake.ts";

export interface ReceiveOptions {
  source: string;
  part: string;
  /** What the box is called in messages; the source when not given. */
  name?: string;
  onBytes?: (done: number, total: number) => void;
  signal: AbortSignal;
  threads?: HashThreads | undefined;
}

export interface Received {
  /** Of the file in the share. */
  digest: Digest;
  facts: BoxFacts;
  /** Of the source, where the file in the share is not the same bytes. */
  original?: Digest;
}

const CHUNK = 1024 * 1024;
/** A packing that saves less than this is not worth unpacking it at every installation. */
const WORTHWHILE = 0.05;

/** Whether gzip saves next to nothing. Both in bytes. */
export function savesNothing(packed: number, unpacked: number): boolean {
  return unpacked * (1 - WORTHWHILE) < packed;
}

/**
 * Copies `source` to `part` and gives back what it is. Leaves no part behind when it fails.
 * Throws UserError `invalid` (no such file), `integrity` (no sound box), `disk-full`, `interrupted`.
 */
export async function receiveBox(options: ReceiveOptions): Promise<Received> {
  const { source, part } = options;
  const input = await openSource(source);
  try {
    const { size } = await input.stat();
    const guess = await unpackedSize(input, size);
    const tries = guess !== undefined && savesNothing(size, guess) ? [unpack, copy] : [copy];
    for (const receive of tries) {
      await checkRoom(part, size, size);
      const output = await fs.open(part, "w");
      try {
        const received = await receive(input, output, size, options);
        // The end of a gzip file may not say how large it is: then it is copied as it is.
        if (received) return received;
      } finally {
        await output.close();
      }
    }
    throw new Error("copying always ends");
  } catch (error) {
    await fs.rm(part, { force: true });
    throw asDiskFull(error, part);
  } finally {
    await input.close();
  }
}

type Receive = (
  input: fs.FileHandle,
  output: fs.FileHandle,
  size: number,
  options: ReceiveOptions,
) => Promise<Received | undefined>;

const copy: Receive = async (input, output, size, options) => {
  const inspector = inspectBox(options.name ?? options.source);
  const intake = createIntake({ file: options.part, handle: output, inspector, threads: options.threads });
  try {
    await readAll(input, size, options, (bytes) => intake.write(bytes));
    await intake.settle();
    return { facts: await inspector.finish(), digest: await intake.digest() };
  } finally {
    intake.stop();
    inspector.stop();
  }
};

const unpack: Receive = async (input, output, size, options) => {
  const intake = createIntake({ file: options.part, handle: output, threads: options.threads });
  const hashes = startHashes();
  const inspector = inspectBox(options.name ?? options.source, { onTar: (bytes) => intake.write(bytes) });
  try {
    await readAll(input, size, options, async (bytes) => {
      hashes.update(bytes);
      await inspector.write(bytes);
    });
    const facts = await inspector.finish();
    if (!savesNothing(size, facts.tarSize)) return undefined;
    await intake.settle();
    const { packed: _packed, ...plain } = facts;
    return { facts: plain, digest: await intake.digest(), original: hashes.digest() };
  } finally {
    intake.stop();
    inspector.stop();
  }
};

async function readAll(
  input: fs.FileHandle,
  size: number,
  options: ReceiveOptions,
  take: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  let done = 0;
  for await (const chunk of input.createReadStream({ start: 0, highWaterMark: CHUNK, autoClose: false })) {
    stopIfAsked(options.signal);
    await take(chunk as Buffer);
    done += (chunk as Buffer).length;
    options.onBytes?.(done, size);
  }
  if (done !== size)
    throw new UserError({
      code: "integrity",
      message: `${options.source} changed while it was read.`,
      hint: "Wait until whatever writes it is done, then run this again.",
    });
}

/** What a gzip file's last four bytes say of its content: its size, but for multiples of 4 GiB (RFC 1952 §2.3.1). */
async function unpackedSize(input: fs.FileHandle, size: number): Promise<number | undefined> {
  if (size < 20) return undefined;
  const [magic, end] = [Buffer.alloc(2), Buffer.alloc(4)];
  await input.read(magic, 0, 2, 0);
  await input.read(end, 0, 4, size - 4);
  if (magic.readUInt16BE(0) !== 0x1f8b) return undefined;
  const rest = end.readUInt32LE(0);
  return rest + Math.max(0, Math.ceil((size * 0.98 - rest) / 2 ** 32)) * 2 ** 32;
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
