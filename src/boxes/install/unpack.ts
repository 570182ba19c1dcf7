/**
 * A box's bytes → files in a folder, hashed in the same pass. Nothing is written outside the folder: an archive with
 * anything but plain files and folders is refused. Where the bytes come from and what becomes of the folder is the
 * caller's.
 */
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, write, writev } from "node:fs";
import fs from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGunzip } from "node:zlib";
import { systemErrorCode, UserError } from "../../errors.ts";
import { cleanName, memberFault, shortened } from "../inspect/member-names.ts";
import { TarFault, type TarMember, walkTar } from "../inspect/tar-walk.ts";

export interface Unpacked {
  /** Bytes that were read, and their checksum. */
  size: number;
  sha256: string;
  /** Bytes that were written. */
  unpacked: number;
}

const writeSome = promisify(write);
const writevSome = promisify(writev);

/** The archive is sound, but of a kind that only bsdtar unpacks as it should be. */
export class NotUnpackable extends Error {}

/**
 * `pieces` may be used again by whoever gives them as soon as the next one is asked for. `source` is named in
 * messages. Throws UserError `integrity`, NotUnpackable, and the system's errors when files cannot be written.
 */
export async function unpackBox(pieces: AsyncIterable<Buffer>, folder: string, source: string): Promise<Unpacked> {
  const hash = createHash("sha256");
  const files = new Files(folder);
  const walk = walkTar((member) => files.take(member));
  let size = 0;
  const plain = async (all: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of all) {
      size += piece.length;
      walk.push(piece);
      // What was found in these bytes is on its way to the disk while they are hashed.
      const written = files.flush();
      hash.update(piece);
      await written;
    }
  };
  const gzipped = async (all: AsyncIterable<Buffer>): Promise<void> => {
    const copies = async function* (): AsyncGenerator<Buffer> {
      for await (const piece of all) {
        size += piece.length;
        hash.update(piece);
        // zlib works on it in a thread of its own while the next piece is read into the same memory.
        yield Buffer.from(piece);
      }
    };
    const input = Readable.from(copies(), { highWaterMark: 1 });
    await pipeline(input, createGunzip({ chunkSize: CHUNK }), async (archive: AsyncIterable<Buffer>) => {
      for await (const bytes of archive) {
        walk.push(bytes);
        await files.flush();
      }
    });
  };
  try {
    const { magic, all } = await peek(pieces);
    if (/^(?:504b0304|fd377a585a00|28b52ffd|425a68)/.test(magic))
      throw new NotUnpackable("it is packed in another way than gzip");
    await (magic.startsWith("1f8b") ? gzipped(all) : plain(all));
    walk.end();
    await files.flush();
  } catch (error) {
    throw told(error, source);
  } finally {
    files.close();
  }
  return { size, sha256: hash.digest("hex"), unpacked: files.bytes };
}

