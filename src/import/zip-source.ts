/**
 * A zip on this computer as a source (PKWARE's APPNOTE 6.3.10): its list is read, each file unpacked in memory when it is
 * wanted, within the size that the list promises. Nothing is unpacked to the disk, so no name can lead anywhere.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { crc32, inflateRawSync } from "node:zlib";
import { UserError } from "../errors.ts";
import { LARGEST_FILE, LITTER, MiB, MOST_FILES, pathComplaint, type Source, type SourceFile } from "./source.ts";

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const LARGEST_LIST = 16 * MiB;

/** Throws UserError `integrity` for what is no sound zip. */
export async function openZip(file: string): Promise<Source> {
  const handle = await fs.open(file, "r");
  try {
    const { list, count } = await readList(handle, file);
    const entries = parseList(list, count, file);
    // macOS lays its own notes beside the folder that was packed.
    const top = topFolder(entries.flatMap(({ name }) => (isLitter(name) ? [] : [name])));
    const files: SourceFile[] = [];
    const skipped: { path: string; why: string }[] = [];
    const seen = new Set<string>();
    for (const entry of entries) {
      const at = entry.name.slice(top.length);
      if (at === "" || at.endsWith("/") || isLitter(entry.name)) continue;
      const why = complaint(entry, at) ?? (seen.has(at) ? "the zip holds two files of that name" : undefined);
      if (why !== undefined) skipped.push({ path: at.slice(0, 200), why });
      else files.push({ path: at, size: entry.size, read: () => unpack(handle, file, entry) });
      seen.add(at);
    }
    const name = path.basename(file).replace(/\.zip$/i, "");
    return { name, files, skipped, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

interface Entry {
  name: string;
  mode: number;
  method: number;
  encrypted: boolean;
  crc: number;
  packed: number;
  size: number;
  offset: number;
}

async function readList(handle: fs.FileHandle, file: string): Promise<{ list: Buffer; count: number }> {
  const { size } = await handle.stat();
  const tail = await readAt(handle, Math.max(0, size - 65_557), Math.min(size, 65_557));
  for (let at = tail.length - 22; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END) continue;
    const count = tail.readUInt16LE(at + 10);
    const length = tail.readUInt32LE(at + 12);
    const start = tail.readUInt32LE(at + 16);
    if (start === 0xffffffff || count === 0xffff) throw unsound(file, "is larger than 4 GiB or holds too many files");
    if (count > MOST_FILES || length > LARGEST_LIST) throw unsound(file, `holds more than ${MOST_FILES} files`);
    if (start + length > size) break;
    return { list: await readAt(handle, start, length), count };
  }
  throw unsound(file, "is no zip, or not all of one");
}

function parseList(list: Buffer, count: number, file: string): Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; entries.length < count; ) {
    if (at + 46 > list.length || list.readUInt32LE(at) !== ENTRY) throw unsound(file, "has a list that is damaged");
    const flags = list.readUInt16LE(at + 8);
    const nameLength = list.readUInt16LE(at + 28);
    const bytes = list.subarray(at + 46, at + 46 + nameLength);
    entries.push({
      // Without the flag the names are of some old code page; what is not ASCII is then no name that can be kept.
      name: bytes.toString("utf8"),
      mode: list.readUInt8(at + 5) === 3 ? list.readUInt32LE(at + 38) >>> 16 : 0,
      method: list.readUInt16LE(at + 10),
      encrypted: (flags & 1) === 1,
      crc: list.readUInt32LE(at + 16),
      packed: list.readUInt32LE(at + 20),
      size: list.readUInt32LE(at + 24),
      offset: list.readUInt32LE(at + 42),
    });
    at += 46 + nameLength + list.readUInt16LE(at + 30) + list.readUInt16LE(at + 32);
  }
  return entries;
}

function isLitter(name: string): boolean {
  return name.split("/").some((part) => LITTER.has(part));
}

/** "course-main/" where everything lies in that folder, as in the zips of code forges; "" elsewhere. */
function topFolder(names: readonly string[]): string {
  const [first = ""] = names;
  const top = first.slice(0, first.indexOf("/") + 1);
  return top !== "" &&
    top !== "/" &&
    names.every((name) => name.startsWith(top)) &&
    pathComplaint(first.replace(/\/$/, "")) === undefined
    ? top
    : "";
}

function complaint({ mode, method, encrypted }: Entry, at: string): string | undefined {
  const kind = mode & 0o170000;
  if (kind === 0o120000) return "it is a link, which may lead anywhere";
  if (kind !== 0 && kind !== 0o100000) return "it is neither a file nor a folder";
  if (encrypted) return "it is encrypted";
  if (method !== 0 && method !== 8) return "it is packed in a way that only few programs know";
  return pathComplaint(at);
}

async function unpack(handle: fs.FileHandle, file: string, entry: Entry): Promise<Buffer> {
  const { name, method, packed, size, offset, crc } = entry;
  const damaged = (): UserError => unsound(file, `holds ${name}, which is damaged or larger than the zip's list says`);
  if (size > LARGEST_FILE || packed > LARGEST_FILE + MiB) throw damaged();
  const head = await readAt(handle, offset, 30);
  if (head.length < 30 || head.readUInt32LE(0) !== LOCAL) throw damaged();
  const start = offset + 30 + head.readUInt16LE(26) + head.readUInt16LE(28);
  const data = await readAt(handle, start, packed);
  let bytes: Buffer;
  try {
    bytes = method === 0 ? data : inflateRawSync(data, { maxOutputLength: Math.max(1, size) });
  } catch {
    throw damaged();
  }
  if (bytes.length !== size || crc32(bytes) !== crc) throw damaged();
  return bytes;
}

async function readAt(handle: fs.FileHandle, start: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, start);
  return buffer.subarray(0, bytesRead);
}

function unsound(file: string, what: string): UserError {
  return new UserError({
    code: "integrity",
    message: `${file} ${what}.`,
    hint: "Unpack it yourself, look at what is in it, and name the folder instead.",
  });
}
