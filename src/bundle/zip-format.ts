/**
 * The bytes of a zip (PKWARE's APPNOTE 6.3.10), with zip64 where a number does not fit: local headers, the list at the
 * end. Small contents are deflated by fflate, which is JavaScript and so gives the same bytes on every computer; Node's
 * own deflate does not. Pure; where the bytes go is for zip.ts.
 */
import { crc32 } from "node:zlib";
import { deflateSync } from "fflate";

/** Of a member: what its headers say. */
export interface Member {
  /** In the zip, with forward slashes, NFC; a folder ends with one. */
  name: string;
  mode: number;
  crc: number;
  /** Bytes as they lie in the zip, and unpacked. */
  packed: number;
  size: number;
  deflated: boolean;
  /** Where its local header begins. */
  offset: number;
}

// 1980-01-01 12:00, the first noon that a zip knows: a time that is always the same says nothing about who made it.
const TIME = 12 << 11;
const DATE = (1 << 5) | 1;
const UTF8_NAMES = 0x0800;
const MADE_ON_UNIX = 3;
const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;

/** Content ready for the zip: deflated where that makes it smaller. */
export function pack(content: Buffer): { data: Buffer; crc: number; deflated: boolean } {
  const crc = crc32(content);
  const small = deflateSync(content, { level: 9 });
  if (small.length >= content.length) return { data: content, crc, deflated: false };
  return { data: Buffer.from(small.buffer, small.byteOffset, small.byteLength), crc, deflated: true };
}

/** What stands before a member's bytes. Its length does not depend on `crc`. */
export function localHeader(member: Member): Buffer {
  const name = Buffer.from(member.name, "utf8");
  const extra = needsZip64(member) ? zip64Extra([member.size, member.packed]) : Buffer.alloc(0);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  writeCommon(header, 4, member, needsZip64(member));
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, name, extra]);
}

/** The list of all members and what ends a zip; `at` is where it begins. */
export function centralDirectory(members: readonly Member[], at: number): Buffer {
  const entries = members.map(directoryEntry);
  const size = entries.reduce((sum, entry) => sum + entry.length, 0);
  const big = members.length > MAX_16 - 1 || at + size > MAX_32 - 1;
  return Buffer.concat([
    ...entries,
    ...(big ? [zip64End(members.length, size, at)] : []),
    end(members.length, size, at),
  ]);
}

function directoryEntry(member: Member): Buffer {
  const name = Buffer.from(member.name, "utf8");
  const isFar = member.offset > MAX_32 - 1;
  const numbers = [...(needsZip64(member) ? [member.size, member.packed] : []), ...(isFar ? [member.offset] : [])];
  const extra = numbers.length > 0 ? zip64Extra(numbers) : Buffer.alloc(0);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE((MADE_ON_UNIX << 8) | 63, 4);
  writeCommon(entry, 6, member, needsZip64(member) || isFar);
  entry.writeUInt16LE(name.length, 28);
  entry.writeUInt16LE(extra.length, 30);
  entry.writeUInt32LE((member.mode << 16) >>> 0, 38);
  entry.writeUInt32LE(isFar ? MAX_32 : member.offset, 42);
  return Buffer.concat([entry, name, extra]);
}

/** The fields that a local header and an entry of the list have in common: from the version to the size. */
function writeCommon(target: Buffer, at: number, member: Member, isZip64: boolean): void {
  target.writeUInt16LE(isZip64 ? 45 : 20, at);
  target.writeUInt16LE(UTF8_NAMES, at + 2);
  target.writeUInt16LE(member.deflated ? 8 : 0, at + 4);
  target.writeUInt16LE(TIME, at + 6);
  target.writeUInt16LE(DATE, at + 8);
  target.writeUInt32LE(member.crc, at + 10);
  target.writeUInt32LE(needsZip64(member) ? MAX_32 : member.packed, at + 14);
  target.writeUInt32LE(needsZip64(member) ? MAX_32 : member.size, at + 18);
}

function needsZip64({ size, packed }: Member): boolean {
  return size > MAX_32 - 1 || packed > MAX_32 - 1;
}

function zip64Extra(numbers: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * numbers.length);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(8 * numbers.length, 2);
  for (const [index, number] of numbers.entries()) extra.writeBigUInt64LE(BigInt(number), 4 + 8 * index);
  return extra;
}

function zip64End(count: number, size: number, at: number): Buffer {
  const record = Buffer.alloc(56 + 20);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeUInt16LE((MADE_ON_UNIX << 8) | 63, 12);
  record.writeUInt16LE(45, 14);
  for (const [index, number] of [count, count, size, at].entries())
    record.writeBigUInt64LE(BigInt(number), 24 + 8 * index);
  record.writeUInt32LE(0x07064b50, 56);
  record.writeBigUInt64LE(BigInt(at + size), 64);
  record.writeUInt32LE(1, 72);
  return record;
}

function end(count: number, size: number, at: number): Buffer {
  const record = Buffer.alloc(22);
  record.writeUInt32LE(0x06054b50, 0);
  record.writeUInt16LE(Math.min(count, MAX_16), 8);
  record.writeUInt16LE(Math.min(count, MAX_16), 10);
  record.writeUInt32LE(Math.min(size, MAX_32), 12);
  record.writeUInt32LE(Math.min(at, MAX_32), 16);
  return record;
}
