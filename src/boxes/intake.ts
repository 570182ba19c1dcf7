/**
 * A box's bytes as they arrive, in whatever pieces: gathered into blocks, each of which goes once through the hashes,
 * the inspector and to the disk. Where the bytes come from, and what becomes of the file, is the callers' question.
 */
import type fs from "node:fs/promises";
import type { HashThreads } from "../ports.ts";
import { type Digest, type HashType, splitHashes } from "./digest.ts";
import { type DirectFile, openDirect, sharedMemory } from "./direct-file.ts";
import type { Inspector } from "./inspect/inspect.ts";

export interface Intake {
  /** Bytes taken so far. */
  readonly size: number;
  /** Bytes that are surely on the disk. */
  readonly synced: number;
  write(chunk: Uint8Array): Promise<void>;
  /** What has been gathered goes to the file, and all of it to the disk. */
  settle(): Promise<void>;
  /** Size and hashes of all that was taken; once. */
  digest(): Promise<Digest>;
  /** Ends what runs beside it; after that nothing can be written. */
  stop(): void;
}

export interface IntakeOptions {
  /** The file, and its handle, which may be written to. */
  file: string;
  handle: fs.FileHandle;
  /** Looks at the bytes, where they need looking at. */
  inspector?: Inspector;
  threads?: HashThreads | undefined;
  /** A further hash that upstream's checksum needs. */
  extra?: HashType | undefined;
  /** Called after each sync that goes on in the background, with the bytes that are safe then. */
  onSynced?: (bytes: number) => Promise<void>;
  /** Between two syncs, in bytes. */
  syncEvery?: number;
}

const BLOCK = 1024 * 1024;
/**
 * While one is filled the others are hashed and written; a moment's delay of one of them then stops nobody. A killed run
 * loses what lies in them, so together they are less than a resume may fetch again.
 */
const BLOCKS = 7;
const SYNC_EVERY = 8 * 1024 * 1024;

export function createIntake(options: IntakeOptions): Intake {
  const { handle, inspector } = options;
  const hashes = splitHashes(options.threads, options.extra);
  const direct = openDirect(options.file);
  // Where another thread can hash them, and the disk fetch them.
  const memory = sharedMemory(BLOCKS * BLOCK);
  const ring = Array.from({ length: BLOCKS }, (_, index) => ({
    block: memory.subarray(index * BLOCK, (index + 1) * BLOCK),
    free: Promise.resolve(),
  }));
  let turn = 0;
  let { block } = ring[0] as (typeof ring)[number];
  let filled = 0;
  /** Where the block begins in the file. */
  let at = 0;
  let synced = 0;
  let writing: Promise<void> = Promise.resolve();
  let syncing: Promise<void> | undefined;

  const flush = async (): Promise<void> => {
    if (filled === 0) return;
    const bytes = block.subarray(0, filled);
    const own = ring[turn] as (typeof ring)[number];
    const hashing = hashes.update(bytes);
    hashing.catch(() => {});
    await inspector?.write(bytes);
    // One write after the other: what is on the disk has no gaps.
    const position = at;
    const before = writing;
    writing = before.then(async () => await writeAll(handle, await direct, bytes, position));
    own.free = Promise.all([writing, hashing]).then(() => {});
    // Their failure is met at the next await; until then it must not count as unhandled.
    for (const one of [writing, own.free]) one.catch(() => {});
    at += filled;
    filled = 0;
    turn = (turn + 1) % BLOCKS;
    const next = ring[turn] as (typeof ring)[number];
    await next.free;
    block = next.block;
    if (syncing === undefined && at - synced >= (options.syncEvery ?? SYNC_EVERY)) syncLater();
  };
  const syncLater = (): void => {
    const safe = writing;
    const upTo = at;
    syncing = (async () => {
      await safe;
      await handle.datasync();
      synced = upTo;
      await options.onSynced?.(upTo);
    })();
    syncing.then(
      () => {
        syncing = undefined;
      },
      () => {},
    );
  };

  return {
    get size() {
      return at + filled;
    },
    get synced() {
      return synced;
    },
    async write(chunk) {
      for (let taken = 0; taken < chunk.length; ) {
        const piece = chunk.subarray(taken, taken + BLOCK - filled);
        block.set(piece, filled);
        filled += piece.length;
        taken += piece.length;
        if (filled === BLOCK) await flush();
      }
    },
    async settle() {
      await flush();
      await writing;
      await syncing;
      await handle.sync();
      synced = at;
    },
    digest: async () => await hashes.digest(),
    stop: () => {
      hashes.stop();
      void direct.then((file) => file?.close()).catch(() => {});
    },
  };
}

async function writeAll(
  output: fs.FileHandle,
  direct: DirectFile | undefined,
  bytes: Buffer,
  at: number,
): Promise<void> {
  if (await direct?.write(bytes, at)) return;
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await output.write(bytes, written, bytes.length - written, at + written);
    written += bytesWritten;
  }
}
