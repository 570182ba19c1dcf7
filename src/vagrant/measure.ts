/**
 * Measures what this computer has: room on a disk, memory, free ports; and where a new VM's bytes go. What is enough is
 * for src/checks to say.
 */
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

export function gib(bytes: number): string {
  return bytes < GIB ? `${Math.floor(bytes / MIB)} MiB` : `${(Math.floor((bytes / GIB) * 10) / 10).toFixed(1)} GiB`;
}

/**
 * Of the disk with the nearest folder above that exists: what `df` says (POSIX: -P -k) or, where there is no such
 * program, the system. undefined where the file system keeps no count (a FUSE mount may not).
 */
export async function freeBytes(
  run: (file: string, ...args: string[]) => Promise<{ text: string } | undefined>,
  folder: string,
): Promise<number | undefined> {
  const place = nearest(path.resolve(folder));
  const said = await run("df", "-Pk", place);
  if (said === undefined) return freeBytesOfSystem(place);
  const [, blocks, free] = /\s(\d+)\s+\d+\s+(-?\d+)\s+\S+%/.exec(said.text.trim().split("\n").at(-1) ?? "") ?? [];
  return blocks === undefined || free === undefined || blocks === "0" ? undefined : Number(free) * 1024;
}

/** The folder itself, or the nearest one above it that exists. */
export function nearest(folder: string): string {
  return fs.existsSync(folder) || path.dirname(folder) === folder ? folder : nearest(path.dirname(folder));
}

function freeBytesOfSystem(place: string): number | undefined {
  try {
    const { bavail, bsize, blocks } = fs.statfsSync(place);
    return blocks === 0 ? undefined : bavail * bsize;
  } catch {
    return undefined;
  }
}

/** In MiB; undefined where the system's figure says nothing (macOS fills memory with caches). */
export function freeMemory(platform: NodeJS.Platform): number | undefined {
  if (platform === "darwin") return undefined;
  if (platform !== "linux") return Math.floor(os.freemem() / MIB);
  try {
    const available = /^MemAvailable:\s+(\d+) kB/m.exec(fs.readFileSync("/proc/meminfo", "utf8"))?.[1];
    return available === undefined ? undefined : Math.floor(Number(available) / 1024);
  } catch {
    return undefined;
  }
}

/**
 * Why nothing can listen on that port of 127.0.0.1, or undefined when it is free. Listening is the only sure test:
 * Windows reserves ranges that no program holds. An answer on it counts too, as some systems let two share a port.
 */
export async function whyTaken(port: number): Promise<string | undefined> {
  const code = await new Promise<string | undefined>((resolve) => {
    const server = net.createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "failed"));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(undefined)));
  });
  if (code === "EADDRINUSE") return "another program uses it";
  if (code === "EACCES") return "this system keeps it for itself";
  if (code !== undefined) return `it cannot be opened (${code})`;
  const answered = await new Promise<boolean>((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1" });
    const end = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.setTimeout(500, () => end(false));
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
  return answered ? "another program uses it" : undefined;
}
