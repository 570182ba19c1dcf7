/**
 * One box from upstream into a share. While it is fetched only its own part is locked, so that others may write to the
 * share meanwhile; the share's lock is taken for the moment in which the box gets its place and the catalogs change.
 * Which boxes are wanted is the command's.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { UserError } from "../../errors.ts";
import type { Deps } from "../../ports.ts";
import type { BoxRecord } from "../catalog.ts";
import { digestFile } from "../digest.ts";
import { exists, inTheWay, makeFolder } from "../durable.ts";
import { checkWay } from "../folder-names.ts";
import { type BoxId, boxPath, checkBoxId, partFiles, partPath, recordPath, versionFolder } from "../layout.ts";
import { whenFree, withLock, withShareLock } from "../lock.ts";
import { putInPlace, removeEmpty, writeDoors } from "../place.ts";
import { receiveBox, savesNothing } from "../receive.ts";
import { readRecord } from "../share.ts";
import { publicAddress } from "./address.ts";
import type { Checksum } from "./checksum.ts";
import { type Downloaded, downloadBox } from "./download.ts";
import type { Token } from "./fetch.ts";
import { bootMark, readState, sourceMark, writeState } from "./part-state.ts";
import { roomFor } from "./room.ts";
import type { Offer } from "./upstream.ts";

/** An offer whose provider and architecture only the box itself may tell. */
export type Lead = Pick<Offer, "name" | "version" | "url" | "promised"> & { provider?: string; arch?: string };

export interface Archiving {
  share: string;
  token: Token | undefined;
  idleMs: number;
  /** The catalog's address, fit to be kept. */
  catalog: string | undefined;
}

export interface Archived {
  status: "added" | "present";
  record: BoxRecord;
  /** Bytes that came over the network. */
  fetched: number;
  catalogs: string[];
}

/** How long somebody else may be at the same box, or at the share, before this one is left out. */
const PART_PATIENCE = 10 * 60_000;
const SHARE_PATIENCE = 10 * 60_000;

/** Throws UserError `unreachable`, `integrity`, `refused`, `busy`, `disk-full`, `interrupted`. */
export async function archiveOne(deps: Deps, job: Archiving, lead: Lead): Promise<Archived> {
  const { share } = job;
  await checkWay(share, lead);
  const folder = path.join(share, versionFolder(lead));
  const known = lead.provider !== undefined && lead.arch !== undefined;
  const id = known ? ({ ...lead, provider: lead.provider, arch: lead.arch } as BoxId) : undefined;
  // A bare box does not say what it is before it has been read.
  const place = id ?? { ...lead, provider: "incoming", arch: sourceMark(lead.url).slice(0, 12) };
  const part = path.join(share, partPath(place));
  const files = partFiles(part);
  const there = id && (await present(share, id, lead));
  // A run that was killed after the box had its place left these; the way through the lock removes them.
  const leftovers = await Promise.all([part, files.state, files.unpacked, files.lock].map(exists));
  if (there && !leftovers.includes(true)) return await upToDate(deps, share, there);
  try {
    const lock = { file: files.lock, command: "box archive", doing: "is fetching this box" };
    return await whenFree(deps, PART_PATIENCE, async () => {
      await makeFolder(folder).catch((error: unknown) => {
        throw inTheWay(error, folder);
      });
      return await withLock(deps, lock, async () => {
        const now = id && (await present(share, id, lead));
        if (now) {
          await removeAll([part, files.state, files.unpacked]);
          return await upToDate(deps, share, now);
        }
        return (id && (await adopt(deps, job, id, files))) ?? (await fetchOne(deps, job, lead, part));
      });
    });
  } finally {
    await removeEmpty(share, folder);
  }
}

/** The record of the box that is there already. Throws `refused` when upstream has changed it since. */
async function present(share: string, id: BoxId, lead: Lead): Promise<BoxRecord | undefined> {
  const record = await readRecord(share, id);
  if (!record || !(await exists(path.join(share, boxPath(id))))) return undefined;
  if (lead.promised && !hasChecksum(record, lead.promised))
    throw new UserError({
      code: "refused",
      message: `${id.name} ${id.version} for ${id.provider} (${id.arch}) is in the share, but its source has another box under that version now.`,
      hint: "The one in the share stays as it is, because computers that have it would not notice a change.",
    });
  return record;
}

function hasChecksum(record: BoxRecord, { type, value }: Checksum): boolean {
  const own = [record[type], record.original?.[type]].filter((found) => found !== undefined);
  if (own.length > 0) return own.includes(value);
  // Of a sha384 or sha512 only what upstream said then is known.
  return record.upstream?.type === type ? record.upstream.value === value : true;
}

/** A run may have ended between a box and its catalogs. */
async function upToDate(deps: Deps, share: string, record: BoxRecord): Promise<Archived> {
  const lock = async () =>
    await withShareLock(deps, share, "box archive", async () => await writeDoors(share, [], record.name));
  return { status: "present", record, fetched: 0, catalogs: await whenFree(deps, SHARE_PATIENCE, lock) };
}

