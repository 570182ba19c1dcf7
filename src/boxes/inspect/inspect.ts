/**
 * Looks into a box while its bytes go by: whether it is a whole archive, and whether unpacking it could write outside
 * its folder or fill a disk. Nothing is unpacked to a disk; what the collected parts say about the box is
 * box-facts.ts's, hashing and storing intake.ts's.
 */
import { createGunzip, type Gunzip } from "node:zlib";
import { UserError } from "../../errors.ts";
import { nameKey } from "../../workbench/file-names.ts";
import { type BoxFacts, type Found, readFacts } from "./box-facts.ts";
import { HEAD } from "./disks.ts";
import { cleanName, memberFault, shortened } from "./member-names.ts";
import { TarFault, type TarMember, walkTar } from "./tar-walk.ts";

export interface Inspector {
  /** Resolves when the bytes have been looked at, so that whoever owns them may use their memory again. */
  write(chunk: Buffer): Promise<void>;
  /** What was found. Throws UserError `integrity` for a file that is no sound box. */
  finish(): Promise<BoxFacts>;
  /** Lets go of what it holds, when nobody will ask for what was found. */
  stop(): void;
}

export interface InspectOptions {
  /** Told the bytes of the tar archive itself, unpacked; the next ones come when its promise is fulfilled. */
  onTar?: (bytes: Buffer) => Promise<void>;
  /** Of all files together, unpacked. */
  unpackedLimit?: number;
}

/** metadata.json is a handful of lines, an OVF some dozen kilobytes; anything large is no box of anybody's. */
const TEXT_LIMITS: ReadonlyMap<string, number> = new Map([
  ["metadata.json", 1024 * 1024],
  ["box.ovf", 4 * 1024 * 1024],
]);
const FILES_LIMIT = 10_000;
/**
 * Four times the largest disks of boxes that people share. A ratio would not do: a disk of zeros shrinks a
 * thousandfold and is still a disk.
 */
const UNPACKED_LIMIT = 256 * 1024 ** 3;
/** Of a sparse file that begins with a list of its holes. */
const HEAD_WITH_MAP = 64 * 1024;

/** `file` is only named in messages. */
export function inspectBox(file: string, options: InspectOptions = {}): Inspector {
  const limit = options.unpackedLimit ?? UNPACKED_LIMIT;
  const found: Found = {
    faults: [],
    files: [],
    seen: new Set(),
    folders: new Set(),
    heads: new Map(),
    texts: new Map(),
    unpacked: 0,
    tarSize: 0,
  };
  const walk = walkTar((member) => look(member, found, limit));
  let start = Buffer.alloc(0);
  let begun = false;
  let gunzip: Gunzip | undefined;
  let gunzipped: Promise<void> | undefined;
  /** No further look is worth it. */
  let over = false;

  const take = async (bytes: Buffer): Promise<void> => {
    if (over) return;
    found.tarSize += bytes.length;
    try {
      walk.push(bytes);
    } catch (error) {
      if (!(error instanceof TarFault)) throw error;
      found.faults.push(archiveFault(start, error));
    }
    // A hostile archive can go on for very long.
    if (found.faults.length > 0) over = true;
    else await options.onTar?.(bytes);
  };
  const openGunzip = (): Gunzip => {
    const stream = createGunzip({ chunkSize: 256 * 1024 });
    gunzipped = (async () => {
      try {
        for await (const bytes of stream) {
          await take(bytes as Buffer);
          if (over) break;
        }
      } catch (error) {
        if (!isZlibError(error)) {
          stream.destroy();
          throw error;
        }
        if (!over) found.faults.push(archiveFault(start, error as Error));
        over = true;
      }
    })();
    gunzipped.catch(() => {});
    stream.on("error", () => {});
    return stream;
  };
  const feed = async (stream: Gunzip, bytes: Buffer): Promise<void> => {
    if (over || stream.destroyed) return;
    // Its callback comes when the bytes are used up; after an error it may never come, "close" then does.
    await new Promise<void>((resolve) => {
      stream.once("close", resolve);
      stream.write(bytes, () => {
        stream.off("close", resolve);
        resolve();
      });
    });
  };

  return {
    async write(piece) {
      let chunk = piece;
      if (!begun) {
        start = Buffer.concat([start, piece]);
        if (start.length < 6) return;
        begun = true;
        chunk = start;
        start = Buffer.from(start.subarray(0, 6));
        if (start[0] === 0x1f && start[1] === 0x8b) gunzip = openGunzip();
      }
      if (over) {
        gunzip?.destroy();
        if (options.onTar) await gunzipped;
        return;
      }
      await (gunzip ? feed(gunzip, chunk) : take(chunk));
    },
    async finish() {
      if (!begun) await take(start);
      if (over) gunzip?.destroy();
      else gunzip?.end();
      await gunzipped;
      if (!over) {
        try {
          walk.end();
        } catch (error) {
          found.faults.push(archiveFault(start, error as Error));
        }
      }
      gunzip?.destroy();
      const facts = found.faults.length === 0 ? readFacts(found) : undefined;
      if (!facts || found.faults.length > 0) throw unsound(file, found.faults);
      return { ...facts, ...(gunzip ? { packed: "gzip" as const } : {}) };
    },
    stop() {
      over = true;
      gunzip?.destroy();
    },
  };
}

