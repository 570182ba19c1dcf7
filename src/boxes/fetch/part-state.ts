/**
 * What is known of a half-fetched box: which source it is a part of, and how much of it can be trusted. Lies beside
 * the part, so that the next run goes on where this one ended. Fetching is download.ts's.
 */
import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import os from "node:os";
import { systemErrorCode } from "../../errors.ts";
import type { BoxRecord } from "../catalog.ts";

export interface PartState {
  layout: 1;
  /** SHA-256 of the address: it could hold a password. */
  source: string;
  /** The checksum that upstream promised, as "type:value". */
  promised?: string | undefined;
  etag?: string | undefined;
  lastModified?: string | undefined;
  /** Bytes of the whole, where the server said so. */
  total?: number | undefined;
  /** So many bytes are surely on the disk. */
  synced: number;
  /** Which start of which computer wrote: as long as it is that one, all that was written is there, synced or not. */
  boot: string;
  /** Once the box is whole: what its record will be, for a run that ends between the box and its record. */
  record?: BoxRecord;
}

export function sourceMark(url: string): string {
  return createHash("sha256").update(url).digest("hex");
}

/** A word that changes when this computer is started again; empty where that cannot be known. */
export async function bootMark(): Promise<string> {
  try {
    const boot = await fs.readFile("/proc/sys/kernel/random/boot_id", "utf8");
    return `${os.hostname()} ${boot.trim()}`;
  } catch {
    return "";
  }
}

/** undefined when there is none, or none that can be used. */
export async function readState(file: string): Promise<PartState | undefined> {
  try {
    const data = JSON.parse(await fs.readFile(file, "utf8")) as PartState;
    const sound = data.layout === 1 && typeof data.source === "string" && Number.isSafeInteger(data.synced);
    return sound && data.synced >= 0 ? data : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || systemErrorCode(error) === "ENOENT")
      return undefined;
    throw error;
  }
}

/** Not synced to the disk: a state that is lost or torn only means that the box is fetched from its beginning. */
export async function writeState(file: string, state: PartState): Promise<void> {
  await fs.writeFile(`${file}.part`, JSON.stringify(state));
  await fs.rename(`${file}.part`, file);
}

/** How many bytes of the part are as they were received. */
function trusted(state: PartState, size: number, boot: string): number {
  const whole = boot !== "" && state.boot === boot ? size : Math.min(state.synced, size);
  return state.total === undefined ? whole : Math.min(whole, state.total);
}

/** What If-Range may be asked with: a strong ETag, or a date that is old enough to be one (RFC 9110 §13.1.5). */
export function validator({ etag, lastModified }: PartState): string | undefined {
  return etag !== undefined && /^"/.test(etag) ? etag : lastModified;
}

/** The state to go on with, and how many bytes of the part it vouches for: none when the part is worth nothing. */
export function resumable(
  found: PartState | undefined,
  wanted: Pick<PartState, "source" | "promised" | "boot">,
  size: number,
): { state: PartState; keep: number } {
  const state = found?.source === wanted.source && found.promised === wanted.promised ? found : undefined;
  const keep = state ? trusted(state, size, wanted.boot) : 0;
  const isKnown = state && (validator(state) !== undefined || wanted.promised !== undefined || keep === state.total);
  if (!state || !isKnown || keep === 0) return { state: { layout: 1, ...wanted, synced: 0 }, keep: 0 };
  return { state: { ...state, synced: Math.min(state.synced, keep), boot: wanted.boot }, keep };
}