/** The first bytes in hex, and all bytes from the first one on. */
async function peek(pieces: AsyncIterable<Buffer>): Promise<{ magic: string; all: AsyncIterable<Buffer> }> {
  const iterator = pieces[Symbol.asyncIterator]();
  const first = await iterator.next();
  const magic = first.done ? "" : first.value.subarray(0, 6).toString("hex");
  const all = async function* (): AsyncGenerator<Buffer> {
    try {
      for (let next = first; !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  };
  return { magic, all: all() };
}

function told(error: unknown, source: string): unknown {
  const packing = isZlibError(error) ? "its gzip packing is damaged" : undefined;
  const fault = error instanceof TarFault ? error.message : packing;
  if (fault === undefined) return error;
  return new UserError({
    code: "integrity",
    message: `${source} is not a sound box: ${fault}.`,
    hint: "Tell the people who keep the share; `notebox box verify` looks at all of its boxes.",
    cause: error,
  });
}

/** zlib's own complaints. */
function isZlibError(error: unknown): boolean {
  return /^Z_/.test(systemErrorCode(error) ?? "");
}

/** A file that is being written; its data is collected while a piece is parsed, and written at once. */
interface Open {
  fd: number;
  at: number;
  waiting: Buffer[];
  ended: boolean;
}

class Files {
  bytes = 0;
  readonly #folder: string;
  readonly #open = new Set<Open>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the member's file or folder, and takes its content. Throws TarFault, NotUnpackable. */
  take(member: TarMember): ((piece: Buffer) => void) | undefined {
    const name = cleanName(member.name);
    const fault = memberFault(member, name);
    const shown = JSON.stringify(shortened(member.name));
    if (fault !== undefined) throw new TarFault(`${shown} ${fault}`);
    if (member.type === "S" || member.hasMap || member.size !== member.stored)
      throw new NotUnpackable(`${shown} is a sparse file`);
    if (name === "" || name === ".") return undefined;
    const target = path.join(this.#folder, ...name.split("/"));
    // As bsdtar does it for Vagrant: the archive's rights less the umask. The owner must be able to delete it again.
    try {
      if (member.type === "5") {
        mkdirSync(target, { recursive: true, mode: member.mode | 0o700 });
        return undefined;
      }
      mkdirSync(path.dirname(target), { recursive: true });
      return this.#begin(openSync(target, "wx", member.mode | 0o600), member.stored);
    } catch (error) {
      const code = systemErrorCode(error);
      if (code !== "EEXIST" && code !== "ENOTDIR" && code !== "EISDIR") throw error;
      throw new TarFault(`${shown} is in it twice`);
    }
  }

  #begin(fd: number, size: number): (piece: Buffer) => void {
    const file: Open = { fd, at: 0, waiting: [], ended: size === 0 };
    this.#open.add(file);
    let left = size;
    return (piece) => {
      file.waiting.push(piece);
      left -= piece.length;
      file.ended = left === 0;
    };
  }

  /** Writes all that has come and closes the files that have ended. */
  async flush(): Promise<void> {
    await Promise.all([...this.#open].map((file) => this.#flushOne(file)));
  }

  async #flushOne(file: Open): Promise<void> {
    const data = file.waiting;
    file.waiting = [];
    while (data.length > 0) {
      const many = data.slice(0, 500);
      const [first] = many as [Buffer];
      const done =
        many.length === 1
          ? (await writeSome(file.fd, first, 0, first.length, file.at)).bytesWritten
          : (await writevSome(file.fd, many, file.at)).bytesWritten;
      file.at += done;
      this.bytes += done;
      dropFront(data, done);
    }
    if (!file.ended) return;
    this.#open.delete(file);
    closeSync(file.fd);
  }

  close(): void {
    for (const file of this.#open) closeSync(file.fd);
    this.#open.clear();
  }
}

/** Takes so many bytes off the front of a list of buffers. */
function dropFront(buffers: Buffer[], bytes: number): void {
  let left = bytes;
  while (left > 0) {
    const [first] = buffers as [Buffer];
    if (first.length > left) {
      buffers[0] = first.subarray(left);
      return;
    }
    left -= first.length;
    buffers.shift();
  }
}

const CHUNK = 1024 * 1024;

/**
 * A file's bytes through two buffers: one is filled while the other one is used. All but the last are full, so that
 * the parser of a plain archive keeps nothing of them.
 */
export async function* readFilePieces(
  file: string,
  onBytes: (done: number) => void,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const handle = await fs.open(file, "r");
  try {
    const buffers = [Buffer.allocUnsafeSlow(CHUNK), Buffer.allocUnsafeSlow(CHUNK)] as const;
    const fill = async (buffer: Buffer, from: number): Promise<Buffer> => {
      let filled = 0;
      while (filled < buffer.length) {
        const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, from + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    };
    let done = 0;
    let next = fill(buffers[0], 0);
    for (let turn = 1; ; turn++) {
      const piece = await next;
      if (piece.length === 0) return;
      done += piece.length;
      next = fill(buffers[turn % 2 === 0 ? 0 : 1], done);
      // Its failure is met at the next await; until then it must not count as unhandled.
      next.catch(() => {});
      stopIfAsked(signal);
      yield piece;
      onBytes(done);
    }
  } finally {
    await handle.close();
  }
}

function stopIfAsked(signal: AbortSignal): void {
  if (signal.aborted) throw new UserError({ code: "interrupted", message: "Interrupted; no box was installed." });
}
