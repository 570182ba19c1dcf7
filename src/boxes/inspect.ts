/**
 * Looks into a box while its bytes go by: which provider it says it is for, and whether unpacking it could write
 * outside its folder. Nothing is unpacked; hashing and storing is receive.ts's.
 */
import { Parser, type ReadEntry } from "tar";
import { UserError } from "../errors.ts";

export interface BoxFacts {
  provider: string;
  /** As metadata.json says, if it does. */
  architecture?: string;
  files: string[];
}

export interface Inspector {
  write(chunk: Buffer): void;
  /** What was found. Throws UserError `integrity` for a file that is no sound box. */
  finish(): Promise<BoxFacts>;
}

/** metadata.json is a handful of lines; anything large is no box of anybody's. */
const METADATA_LIMIT = 1024 * 1024;
const FILES_LIMIT = 10_000;
/** What tar calls files and folders; all else (links, devices, pipes) has no place in a box. */
const PLAIN = new Set(["File", "OldFile", "ContiguousFile", "GNUDumpDir", "Directory"]);
/** Without these a provider cannot start anything. */
const NEEDED: ReadonlyMap<string, readonly string[]> = new Map([["virtualbox", ["box.ovf"]]]);
/** The longest name of a file on the usual file systems, in bytes. */
const NAME_LIMIT = 255;
/** Bytes that are unpacked in one go; zeros grow a thousandfold, and all of it is in memory at once. */
const SLICE = 16 * 1024;

/** `file` is only named in messages. */
export function inspectBox(file: string): Inspector {
  const faults: string[] = [];
  const files: string[] = [];
  const seen = new Set<string>();
  let metadata: Buffer[] | undefined;
  let head = Buffer.alloc(0);
  let ended: (() => void) | undefined;
  let over = false;
  const done = new Promise<void>((resolve) => {
    ended = () => {
      over = true;
      resolve();
    };
  });

  const onReadEntry = (entry: ReadEntry): void => {
    const name = cleanName(entry.path);
    const fault = entryFault(entry, name) ?? (seen.has(name.toLowerCase()) ? "is in it twice" : undefined);
    if (fault) faults.push(`${JSON.stringify(shortened(entry.path))} ${fault}`);
    seen.add(name.toLowerCase());
    if (entry.type !== "Directory") files.push(name);
    if (seen.size > FILES_LIMIT && !over) {
      faults.push("it holds more than 10,000 files");
      ended?.();
    }
    if (name === "metadata.json" && !fault) {
      if (entry.size > METADATA_LIMIT) faults.push("its metadata.json is larger than 1 MiB");
      else {
        const parts: Buffer[] = [];
        metadata = parts;
        entry.on("data", (chunk: Buffer) => parts.push(chunk));
      }
    }
    entry.resume();
  };
  const parser = new Parser({
    strict: true,
    // A disk that is mostly zeros compresses a thousandfold; nothing is unpacked here.
    maxDecompressionRatio: Number.POSITIVE_INFINITY,
    onReadEntry,
  });
  const broken = (error: Error): void => {
    if (!over) faults.push(archiveFault(head, error));
    ended?.();
  };
  parser.on("error", broken);
  parser.on("abort", broken);
  parser.on("end", () => ended?.());

  return {
    write(chunk) {
      if (head.length < 512) head = Buffer.concat([head, chunk.subarray(0, 512)]);
      for (let at = 0; at < chunk.length && !over; at += SLICE) parser.write(chunk.subarray(at, at + SLICE));
    },
    async finish() {
      if (!over) parser.end();
      await done;
      const facts = faults.length === 0 ? readFacts(metadata, files, faults) : undefined;
      if (facts) return facts;
      throw unsound(file, faults);
    },
  };
}

function shortened(name: string): string {
  return name.length > NAME_LIMIT ? `${name.slice(0, 60)}…` : name;
}

/** Vagrant unpacks with backslashes turned into slashes. */
export function cleanName(path: string): string {
  return path.replaceAll("\\", "/").replace(/^(?:\.\/)+/, "");
}

export function entryFault(entry: ReadEntry, name: string): string | undefined {
  if (!PLAIN.has(entry.type)) return `is neither a file nor a folder (${entry.type})`;
  if (name.startsWith("/") || /^[a-z]:/i.test(name)) return "has an absolute path";
  if (name.split("/").includes("..")) return "would be unpacked outside the box's folder";
  if ([...name].some((char) => char < " ")) return "has a control character in its name";
  if (name.split("/").some((part) => Buffer.byteLength(part) > NAME_LIMIT)) return "has too long a name";
  return undefined;
}

function readFacts(metadata: Buffer[] | undefined, files: string[], faults: string[]): BoxFacts | undefined {
  if (!metadata) {
    faults.push("it holds no metadata.json");
    return undefined;
  }
  let data: unknown;
  try {
    data = JSON.parse(
      Buffer.concat(metadata)
        .toString("utf8")
        .replace(/^\uFEFF/, ""),
    );
  } catch {
    faults.push("its metadata.json is not JSON");
    return undefined;
  }
  const { provider, architecture } = (data ?? {}) as { provider?: unknown; architecture?: unknown };
  if (typeof provider !== "string" || !/^[a-z][a-z0-9_-]*$/i.test(provider)) {
    faults.push("its metadata.json names no provider");
    return undefined;
  }
  for (const needed of NEEDED.get(provider) ?? []) {
    if (!files.includes(needed)) faults.push(`it is for ${provider} but holds no ${needed}`);
  }
  if (faults.length > 0) return undefined;
  return { provider, files, ...(typeof architecture === "string" && architecture !== "" ? { architecture } : {}) };
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