/** A box that has its place but not its record: a run was killed in between. Its record lies with the part's state. */
async function adopt(
  deps: Deps,
  job: Archiving,
  id: BoxId,
  files: ReturnType<typeof partFiles>,
): Promise<Archived | undefined> {
  const box = path.join(job.share, boxPath(id));
  const record = (await readState(files.state))?.record;
  if (!record || !(await exists(box)) || (await exists(path.join(job.share, recordPath(id))))) return undefined;
  if ((await digestFile(box, deps.signal)).sha256 !== record.sha256) return undefined;
  return await keep(deps, job, box, { ...record, ...id }, files, 0);
}

async function fetchOne(deps: Deps, job: Archiving, lead: Lead, part: string): Promise<Archived> {
  const files = partFiles(part);
  const title = [lead.name, lead.version, lead.provider ?? "", lead.arch ? `(${lead.arch})` : ""].join(" ").trim();
  const step = `fetch ${title}`;
  const { reporter } = deps;
  reporter.emit({ type: "step-start", id: step, title: `Fetching ${title}` });
  try {
    const downloaded = await downloadBox(deps, {
      url: lead.url,
      part,
      promised: lead.promised,
      token: job.token,
      idleMs: job.idleMs,
      onBytes: (done, total) =>
        reporter.emit({ type: "step-bytes", id: step, done, ...(total === undefined ? {} : { total }) }),
      onNote: (note) => reporter.emit({ type: "step-note", id: step, note }),
    });
    const id = await identify(lead, downloaded).catch(async (error: unknown) => {
      await removeAll([part, files.state]);
      throw error;
    });
    // Of a bare box only now known to be there.
    const stored = await withoutPacking(deps, part, files.unpacked, downloaded);
    const record: BoxRecord = {
      ...id,
      ...stored.digest,
      ...(stored.original ? { original: { packed: "gzip", ...stored.original } } : {}),
      unpacked: downloaded.facts.unpacked,
      source: publicAddress(lead.url),
      ...(lead.promised ? { upstream: lead.promised } : {}),
      fetched: {
        ...downloaded.from,
        ...(job.catalog === undefined ? {} : { catalog: job.catalog }),
        at: new Date(deps.clock.now()).toISOString(),
      },
      published: new Date(deps.clock.now()).toISOString(),
      by: `notebox ${deps.version}`,
    };
    const archived = await keep(deps, job, stored.file, record, files, downloaded.fetched);
    reporter.emit({ type: "step-done", id: step });
    await removeAll([part, files.state, files.unpacked]);
    return archived;
  } catch (error) {
    reporter.emit({ type: "step-failed", id: step });
    await removeAll([files.unpacked]);
    throw error;
  }
}

/** The part itself, or the plain tar in it where its gzip saves next to nothing and there is room for both. */
async function withoutPacking(deps: Deps, part: string, unpacked: string, { digest, facts, from }: Downloaded) {
  const room = await roomFor(part);
  if (facts.packed === undefined || !savesNothing(digest.size, facts.tarSize) || (room ?? 0) < facts.tarSize * 1.01)
    return { file: part, digest };
  const plain = await receiveBox({
    source: part,
    part: unpacked,
    name: from.url,
    signal: deps.signal,
    threads: deps.hashThreads,
  });
  return { file: unpacked, digest: plain.digest, original: digest };
}

async function identify(lead: Lead, { facts, from }: Downloaded): Promise<BoxId> {
  const { provider = facts.provider, arch = facts.architecture ?? "unknown" } = lead;
  const id: BoxId = { name: lead.name, version: lead.version, provider, arch };
  checkBoxId(id);
  const says = provider !== facts.provider ? facts.provider : undefined;
  const saysArch = arch !== "unknown" && facts.architecture !== undefined && facts.architecture !== arch;
  if (says === undefined && !saysArch) return id;
  throw new UserError({
    code: "integrity",
    message: `${from.url} says that it is for ${says ?? facts.architecture}, not for ${says === undefined ? arch : provider}.`,
    hint: "Vagrant would refuse it too. Tell whoever keeps its catalog.",
  });
}

async function keep(
  deps: Deps,
  job: Archiving,
  received: string,
  record: BoxRecord,
  files: ReturnType<typeof partFiles>,
  fetched: number,
): Promise<Archived> {
  const state = await readState(files.state);
  const base = state ?? { layout: 1 as const, source: "", synced: 0, boot: await bootMark() };
  await writeState(files.state, { ...base, record });
  return await whenFree(deps, SHARE_PATIENCE, async () => {
    return await withShareLock(deps, job.share, "box archive", async () => {
      const placed = await putInPlace(job.share, received, record, deps.signal);
      const catalogs = await writeDoors(job.share, [], record.name);
      await removeAll([files.state]);
      return { status: placed.added ? "added" : "present", record: placed.record, fetched, catalogs };
    });
  });
}

async function removeAll(names: readonly string[]): Promise<void> {
  for (const file of names) await fs.rm(file, { force: true });
}
