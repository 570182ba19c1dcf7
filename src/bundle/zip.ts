/**
 * Writes the hand-out: one zip with one folder in it. The same files give the same bytes, whatever the platform,
 * time zone or umask; the zip is whole or not there. Which files go in is for plan.ts and handout.ts.
 */
import { createWriteStream } from "node:fs";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";
import { asDiskFull, systemErrorCode, UserError } from "../errors.ts";
import type { Processes } from "../ports.ts";

export interface ZipEntry {
  /** Inside the zip, with forward slashes; a folder ends with one. */
  path: string;
  /** What it holds, or the file to read; a folder has neither. */
  content?: Buffer;
  source?: string;
  executable?: boolean;
}

// Zip knows no earlier day; a time that is always the same says nothing about who made it and when. It is noon of
// the local time, because yazl writes a time as the local clock shows it.
const MTIME = new Date(1980, 0, 1, 12);

/** Returns the size in bytes. Throws UserError `disk-full`, or `usage` when the zip cannot be put there. */
export async function writeZip(
  file: string,
  entries: readonly ZipEntry[],
  processes: Pick<Processes, "self" | "isAlive">,
): Promise<number> {
  const { pid, started } = processes.self();
  const part = path.join(path.dirname(file), `.${path.basename(file)}.${host()}-${pid}-${started}.part`);
  try {
    await removeParts(file, part, processes);
    await pipeline(zipStream(entries), createWriteStream(part, { flags: "wx" }));
    const { size } = await fs.stat(part);
    await fs.rename(part, file);
    return size;
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

function zipStream(entries: readonly ZipEntry[]): NodeJS.ReadableStream {
  const zip = new ZipFile();
  for (const { path: name, content, source, executable } of [...entries].sort(byPath)) {
    const options = {
      mtime: MTIME,
      forceDosTimestamp: true,
      mode: name.endsWith("/") ? 0o40755 : executable ? 0o100755 : 0o100644,
    };
    // Node's deflate gives other bytes on other processors; stored files are the same everywhere.
    const stored = { ...options, compress: false };
    const inside = name.normalize("NFC");
    if (name.endsWith("/")) zip.addEmptyDirectory(inside, options);
    else if (content) zip.addBuffer(content, inside, stored);
    else if (source) zip.addFile(source, inside, stored);
  }
  zip.end();
  // yazl tells errors of the files it reads at the ZipFile, not at the stream that is piped.
  zip.on("error", (error) =>
    (zip.outputStream as NodeJS.ReadableStream & { destroy(e: Error): void }).destroy(error as Error),
  );
  return zip.outputStream;
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
    hint: "Name another file with --zip.",
    cause: error,
  });
}
