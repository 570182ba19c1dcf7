/**
 * Writes a backup: one member after the other, hashed and looked into as its bytes come by, into a file that is its
 * owner's alone. Whoever reads one is check.ts; where the bytes come from is save.ts's.
 */
import { createHash, type Hash } from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { syncFolder } from "../boxes/durable.ts";
import { TarFault } from "../boxes/inspect/tar-walk.ts";
import { asDiskFull, systemErrorCode, UserError } from "../errors.ts";
import { lookInto, type Room } from "./contents.ts";
import { MANIFEST, type Manifest, type Member } from "./manifest.ts";
import { BLOCK, encodeHeader, filling } from "./tar-header.ts";

/** zlib's; a higher level takes twice as long and saves a few hundredths. */
const LEVEL = 4;

export interface Archive {
  /** A tar, which is packed here. `room` is where it will be unpacked. */
  addTar(name: string, bytes: AsyncIterable<Buffer>, room: Room, onBytes: (done: number) => void): Promise<Member>;
  addText(name: string, text: string): Promise<void>;
  /** Everything but `members` is given. The file is on the disk for sure afterwards, but has not got its name yet. */
  close(manifest: Omit<Manifest, "members">): Promise<void>;
  /** Gives it its name. */
  keep(): Promise<void>;
  /** Removes what was written, if it has not got its name. */
  drop(): Promise<void>;
  /** Where it lies until it has its name. */
  readonly part: string;
}

/** Throws UserError `refused` when there is such a file already. */
export async function createArchive(file: string, seconds: number): Promise<Archive> {
  const part = `${file}.part`;
  if (
    await fs.lstat(file).then(
      () => true,
      () => false,
    )
  )
    throw new UserError({
      code: "refused",
      message: `${file} is there already, and a backup overwrites nothing.`,
      hint: "Name another file with --to, or move that one away.",
    });
  await fs.rm(part, { force: true });
  // Its owner's alone from the first byte on: it holds tokens.
  const handle = await fs.open(part, "wx", 0o600);
  const members: Member[] = [];
  let at = 0;
  let kept = false;

  const write = async (bytes: Uint8Array): Promise<void> => {
    await handle.writeFile(bytes);
    at += bytes.length;
  };
  const add = async (name: string, body: (hash: Hash) => Promise<Partial<Member>>): Promise<Member> => {
    const start = at;
    await write(Buffer.alloc(BLOCK));
    const hash = createHash("sha256");
    const told = await body(hash);
    const size = at - start - BLOCK;
    await write(Buffer.alloc(filling(size)));
    const header = encodeHeader({ name, size }, seconds);
    await handle.write(header, 0, BLOCK, start);
    const member = { name, size, sha256: hash.digest("hex"), ...told };
    members.push(member);
    return member;
  };
  const addText = async (name: string, text: string): Promise<void> => {
    await add(name, async (hash) => {
      const bytes = Buffer.from(text);
      hash.update(bytes);
      await write(bytes);
      return {};
    });
  };
  return {
    part,
    addText,
    addTar: async (name, bytes, room, onBytes) =>
      await add(name, async (hash) => {
        const inside = lookInto(room);
        const seen = async function* (): AsyncGenerator<Buffer> {
          for await (const piece of bytes) {
            inside.push(piece);
            onBytes(inside.bytes);
            yield piece;
          }
          inside.end();
        };
        await pipeline(Readable.from(seen()), createGzip({ level: LEVEL }), async (packed: AsyncIterable<Buffer>) => {
          for await (const piece of packed) {
            hash.update(piece);
            await write(piece);
          }
        });
        return { unpacked: inside.bytes, files: inside.files };
      }),
    async close(manifest) {
      await addText(MANIFEST, `${JSON.stringify({ ...manifest, members }, null, 1)}\n`);
      await write(Buffer.alloc(2 * BLOCK));
      await handle.sync();
      await handle.close();
    },
    async keep() {
      await fs.rename(part, file);
      kept = true;
      await syncFolder(path.dirname(file));
    },
    async drop() {
      await handle.close().catch(() => {});
      if (!kept) await fs.rm(part, { force: true });
    },
  };
}

/** What went wrong while a backup was written, for a person. */
export function writingFault(error: unknown, file: string): unknown {
  if (error instanceof TarFault)
    return new UserError({
      code: "integrity",
      message: `What the VM sent could not be put into the backup: ${error.message}.`,
      hint: "The VM is as it was, and no backup was written. If a name is told, move that file away in the VM and try again.",
      cause: error,
    });
  const why = CANNOT[systemErrorCode(error) ?? ""];
  if (why === undefined) return asDiskFull(error, file);
  return new UserError({
    code: "usage",
    message: `${file} cannot be written: ${why}.`,
    hint: "Name a place on another disk, or in a folder of yours, with --to. The VM is as it was, and no backup was written.",
    cause: error,
  });
}

const CANNOT: Readonly<Record<string, string>> = {
  EFBIG: "that disk holds no files of this size (FAT32 ends at 4 GiB)",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "it is on a read-only disk",
  ENOTDIR: "there is a file in the place of one of its folders",
  EEXIST: "there is a file in the place of one of its folders",
};
