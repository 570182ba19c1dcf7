/** `box publish`: a .box file → a share, with its record and the catalogs of every door. */
import fs from "node:fs/promises";
import path from "node:path";
import type { BoxRecord } from "../boxes/catalog.ts";
import { normaliseDoor } from "../boxes/doors.ts";
import { inTheWay, makeFolder } from "../boxes/durable.ts";
import { checkWay } from "../boxes/folder-names.ts";
import type { BoxFacts } from "../boxes/inspect/box-facts.ts";
import { type BoxId, boxPath, checkBoxId, checkOwnVersion, partPath, versionFolder } from "../boxes/layout.ts";
import { withShareLock } from "../boxes/lock.ts";
import { putInPlace, removeEmpty, writeDoors } from "../boxes/place.ts";
import { receiveBox } from "../boxes/receive.ts";
import { checkShareFolder, readSettings, settingsWith } from "../boxes/share.ts";
import { UserError } from "../errors.ts";
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
    // A share of a newer notebox is found out before anything is written into it.
    settingsWith(await readSettings(share), share, doors);
    const { record, added } = await place(deps, { share, source, wanted, options });
    const catalogs = await writeDoors(share, doors, record.name);
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
  await checkWay(share, wanted);
  const folder = path.join(share, versionFolder(wanted));
  // Which provider's place it is becomes known while it is read.
  const part = path.join(share, partPath({ ...wanted, provider: "incoming", arch: "box" }));
  await makeFolder(folder).catch((error: unknown) => {
    throw inTheWay(error, folder);
  });
  try {
    const { digest, facts, original } = await receive(deps, source, part);
    const id = { ...wanted, ...identify(source, facts, options) };
    checkBoxId(id);
    const record: BoxRecord = {
      ...id,
      ...digest,
      ...(original === undefined ? {} : { original: { packed: "gzip", ...original } }),
      unpacked: facts.unpacked,
      source: path.basename(source),
      published: new Date(deps.clock.now()).toISOString(),
      by: `notebox ${deps.version}`,
    };
    return await putInPlace(share, part, record, deps.signal);
  } finally {
    await fs.rm(part, { force: true });
    await removeEmpty(share, folder);
  }
}

async function receive(deps: Deps, source: string, part: string) {
  const id = "receive";
  deps.reporter.emit({ type: "step-start", id, title: `Copying ${path.basename(source)} and checking it` });
  try {
    const onBytes = (done: number, total: number): void => deps.reporter.emit({ type: "step-bytes", id, done, total });
    const received = await receiveBox({ source, part, onBytes, signal: deps.signal, threads: deps.hashThreads });
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
