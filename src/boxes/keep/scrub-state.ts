/**
 * How far a scrub has come, in the share: notebox-scrub.json lists the boxes that were read and found right since it
 * began, so that one that was broken off, on whatever computer, goes on. Gone when the scrub is through.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { replaceFile } from "../durable.ts";
import { SCRUB_FILE } from "../layout.ts";

export interface Scrubbed {
  size: number;
  mtimeMs: number;
  sha256: string;
}

export interface ScrubState {
  isDone(at: string, now: Scrubbed): boolean;
  add(at: string, seen: Scrubbed): Promise<void>;
  /** How many boxes an earlier run had done. */
  readonly resumed: number;
  finish(): Promise<void>;
}

/** What was read longer ago is read again. */
const FRESH_MS = 7 * 24 * 60 * 60 * 1000;
/** Written at most this often: a box takes seconds, a small file on a file server nearly as long. */
const WRITE_EVERY_MS = 2000;

interface Stored {
  layout: 1;
  began: number;
  done: Record<string, Scrubbed>;
}

/** With `keep` false (a dry run) nothing is read from the share's state and nothing written. */
export async function openScrubState(share: string, now: () => number, keep: boolean): Promise<ScrubState> {
  const file = path.join(share, SCRUB_FILE);
  const before = keep ? await readStored(file) : undefined;
  const fresh = before !== undefined && now() - before.began < FRESH_MS;
  const stored: Stored = fresh ? before : { layout: 1, began: now(), done: {} };
  let written = now();
  return {
    resumed: Object.keys(stored.done).length,
    isDone(at, seen) {
      const entry = Object.hasOwn(stored.done, at) ? stored.done[at] : undefined;
      return entry?.size === seen.size && entry.mtimeMs === seen.mtimeMs && entry.sha256 === seen.sha256;
    },
    async add(at, seen) {
      stored.done[at] = seen;
      if (!keep || now() - written < WRITE_EVERY_MS) return;
      written = now();
      await replaceFile(file, JSON.stringify(stored));
    },
    async finish() {
      if (keep) await fs.rm(file, { force: true });
    },
  };
}

async function readStored(file: string): Promise<Stored | undefined> {
  try {
    const data = JSON.parse(await fs.readFile(file, "utf8")) as Stored;
    if (data.layout === 1 && Number.isFinite(data.began) && typeof data.done === "object" && data.done) return data;
  } catch {
    // None, or one that cannot be used: then every box is read.
  }
  return undefined;
}
