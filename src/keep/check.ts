/**
 * Reads a backup and believes nothing of it: every checksum, every name in every tar, before anything is done with it.
 * Gives back where its members lie. What is then put into the VM is load.ts's.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import fs, { type FileHandle } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { TarFault } from "../boxes/inspect/tar-walk.ts";
import { systemErrorCode, UserError } from "../errors.ts";
import { type Contents, lookInto } from "./contents.ts";
import {
  HOME,
  leftOfMember,
  MANIFEST,
  type Manifest,
  type Member,
  notSound,
  PYTHON,
  README,
  readManifest,
  serviceOfMember,
  TOKENS,
} from "./manifest.ts";
import { BLOCK, decodeHeader, filling } from "./tar-header.ts";

export interface Checked {
  file: string;
  manifest: Manifest;
  /** Service name to token. */
  tokens: ReadonlyMap<string, string>;
  /** Bytes when all of it is unpacked. */
  unpacked: number;
  /** First parts of the names in the home folder. */
  tops: ReadonlySet<string>;
  /** The tar of a member; hashed and counted once more, since the file may change. Throws UserError `integrity`. */
  read(member: Member): AsyncIterable<Buffer>;
}

const TEXT_LIMIT = 4 * 1024 * 1024;
const CHUNK = 1024 * 1024;
const MEMBERS_LIMIT = 1000;

interface Place {
  start: number;
  size: number;
}

/** Throws UserError `usage` (no such file), `integrity`, `interrupted`. `onBytes` is told of packed bytes. */
export async function checkBackup(
  file: string,
  signal: AbortSignal,
  onBytes: (done: number) => void = () => {},
): Promise<Checked> {
  const places = await findMembers(file);
  const text = async (name: string): Promise<Buffer> => {
    const place = places.get(name);
    if (place === undefined || place.size > TEXT_LIMIT) throw notSound(file, `it has no ${name}`);
    return await readWhole(file, place);
  };
  const manifest = readManifest(await text(MANIFEST), file);
  const named = new Set([MANIFEST, ...manifest.members.map(({ name }) => name)]);
  if (named.size !== manifest.members.length + 1 || [...places.keys()].some((name) => !named.has(name)))
    throw notSound(file, "it holds something that its manifest does not name");
  let done = 0;
  let tops: ReadonlySet<string> = new Set();
  for (const member of manifest.members) {
    const place = places.get(member.name);
    if (place?.size !== member.size) throw notSound(file, `${member.name} is missing or has another size`);
    const before = done;
    const inside = await checkMember(file, member, place, signal, (bytes) => onBytes(before + bytes));
    if (member.name === HOME && inside !== undefined) tops = inside.tops;
    done += member.size;
  }
  return {
    file,
    manifest,
    tokens: places.has(TOKENS) ? readTokens(await text(TOKENS), file) : new Map(),
    unpacked: manifest.members.reduce((sum, { unpacked = 0 }) => sum + unpacked, 0),
    tops,
    read: (member) => unpack(file, member, places.get(member.name) ?? { start: 0, size: 0 }, signal, () => {}),
  };
}

async function checkMember(
  file: string,
  member: Member,
  place: Place,
  signal: AbortSignal,
  onBytes: (done: number) => void,
): Promise<Contents | undefined> {
  // What a former service left is never unpacked in a VM.
  const room =
    member.name === HOME || member.name === PYTHON || leftOfMember(member.name) !== undefined ? "account" : "root";
  if (room === "root" && serviceOfMember(member.name) === undefined) {
    if (member.name !== README && member.name !== TOKENS)
      throw notSound(file, `${member.name} is nothing that a backup holds`);
    const hash = createHash("sha256")
      .update(await readWhole(file, place))
      .digest("hex");
    if (hash !== member.sha256) throw notSound(file, `the checksum of ${member.name} is wrong`);
    return undefined;
  }
  const inside = lookInto(room, member.unpacked ?? 0);
  try {
    for await (const bytes of unpack(file, member, place, signal, onBytes)) inside.push(bytes);
    inside.end();
  } catch (error) {
    if (error instanceof TarFault) throw notSound(file, `in ${member.name}, ${error.message}`);
    throw error;
  }
  return inside;
}

