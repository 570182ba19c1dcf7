/**
 * A box's bytes → files in a folder, hashed in the same pass. Nothing is written outside the folder: an archive with
 * anything but plain files and folders is refused. Where the bytes come from and what becomes of the folder is the
 * caller's.
 */
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, write, writev } from "node:fs";
import fs from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { Parser, type ReadEntry } from "tar";
import { systemErrorCode, UserError } from "../errors.ts";
import { cleanName, entryFault } from "./inspect.ts";

export interface Unpacked {
  /** Bytes that were read, and their checksum. */
  size: number;
  sha256: string;
  /** Bytes that were written. */
  unpacked: number;
}

const writeSome = promisify(write);
const writevSome = promisify(writev);

/**
 * `pieces` may be used again by whoever gives them as soon as the next one is asked for. `source` is named in
 * messages. Throws UserError `integrity`, and the system's errors when files cannot be written.
 */
export async function unpackBox(pieces: AsyncIterable<Buffer>, folder: string, source: string): Promise<Unpacked> {
  const hash = createHash("sha256");
  const files = new Files(folder);
  let size = 0;
  let fault: string | undefined;
  let ended = false;
  let over: () => void = () => {};
  const done = new Promise<void>((resolve) => (over = resolve));
  const parser = new Parser({
    strict: true,
    // A disk that is mostly zeros compresses a thousandfold; its size was known before.
    maxDecompressionRatio: Number.POSITIVE_INFINITY,
    onReadEntry: (entry) => {
      fault ??= files.take(entry);
      entry.resume();
    },
  });
  const broken = (error: Error): void => {
    fault ??= `it is no whole tar archive (${error.message.split("\n")[0]})`;
    over();
  };
  parser.on("error", broken);
  parser.on("abort", broken);
  parser.on("end", () => {
    ended = true;
    over();
  });
  try {
    for await (const piece of pieces) {
      size += piece.length;
      parser.write(piece);
      // What was parsed is on its way to the disk while the same bytes are hashed.
      const written = files.flush();
      hash.update(piece);
      await written;
      if (fault !== undefined) break;
    }
    if (fault === undefined) {
      if (!ended) parser.end();
      await done;
      await files.flush();
    }
  } finally {
    await files.close();
  }
  if (fault === undefined) return { size, sha256: hash.digest("hex"), unpacked: files.bytes };
  throw new UserError({
    code: "integrity",
    message: `${source} is not a sound box: ${fault}.`,
    hint: "Tell the people who keep the share; `notebox box verify` looks at all of its boxes.",
  });
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

  /** Makes the entry's file or folder. Gives back what is wrong with it, if something is. */
  take(entry: ReadEntry): string | undefined {
    const name = cleanName(entry.path).replace(/\/+$/, "");
    const fault = entryFault(entry, name);
    if (fault !== undefined) return `${JSON.stringify(entry.path.slice(0, 200))} ${fault}`;
    if (name === "" || name === ".") return undefined;
    const target = path.join(this.#folder, ...name.split("/"));
    // As bsdtar does it for Vagrant: the archive's rights less the umask; the owner must be able to delete it again.
    const mode = (entry.mode ?? 0o644) & 0o777;
    if (entry.type === "Directory" || entry.type === "GNUDumpDir") {
      mkdirSync(target, { recursive: true, mode: mode | 0o700 });
      return undefined;
    }
    try {
      mkdirSync(path.dirname(target), { recursive: true });
      const file: Open = { fd: openSync(target, "wx", mode | 0o600), at: 0, waiting: [], ended: false };
      this.#open.add(file);
      entry.on("data", (data: Buffer) => file.waiting.push(data));
      entry.on("end", () => (file.ended = true));
      return undefined;
    } catch (error) {
      const code = systemErrorCode(error);
      if (code !== "EEXIST" && code !== "ENOTDIR" && code !== "EISDIR") throw error;
      return `${JSON.stringify(entry.path.slice(0, 200))} is in it twice`;
    }
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

  async close(): Promise<void> {
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
