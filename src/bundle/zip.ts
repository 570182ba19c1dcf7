/**
 * Writes a zip. The same files give the same bytes, whatever the platform, time zone or umask; the zip is whole or
 * not there. Which files go in is for plan.ts and handout.ts, what the bytes mean for zip-format.ts.
 */
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { crc32 } from "node:zlib";
import { asDiskFull, systemErrorCode, UserError } from "../errors.ts";
import type { Processes } from "../ports.ts";
import { centralDirectory, localHeader, type Member, pack } from "./zip-format.ts";

export interface ZipEntry {
  /** Inside the zip, with forward slashes; a folder ends with one. */
  path: string;
  /** What it holds, or the file to read; a folder has neither. */
  content?: Buffer;
  source?: string;
  /** A folder that a running VM can write: what `source` names must lie below it and be reached by no link. */
  within?: string;
  executable?: boolean;
}

export interface Written {
  bytes: number;
  /** By path in the zip. */
  sizes: ReadonlyMap<string, number>;
}

/** Larger files (boxes, data) are stored as they are and never held in memory whole. */
const PACKED_BYTES = 8 * 1024 * 1024;
/** A FAT32 stick takes no file of this size or more. */
export const FAT32_BYTES = 4 * 1024 ** 3 - 1;

/** Returns the size in bytes, and that of each file by its path. Throws UserError `disk-full`, or `usage` when the zip cannot be put there. */
export async function writeZip(
  file: string,
  entries: readonly ZipEntry[],
  processes: Pick<Processes, "self" | "isAlive">,
  signal?: AbortSignal,
): Promise<Written> {
  const { pid, started } = processes.self();
  const part = path.join(path.dirname(file), `.${path.basename(file)}.${host()}-${pid}-${started}.part`);
  try {
    await removeParts(file, part, processes);
    const written = await writeMembers(part, entries, signal);
    await fs.rename(part, file);
    return written;
  } catch (error) {
    await fs.rm(part, { force: true });
    throw explained(error, file, part);
  }
}

/** Part of the names, since a folder may be shared: of another computer's processes nothing is known here. */
function host(): string {
  return os.hostname().replace(/[^A-Za-z0-9]/g, "");
}

/** What runs that were killed left beside the zip; a name holds the process, so that of a living one stays. */
async function removeParts(file: string, own: string, processes: Pick<Processes, "isAlive">): Promise<void> {
  const start = `.${path.basename(file)}.${host()}-`;
  // A folder that is not there is told when the zip is made.
  for (const name of await fs.readdir(path.dirname(file)).catch(() => [])) {
    const owner = name.startsWith(start) ? /^(\d+)-(.*)\.part$/.exec(name.slice(start.length)) : null;
    if (owner === null) continue;
    const isAtWork = processes.isAlive({ pid: Number(owner[1]), started: owner[2] ?? "" });
    if (isAtWork && name !== path.basename(own)) continue;
    await fs.rm(path.join(path.dirname(file), name), { force: true });
  }
}

async function writeMembers(file: string, entries: readonly ZipEntry[], signal?: AbortSignal): Promise<Written> {
  const output = await fs.open(file, "wx");
  try {
    const members: Member[] = [];
    let at = 0;
    for (const entry of [...entries].sort(byPath)) {
      signal?.throwIfAborted();
      const member = await writeMember(output, entry, at, signal);
      members.push(member);
      at += localHeader(member).length + member.packed;
    }
    const tail = centralDirectory(members, at);
    await writeAll(output, tail, at);
    await output.sync();
    const files = members.filter(({ name }) => !name.endsWith("/"));
    return { bytes: at + tail.length, sizes: new Map(files.map(({ name, size }) => [name, size])) };
  } finally {
    await output.close();
  }
}