/** The unpacked bytes; after the last one the checksum was right. */
async function* unpack(
  file: string,
  member: Member,
  { start, size }: Place,
  signal: AbortSignal,
  onBytes: (done: number) => void,
): AsyncGenerator<Buffer> {
  if (size === 0) throw notSound(file, `${member.name} is empty`);
  const hash = createHash("sha256");
  let done = 0;
  let unpacked = 0;
  const input = createReadStream(file, { start, end: start + size - 1, highWaterMark: CHUNK });
  const gunzip = createGunzip({ chunkSize: CHUNK });
  input.on("data", (bytes) => {
    hash.update(bytes);
    done += bytes.length;
    onBytes(done);
  });
  input.on("error", (error) => gunzip.destroy(error));
  input.pipe(gunzip);
  try {
    for await (const bytes of gunzip as AsyncIterable<Buffer>) {
      if (signal.aborted) throw new UserError({ code: "interrupted", message: "Interrupted." });
      unpacked += bytes.length;
      if (unpacked > (member.unpacked ?? 0)) throw notSound(file, `${member.name} unpacks to more than it says`);
      yield bytes;
    }
  } catch (error) {
    if (/^Z_/.test(systemErrorCode(error) ?? "")) throw notSound(file, `the packing of ${member.name} is damaged`);
    throw error;
  } finally {
    input.destroy();
    gunzip.destroy();
  }
  if (done !== size || hash.digest("hex") !== member.sha256)
    throw notSound(file, `the checksum of ${member.name} is wrong`);
  if (unpacked !== member.unpacked) throw notSound(file, `${member.name} unpacks to less than it says`);
}

/** Where each member's bytes lie; headers alone are read. */
async function findMembers(file: string): Promise<Map<string, Place>> {
  const handle = await openFile(file);
  try {
    const { size: whole } = await handle.stat();
    const places = new Map<string, Place>();
    const head = Buffer.alloc(BLOCK);
    for (let at = 0; ; ) {
      const { bytesRead } = await handle.read(head, 0, BLOCK, at);
      const header = bytesRead < BLOCK ? undefined : decodeHeader(head);
      if (header === "end") return places;
      if (header === undefined || at + BLOCK + header.size > whole)
        throw notSound(file, places.size === 0 ? "it is something else" : "it ends before its end, or is damaged");
      if (places.has(header.name) || places.size > MEMBERS_LIMIT) throw notSound(file, `${header.name} is in it twice`);
      places.set(header.name, { start: at + BLOCK, size: header.size });
      at += BLOCK + header.size + filling(header.size);
    }
  } finally {
    await handle.close();
  }
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    const handle = await fs.open(file, "r");
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
    throw notSound(file, "it is no file");
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError({
      code: "usage",
      message: `${file} cannot be read (${systemErrorCode(error) ?? String(error)}).`,
      hint: "Name a backup: `notebox restore FILE`. `backups/` in the workbench folder has those that notebox made.",
      cause: error,
    });
  }
}

async function readWhole(file: string, { start, size }: Place): Promise<Buffer> {
  const handle = await fs.open(file, "r");
  try {
    const bytes = Buffer.alloc(Math.min(size, TEXT_LIMIT));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function readTokens(bytes: Buffer, file: string): Map<string, string> {
  const tokens = new Map<string, string>();
  for (const line of bytes.toString("utf8").split("\n")) {
    if (line === "") continue;
    const [, name, token] = /^([a-z][a-z0-9-]{0,39}) ([0-9a-f]{32,256})$/.exec(line) ?? [];
    if (name === undefined || token === undefined) throw notSound(file, `${TOKENS} holds something else than tokens`);
    tokens.set(name, token);
  }
  return tokens;
}
