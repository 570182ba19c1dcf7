/** `box archive` within this process, with the real adapters: no waiting between tries, and a share to look into. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createDownloads } from "../../../src/adapters/download.ts";
import { createProcesses } from "../../../src/adapters/execa.ts";
import { createHashThreads } from "../../../src/adapters/hash-worker.ts";
import { createRunLog } from "../../../src/adapters/run-log.ts";
import { type BoxRecord, FOR_NOBODY } from "../../../src/boxes/catalog.ts";
import { digestFile } from "../../../src/boxes/digest.ts";
import { boxPath } from "../../../src/boxes/layout.ts";
import { type BoxArchiveOptions, type BoxArchiveResult, boxArchive } from "../../../src/commands/box-archive.ts";
import { UserError } from "../../../src/errors.ts";
import type { Deps, ProgressEvent } from "../../../src/ports.ts";

export interface Archiver {
  folder: string;
  share: string;
  events: ProgressEvent[];
  /** Milliseconds that it would have waited. */
  waits: number[];
  env: Record<string, string>;
  abort: AbortController;
  archive(source: string, options?: Partial<BoxArchiveOptions>): Promise<BoxArchiveResult>;
  refused(source: string, options?: Partial<BoxArchiveOptions>): Promise<UserError>;
  /** All files of the share. */
  tree(): string[];
  /** Throws when a catalog names a box that is not there as it says. */
  sound(): Promise<{ version: string; provider: string; record: BoxRecord }[]>;
  close(): void;
}

export function openArchiver(): Archiver {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-archive-"));
  const share = path.join(folder, "share");
  fs.mkdirSync(share);
  const clock = { now: () => Date.now(), sleep: async (ms: number) => void lab.waits.push(ms) };
  const lab: Archiver = {
    folder,
    share,
    events: [],
    waits: [],
    env: {},
    abort: new AbortController(),
    archive: async (source, options = {}) => await boxArchive(deps(), { folder, source, share, ...options }),
    async refused(source, options) {
      const outcome = await lab.archive(source, options).catch((error: unknown) => error);
      if (outcome instanceof UserError) return outcome;
      throw outcome instanceof Error ? outcome : new Error(`it was not refused: ${JSON.stringify(outcome)}`);
    },
    tree: () =>
      (fs.readdirSync(share, { recursive: true, withFileTypes: true }) as fs.Dirent[])
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(share, path.join(entry.parentPath, entry.name)))
        .sort(),
    sound: async () => await listed(share),
    close: () => fs.rmSync(folder, { recursive: true, force: true }),
  };
  const deps = (): Deps => {
    const log = createRunLog({ homeDir: folder, clock, command: "box archive" });
    return {
      processes: createProcesses({}, log),
      downloads: createDownloads({}),
      hashThreads: createHashThreads(),
      reporter: { emit: (event: ProgressEvent) => void lab.events.push(event) },
      clock,
      log,
      signal: lab.abort.signal,
      env: lab.env,
      version: "0.0.0",
    } as unknown as Deps;
  };
  return lab;
}

/** Every box that a catalog of the share names, compared with the bytes that are there. */
export async function listed(share: string): Promise<{ version: string; provider: string; record: BoxRecord }[]> {
  const found = [];
  for (const file of catalogsOf(share)) {
    const catalog = JSON.parse(fs.readFileSync(path.join(share, file), "utf8"));
    for (const { version, providers } of catalog.versions) {
      for (const entry of providers) {
        // Vagrants that know no architectures are sent where there is nothing; no other reader follows it.
        if (entry.architecture === FOR_NOBODY) continue;
        const id = { name: catalog.name, version, provider: entry.name, arch: entry.architecture };
        const box = path.join(share, boxPath(id));
        const digest = await digestFile(box, new AbortController().signal);
        if (digest.sha256 !== entry.checksum) throw new Error(`${box} is not what ${file} says`);
        const record: BoxRecord = JSON.parse(fs.readFileSync(box.replace(/box$/, "json"), "utf8"));
        if (record.sha256 !== digest.sha256 || record.size !== digest.size)
          throw new Error(`the record of ${box} is wrong`);
        found.push({ version, provider: entry.name, record });
      }
    }
  }
  return found;
}

function catalogsOf(share: string): string[] {
  if (!fs.existsSync(path.join(share, "catalogs"))) return [];
  return (fs.readdirSync(path.join(share, "catalogs"), { recursive: true }) as string[])
    .filter((name) => name.endsWith(".json"))
    .map((name) => `catalogs/${name}`);
}
