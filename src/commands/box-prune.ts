/** `box prune`: removes versions that nobody needs, and what dead writers left behind. */
import fs from "node:fs/promises";
import path from "node:path";
import type { BoxRecord } from "../boxes/catalog.ts";
import { exists } from "../boxes/durable.ts";
import { type Condemned, condemned, type Need, type RetentionRules, retentionFault } from "../boxes/keep/retention.ts";
import { surveyBoxes } from "../boxes/keep/survey.ts";
import { findSweepings, type Swept, sweep } from "../boxes/keep/sweep.ts";
import { boxPath, recordPath, SHARE_FILE } from "../boxes/layout.ts";
import { withShareLock } from "../boxes/lock.ts";
import { serverTime } from "../boxes/lock-pulse.ts";
import { removeEmpty } from "../boxes/place.ts";
import {
  checkShareFolder,
  readSettings,
  requireSettings,
  type ShareSettings,
  settingsWith,
  writeCatalogs,
} from "../boxes/share.ts";
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { loadWorkbench } from "../workbench/load.ts";

export interface BoxPruneOptions {
  folder: string;
  share: string;
  /** How many newest versions stay. */
  keep?: number;
  /** Milliseconds. */
  olderThan?: number;
  /** Folders of workbenches. */
  unusedBy?: string[];
  /** How old, in milliseconds, half-received boxes and quarantines have to be. */
  partsOlderThan?: number;
  quarantineOlderThan?: number;
  dryRun?: boolean;
  /** Another computer's lock that nobody has renewed for five minutes is taken over. */
  takeOver?: boolean;
}

export interface BoxPruneResult {
  share: string;
  dryRun: boolean;
  removed: { name: string; version: string; provider: string; arch: string; size: number; why: string }[];
  swept: Swept[];
  /** Of both. */
  bytes: number;
  kept: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Throws UserError `usage`, `invalid` (a workbench that cannot be read), `unreachable`, `integrity`, `busy`. */
export async function boxPrune(deps: Deps, options: BoxPruneOptions): Promise<BoxPruneResult> {
  const share = path.resolve(options.share);
  const needs = options.unusedBy && (await Promise.all(options.unusedBy.map(needOf)));
  await settingsOf(share);
  if (options.dryRun) return await prune(deps, options, share, needs);
  await checkShareFolder(share);
  const { takeOver = false } = options;
  const work = async (lock: { check(): Promise<void> }) => await prune(deps, options, share, needs, lock.check);
  return await withShareLock(deps, share, "box prune", work, { takeOver });
}

/** What an archiving left that ended before its first box is tidied up too: the folder is no share until then. */
async function settingsOf(share: string): Promise<ShareSettings> {
  const settings = await readSettings(share);
  if (settings === undefined && (await exists(path.join(share, "boxes")))) return settingsWith(settings, share, []);
  const read = settings ?? (await requireSettings(share));
  const fault = retentionFault(read.retention);
  if (fault === undefined) return read;
  throw new UserError({
    code: "integrity",
    message: `${path.join(share, SHARE_FILE)} does not say what may go: ${fault}.`,
    hint: 'Write it like "retention": {"versions": 3, "days": 180, "quarantineDays": 30}; "versions": 0 keeps all.',
  });
}

/** Notebooks that are broken keep nobody from knowing which box a workbench wants. */
async function needOf(folder: string): Promise<Need> {
  const { box } = await loadWorkbench(path.resolve(folder), { files: false });
  return { name: box.name, version: box.version };
}

/** With `held`, under the writers' lock, it happens; without, it is only told. */
async function prune(
  deps: Deps,
  options: BoxPruneOptions,
  share: string,
  needs: readonly Need[] | undefined,
  held?: () => Promise<void>,
): Promise<BoxPruneResult> {
  const settings = await settingsOf(share);
  const before = await surveyBoxes(share);
  const records = before.places.filter(({ hasBox }) => hasBox).flatMap(({ record }) => record ?? []);
  const gone = condemned(records, rulesOf(options, settings, needs), deps.clock.now());
  if (held) await removeBoxes(share, settings, records, gone, held);
  const { retention } = settings;
  const rules = {
    partsMs: options.partsOlderThan ?? DAY_MS,
    quarantineMs: options.quarantineOlderThan ?? (retention.quarantineDays ?? 30) * DAY_MS,
  };
  const now = held ? await serverTime(share) : deps.clock.now();
  const swept = await findSweepings(deps, share, settings, held ? await surveyBoxes(share) : before, rules, now);
  await held?.();
  if (held) await sweep(share, swept);
  const removed = gone.map(({ record, why }) => {
    const { name, version, provider, arch, size } = record;
    return { name, version, provider, arch, size, why };
  });
  const bytes = [...removed.map(({ size }) => size), ...swept.map((one) => one.bytes)].reduce((a, b) => a + b, 0);
  return { share, dryRun: held === undefined, removed, swept, bytes, kept: records.length - gone.length };
}

/** What is said on the command line; when nothing is, what the share itself says. */
function rulesOf(
  options: BoxPruneOptions,
  { retention }: ShareSettings,
  needs: readonly Need[] | undefined,
): RetentionRules {
  const { keep, olderThan } = options;
  const given = keep !== undefined || olderThan !== undefined || needs !== undefined;
  if (given)
    return {
      ...(keep === undefined ? {} : { keep }),
      ...(olderThan === undefined ? {} : { olderThanMs: olderThan }),
      ...(needs === undefined ? {} : { needs }),
    };
  if (retention.versions === 0) return {};
  return {
    ...(retention.versions === undefined ? {} : { keep: retention.versions }),
    ...(retention.days === undefined ? {} : { olderThanMs: retention.days * DAY_MS }),
  };
}

/** Catalogs first, so that nobody is sent to what goes; then the box; its record last, which says what it was. */
async function removeBoxes(
  share: string,
  settings: ShareSettings,
  records: readonly BoxRecord[],
  gone: readonly Condemned[],
  held: () => Promise<void>,
): Promise<void> {
  const going = new Set(gone.map(({ record }) => record));
  for (const name of new Set(gone.map(({ record }) => record.name))) {
    const staying = records.filter((record) => record.name === name && !going.has(record));
    await held();
    await writeCatalogs(share, settings, name, staying);
  }
  for (const record of going) {
    await held();
    await fs.rm(path.join(share, boxPath(record)), { force: true });
    await fs.rm(path.join(share, recordPath(record)), { force: true });
    await removeEmpty(share, path.dirname(path.join(share, recordPath(record))));
  }
}