/** zlib's own complaints; whatever else is thrown comes from whoever takes the bytes. */
function isZlibError(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^Z_|^ERR_STREAM_PREMATURE_CLOSE$/.test(code);
}

function look(member: TarMember, found: Found, limit: number): ((piece: Buffer) => void) | undefined {
  const { faults, seen } = found;
  const name = cleanName(member.name);
  const fault = memberFault(member, name) ?? twinFault(member, name, found);
  if (fault) {
    faults.push(`${JSON.stringify(shortened(member.name))} ${fault}`);
    return undefined;
  }
  if (member.type === "5") return undefined;
  found.files.push(name);
  if (seen.size > FILES_LIMIT) faults.push("it holds more than 10,000 files");
  found.unpacked += member.size;
  if (found.unpacked > limit)
    faults.push(`unpacked it would fill ${Math.round(found.unpacked / 1024 ** 3)} GiB: more than any disk of a box`);
  const textLimit = TEXT_LIMITS.get(name);
  if (textLimit !== undefined && member.size > textLimit) {
    faults.push(`its ${name} is larger than ${textLimit / 1024 / 1024} MiB`);
    return undefined;
  }
  if (textLimit !== undefined) {
    const parts: Buffer[] = [];
    found.texts.set(name, parts);
    // The memory of a piece belongs to somebody else, who will use it again.
    return (piece) => parts.push(Buffer.from(piece));
  }
  const head = { parts: [] as Buffer[], length: 0, limit: member.hasMap ? HEAD_WITH_MAP : HEAD, hasMap: member.hasMap };
  found.heads.set(name, head);
  return (piece) => {
    if (head.length >= head.limit) return;
    const part = Buffer.from(piece.subarray(0, head.limit - head.length));
    head.parts.push(part);
    head.length += part.length;
  };
}

/** Notes the member. What is wrong where one of its name was before, as file systems of Windows and macOS compare them. */
function twinFault(member: TarMember, name: string, { seen, folders }: Found): string | undefined {
  const key = nameKey(name);
  if (seen.has(key)) return "is in it twice";
  if (member.type !== "5" && folders.has(key)) return "is in it as a file and as a folder";
  for (let at = key.indexOf("/"); at >= 0; at = key.indexOf("/", at + 1)) {
    const folder = key.slice(0, at);
    if (seen.has(folder) && !folders.has(folder)) return "lies in a folder that is in it as a file";
    folders.add(folder);
  }
  if (member.type === "5") folders.add(key);
  seen.add(key);
  return undefined;
}

function archiveFault(head: Buffer, error: Error): string {
  const magic = head.subarray(0, 6).toString("hex");
  if (magic.startsWith("504b0304")) return "it is a zip; notebox takes boxes that are tar archives, plain or gzipped";
  if (magic.startsWith("fd377a585a00") || magic.startsWith("28b52ffd"))
    return "it is compressed in a way that notebox does not read; pack it as plain tar, which is smaller to keep too";
  return `it is no whole tar archive (${error.message.split("\n")[0]})`;
}

function unsound(file: string, faults: readonly string[]): UserError {
  const first = faults[0] ?? "it is empty";
  return new UserError({
    code: "integrity",
    message: `${file} is not a sound box: ${first}.`,
    hint: "Build or download it again, and do not use it before that.",
    problems: faults.slice(0, 20).map((message) => ({ id: "unsound-box", file, message })),
  });
}