async function writeMember(
  output: fs.FileHandle,
  entry: ZipEntry,
  offset: number,
  signal?: AbortSignal,
): Promise<Member> {
  const name = entry.path.normalize("NFC");
  const mode = name.endsWith("/") ? 0o40755 : entry.executable ? 0o100755 : 0o100644;
  const empty: Member = { name, mode, crc: 0, packed: 0, size: 0, deflated: false, offset };
  const { source } = entry;
  const content =
    source === undefined
      ? (entry.content ?? Buffer.alloc(0))
      : await storeOrRead(output, source, entry.within, empty, signal);
  if (!Buffer.isBuffer(content)) return content;
  const { data, crc, deflated } = pack(content);
  const member = { ...empty, crc, packed: data.length, size: content.length, deflated };
  await writeAll(output, Buffer.concat([localHeader(member), data]), offset);
  return member;
}

/** A small file's bytes; a large one is stored already. */
async function storeOrRead(
  output: fs.FileHandle,
  source: string,
  within: string | undefined,
  empty: Member,
  signal?: AbortSignal,
): Promise<Member | Buffer> {
  const input = await fs.open(source);
  try {
    if (within !== undefined) await refuseLink(input, source, within);
    const { size } = await input.stat();
    return size > PACKED_BYTES ? await storeFile(output, input, source, empty, signal) : await input.readFile();
  } finally {
    await input.close();
  }
}

/** Of what is open, so that a link that is put there and taken away in between is seen, too. */
async function refuseLink(input: fs.FileHandle, source: string, within: string): Promise<void> {
  const [opened, real, root] = await Promise.all([input.stat(), fs.realpath(source), fs.realpath(within)]);
  const there = await fs.lstat(real);
  const isPlain = path.relative(root, real) === path.relative(within, source);
  if (isPlain && opened.isFile() && there.dev === opened.dev && there.ino === opened.ino) return;
  throw new UserError({
    code: "invalid",
    message: `${source} became a link while the hand-out was made, and a link may lead anywhere.`,
    hint: "Stop the VM (`notebox down`), look what that file is, and run the same command again.",
  });
}

/** The header, whose length is known, is written after the bytes, whose checksum is not known before. */
async function storeFile(
  output: fs.FileHandle,
  input: fs.FileHandle,
  source: string,
  empty: Member,
  signal?: AbortSignal,
): Promise<Member> {
  const { size } = await input.stat();
  const start = empty.offset + localHeader({ ...empty, packed: size, size }).length;
  const buffer = Buffer.alloc(1024 * 1024);
  let crc = 0;
  let done = 0;
  while (done < size) {
    signal?.throwIfAborted();
    const { bytesRead } = await input.read(buffer, 0, Math.min(buffer.length, size - done), done);
    if (bytesRead === 0) throw changed(source);
    const bytes = buffer.subarray(0, bytesRead);
    crc = crc32(bytes, crc);
    await writeAll(output, bytes, start + done);
    done += bytesRead;
  }
  const member = { ...empty, crc, packed: size, size };
  await writeAll(output, localHeader(member), empty.offset);
  return member;
}

async function writeAll(output: fs.FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await output.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

function changed(source: string): UserError {
  return new UserError({
    code: "invalid",
    message: `${source} became shorter while it was read.`,
    hint: "Wait until whatever writes it is done, and run the same command again.",
  });
}

function byPath(a: ZipEntry, b: ZipEntry): number {
  const [left, right] = [a.path.normalize("NFC"), b.path.normalize("NFC")];
  return left < right ? -1 : left > right ? 1 : 0;
}

function explained(error: unknown, file: string, part: string): unknown {
  const code = systemErrorCode(error);
  const at = (error as NodeJS.ErrnoException).path;
  if (at !== undefined && at !== part && at !== file) {
    const hint = "Make it readable for yourself, or move it out of the shared folders.";
    const message = `${at} belongs into the hand-out, but cannot be read (${code}).`;
    return new UserError({ code: "invalid", message, hint, cause: error });
  }
  const why: Record<string, string> = {
    ENOENT: "its folder does not exist",
    ENOTDIR: "its folder does not exist",
    EISDIR: "there is a folder of that name",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "the disk is read-only",
  };
  const reason = code === undefined ? undefined : why[code];
  if (reason === undefined || (error as NodeJS.ErrnoException).syscall === "read") return asDiskFull(error, file);
  return new UserError({
    code: "usage",
    message: `${file} cannot be written: ${reason}.`,
    hint: "Name another file.",
    cause: error,
  });
}
