/**
 * Large blocks of a file straight from this program's memory to the disk, past the system's cache (open(2), O_DIRECT):
 * copying a box into that cache and writing it back from there costs about as much as hashing it. Only where this is
 * known to work well; elsewhere, and for whatever does not fit, callers write as usual.
 */
import { constants } from "node:fs";
import fs from "node:fs/promises";

/** Memory, position and length of a direct write are multiples of this everywhere. */
const ALIGNMENT = 4096;

/** The one kind of memory in JavaScript that begins at the beginning of a page. Its sizes count pages of 64 KiB. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: {
    Memory: new (size: { initial: number; maximum: number; shared: true }) => { buffer: SharedArrayBuffer };
  };
};
const WASM_PAGE = 64 * 1024;
/** statfs(2): ext2 to ext4, XFS. A file server may be slower this way, btrfs copies anyhow, others refuse it. */
const KNOWN_TO_WORK = new Set([0xef53, 0x58465342]);

export interface DirectFile {
  /** Whether all of it has been written; then it lies on the disk but for the disk's own cache. */
  write(bytes: Buffer, at: number): Promise<boolean>;
  close(): Promise<void>;
}

/** The same file once more, for direct writing; undefined where that is not known to work. */
export async function openDirect(file: string): Promise<DirectFile | undefined> {
  const flag: number | undefined = constants.O_DIRECT; // not on every system
  if (flag === undefined) return undefined;
  let handle: fs.FileHandle;
  try {
    if (!KNOWN_TO_WORK.has((await fs.statfs(file)).type)) return undefined;
    handle = await fs.open(file, constants.O_WRONLY | flag);
  } catch {
    return undefined;
  }
  let works = true;
  return {
    async write(bytes, at) {
      if (!works || bytes.length % ALIGNMENT !== 0 || at % ALIGNMENT !== 0) return false;
      try {
        works = (await handle.write(bytes, 0, bytes.length, at)).bytesWritten === bytes.length;
      } catch {
        // A full disk, too: the usual way of writing fills it up and says so.
        works = false;
      }
      return works;
    },
    close: () => handle.close(),
  };
}

/** Memory that lies as direct writes need it and that other threads can read. `size` in bytes. */
export function sharedMemory(size: number): Buffer {
  const pages = Math.ceil(size / WASM_PAGE);
  try {
    return Buffer.from(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer, 0, size);
  } catch {
    // It reserves a large range of addresses, which a limit on them forbids.
    return Buffer.from(new SharedArrayBuffer(size));
  }
}
