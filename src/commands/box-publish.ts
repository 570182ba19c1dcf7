/** `box publish`: a .box file → a share, with its record and the catalogs of every door. */
import fs from "node:fs/promises";
import path from "node:path";
import type { BoxRecord } from "../boxes/catalog.ts";
import { normaliseDoor } from "../boxes/doors.ts";
import { inTheWay, syncFolder } from "../boxes/durable.ts";
import type { BoxFacts } from "../boxes/inspect.ts";
import { type BoxId, boxPath, checkBoxId, checkOwnVersion, partPath, versionFolder } from "../boxes/layout.ts";
import { withShareLock } from "../boxes/lock.ts";
import { type Digest, digestFile, receiveBox } from "../boxes/receive.ts";
import {
  checkShareFolder,
  listNames,
  readRecord,
  readSettings,
  settingsWith,
  writeCatalogs,
  writeRecord,
  writeSettings,
} from "../boxes/share.ts";
import { systemErrorCode, UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";

export interface BoxPublishOptions {
  folder: string;
  file: string;
  share: string;
  name: string;
  version: string;
  provider?: string;
  arch?: string;
  door?: string[];
}

export interface BoxPublishResult {
  /** False when exactly this box was there already. */
  added: boolean;
  share: string;
  box: string;
  record: BoxRecord;
  catalogs: string[];
}

/**
 * Throws UserError `usage`, `invalid` (no such file), `unreachable` (the share), `integrity` (the box), `busy`,
 * `refused` (another box has this version already), `disk-full`, `interrupted`.
 */
export async function boxPublish(deps: Deps, options: BoxPublishOptions): Promise<BoxPublishResult> {
  const share = path.resolve(options.share);
  const source = path.resolve(options.file);
  // What can be known before the first byte is read is said before that.
  const wanted = { name: options.name, version: options.version };
  checkBoxId({ ...wanted, provider: options.provider ?? "virtualbox", arch: options.arch ?? "amd64" });
  checkOwnVersion(wanted.version);
  const doors = (options.door ?? []).map(normaliseDoor);
  await fs.access(source).catch(() => {
    throw new UserError({ code: "invalid", message: `There is no file ${source}.`, hint: "Name a .box file." });
  });
  await checkShareFolder(share);
  return await withShareLock(deps, share, "box publish", async () => {
    const before = await readSettings(share);
    const settings = settingsWith(before, share, doors);
    const { record, added } = await place(deps, { share, source, wanted, options });
    const isNew = JSON.stringify(before) !== JSON.stringify(settings);
    if (isNew) await writeSettings(share, settings);
    // A new door needs the catalogs of all boxes.
    const names = isNew ? [...new Set([...(await listNames(share)), record.name])] : [record.name];
    const catalogs = (await Promise.all(names.map((name) => writeCatalogs(share, settings, name)))).flat();
    return { added, share, box: path.join(share, boxPath(record)), record, catalogs };
  });
}

interface Placing {
  share: string;
  source: string;
  wanted: Pick<BoxId, "name" | "version">;
  options: BoxPublishOptions;
}

/** Receives the box into its place, or finds that exactly this one is there. */
async function place(deps: Deps, { share, source, wanted, options }: Placing) {
  const folder = path.join(share, versionFolder(wanted));
  // Which provider's place it is becomes known while it is read.
  const part = path.join(share, partPath({ ...wanted, provider: "incoming", arch: "box" }));
  await fs.mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw inTheWay(error, folder);
  });
  try {
    const { digest, facts } = await receive(deps, source, part);
    const id = { ...wanted, ...identify(source, facts, options) };
    checkBoxId(id);
    const there = await whatIsThere(deps, share, id);
    if (there && there.sha256 !== digest.sha256) throw taken(id, there, digest);
    if (there?.record) return { record: there.record, added: false };
    if (!there) {
      await fs.rename(part, path.join(share, boxPath(id)));
      await syncFolder(folder);
    }
    const record: BoxRecord = {
      ...id,
      ...digest,
      source: path.basename(source),
      published: new Date(deps.clock.now()).toISOString(),
      by: `notebox ${deps.version}`,
    };
    await writeRecord(share, record);
    return { record, added: true };
  } finally {
    await fs.rm(part, { force: true });
    await removeEmpty(share, folder);
  }
}

/** A box that was refused leaves no folders behind, and so no catalog without versions. */
async function removeEmpty(share: string, folder: string): Promise<void> {
  for (let at = folder; at !== share; at = path.dirname(at)) {
    try {
      await fs.rmdir(at);
    } catch {
      return; // something is in it
    }
  }
}

async function receive(deps: Deps, source: string, part: string) {
  const id = "receive";
  deps.reporter.emit({ type: "step-start", id, title: `Copying ${path.basename(source)} and checking it` });
  try {
    const onBytes = (done: number, total: number): void => deps.reporter.emit({ type: "step-bytes", id, done, total });
    const received = await receiveBox({ source, part, onBytes, signal: deps.signal });
    deps.reporter.emit({ type: "step-done", id });
    return received;
  } catch (error) {
    deps.reporter.emit({ type: "step-failed", id });
    throw error;
  }
}

function identify(source: string, facts: BoxFacts, options: BoxPublishOptions): { provider: string; arch: string } {
  const { provider = facts.provider, arch = facts.architecture } = options;
  if (provider !== facts.provider) throw disagrees(source, "provider", facts.provider, provider);
  if (arch === undefined)
    throw new UserError({
      code: "usage",
      message: `${source} does not say which architecture it is for.`,
      hint: "Say it with --arch amd64 or --arch arm64.",
    });
  if (facts.architecture !== undefined && arch !== facts.architecture)
    throw disagrees(source, "arch", facts.architecture, arch);
  return { provider, arch };
}

function disagrees(source: string, option: string, found: string, given: string): UserError {
  return new UserError({
    code: "integrity",
    message: `${source} says in its metadata.json that it is for ${found}, not for ${given}.`,
    hint: `Leave --${option} out, or take the box that is for ${given}.`,
  });
}

/** The box in that place: with its record, or without one when a publishing was killed just before that. */
async function whatIsThere(deps: Deps, share: string, id: BoxId) {
  const file = path.join(share, boxPath(id));
  try {
    await fs.access(file);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  const record = await readRecord(share, id);
  // Without a record no catalog ever named it; its bytes tell what it is.
  const sha256 = record?.sha256 ?? (await digestFile(file, deps.signal)).sha256;
  return { record, sha256 };
}

function taken(id: BoxId, there: { sha256: string; record: BoxRecord | undefined }, digest: Digest): UserError {
  const when = there.record ? `, published ${there.record.published.slice(0, 10)}` : "";
  return new UserError({
    code: "refused",
    message:
      `Version ${id.version} of ${id.name} for ${id.provider} (${id.arch}) is in the share already, with other content: ` +
      `SHA-256 ${there.sha256.slice(0, 12)}… there${when}, ${digest.sha256.slice(0, 12)}… in your file.`,
    hint: "A published version never changes, because computers that have it would not notice. Give a higher --version.",
  });
}
