/** `box verify`: reads every byte of a share's boxes, takes out what is wrong, and sets the catalogs right. */
import path from "node:path";
import type { BoxRecord } from "../boxes/catalog.ts";
import { quarantine } from "../boxes/keep/quarantine.ts";
import {
  type BoxCheck,
  checkCatalogs,
  checkPlace,
  type Fault,
  mustLeave,
  spellingFaults,
  strayFaults,
} from "../boxes/keep/scrub.ts";
import { openScrubState } from "../boxes/keep/scrub-state.ts";
import { type BoxFilter, type Place, placesFor, surveyBoxes, surveyLeftovers } from "../boxes/keep/survey.ts";
import { boxPath, SCRUB_LOCK_FILE } from "../boxes/layout.ts";
import { whenFree, withLock, withShareLock } from "../boxes/lock.ts";
import { checkShareFolder, requireSettings, type ShareSettings, writeCatalogs } from "../boxes/share.ts";
import { systemErrorCode, UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";

export interface BoxVerifyOptions extends BoxFilter {
  folder: string;
  share: string;
  /** Read and report only. */
  dryRun?: boolean;
}

export interface BoxVerifyResult {
  share: string;
  dryRun: boolean;
  /** Boxes that were looked at, those that an earlier run had read included. */
  boxes: number;
  resumed: number;
  bytes: number;
  faults: Fault[];
  /** In the share; where what was wrong lies now. */
  quarantine?: string;
}

/** A writer that publishes a box holds the lock for minutes. */
const WAIT_MS = 10 * 60_000;

/**
 * Throws UserError `integrity` with the result when anything was wrong (strays are only told), `usage`, `unreachable`,
 * `busy` (another scrub, or a writer for longer than ten minutes), `interrupted` (the next run goes on).
 */
export async function boxVerify(deps: Deps, options: BoxVerifyOptions): Promise<BoxVerifyResult> {
  const share = path.resolve(options.share);
  const settings = await requireSettings(share);
  if (options.dryRun) return conclude(await scrub(deps, options, share, settings));
  await checkShareFolder(share).catch((error: unknown) => {
    throw orDryRun(error);
  });
  const lock = { file: path.join(share, SCRUB_LOCK_FILE), command: "box verify", doing: "is verifying this share" };
  return conclude(
    await withLock(deps, { ...lock, share, takeOver: true }, () => scrub(deps, options, share, settings)),
  );
}

/** Whoever may only read the share can have it read all the same. */
function orDryRun(error: unknown): unknown {
  const writable = !["EACCES", "EPERM", "EROFS"].includes(systemErrorCode((error as Error).cause) ?? "");
  if (!(error instanceof UserError) || writable) return error;
  const { code, message, hint = "", cause } = error;
  const only = "To verify it without writing anything, add --dry-run: every byte is read, nothing is moved.";
  return new UserError({ code, message, hint: `${hint} ${only}`.trim(), cause });
}

async function scrub(
  deps: Deps,
  options: BoxVerifyOptions,
  share: string,
  settings: ShareSettings,
): Promise<BoxVerifyResult> {
  const dryRun = options.dryRun ?? false;
  const state = await openScrubState(share, deps.clock.now, !dryRun);
  const places = placesFor(share, (await surveyBoxes(share, options.name)).places, options);
  const id = "scrub";
  const total = places.reduce((sum, { record }) => sum + (record?.size ?? 0), 0);
  let done = 0;
  const check: BoxCheck = {
    signal: deps.signal,
    state,
    onBytes: (bytes) => {
      done += bytes;
      deps.reporter.emit({ type: "step-bytes", id, done, total });
    },
  };
  deps.reporter.emit({
    type: "step-start",
    id,
    title: `Reading ${places.length} ${places.length === 1 ? "box" : "boxes"}`,
  });
  const suspects: Place[] = [];
  for (const place of places) if (await checkPlace(share, place, check)) suspects.push(place);
  deps.reporter.emit({ type: "step-done", id });
  const found = { deps, options, share, check, suspects };
  const outcome = dryRun
    ? await settle(found, settings)
    : await whenFree(deps, WAIT_MS, () =>
        withShareLock(deps, share, "box verify", async ({ check: held }) => {
          // Doors may have changed while the boxes were read.
          return await settle(found, await requireSettings(share), held);
        }),
      );
  await state.finish();
  return { share, dryRun, boxes: places.length, resumed: state.resumed, bytes: done, ...outcome };
}

interface Found {
  deps: Deps;
  options: BoxVerifyOptions;
  share: string;
  check: BoxCheck;
  suspects: readonly Place[];
}

/**
 * With `held`, under the writers' lock: what looked wrong is looked at once more (its writer may only not have been
 * done), catalogs are written without it, then it is moved.
 */
async function settle(
  { deps, options, share, check, suspects }: Found,
  settings: ShareSettings,
  held?: () => Promise<void>,
): Promise<Omit<BoxVerifyResult, "share" | "dryRun" | "boxes" | "resumed" | "bytes">> {
  const now = await surveyBoxes(share, options.name);
  const doubted = new Set(suspects.map(({ box }) => boxPath(box)));
  const faults: Fault[] = [];
  const sound = new Map<string, BoxRecord[]>();
  for (const place of now.places) {
    const fault = doubted.has(boxPath(place.box)) ? await checkPlace(share, place, check) : undefined;
    if (fault) faults.push(fault);
    if (place.record && place.hasBox && (fault === undefined || !mustLeave(fault)))
      sound.set(place.box.name, [...(sound.get(place.box.name) ?? []), place.record]);
  }
  const leaving = faults.filter(mustLeave);
  const wrongCatalogs = await checkCatalogs(share, settings, sound, options.name);
  await held?.();
  if (held)
    for (const name of new Set(wrongCatalogs.map((fault) => fault.name)))
      await writeCatalogs(share, settings, name, sound.get(name) ?? []);
  let folder: string | undefined;
  if (held && leaving.length > 0) {
    const files = leaving.flatMap(({ path: at, message: why }) =>
      [at.replace(/\.json$/, ".box"), at.replace(/\.box$/, ".json")].map((file) => ({ path: file, why })),
    );
    const time = new Date(deps.clock.now()).toISOString();
    folder = await quarantine(share, files, { time, by: `notebox ${deps.version}` });
  }
  const whole = options.name === undefined ? await surveyLeftovers(share) : [];
  // A catalog that changes because of a box that leaves is no fault of its own.
  const gone = new Set(leaving.map(({ path: at }) => at.split("/").slice(1, 3).join("/")));
  faults.push(
    ...wrongCatalogs
      .filter(({ name }) => !gone.has(name))
      .map(({ name: _, ...fault }): Fault => ({ ...fault, ...(held ? { done: "rewritten" as const } : {}) })),
    ...spellingFaults(now.twins),
    ...(await strayFaults(share, settings, now.strays, whole)),
  );
  return {
    faults: faults.map((fault) => (held && mustLeave(fault) ? { ...fault, done: "quarantined" } : fault)),
    ...(folder === undefined ? {} : { quarantine: folder }),
  };
}

function conclude(result: BoxVerifyResult): BoxVerifyResult {
  const wrong = result.faults.filter(({ kind }) => kind !== "stray");
  if (wrong.length === 0) return result;
  const what = wrong.length === 1 ? "One thing is" : `${wrong.length} things are`;
  throw new UserError({
    code: "integrity",
    message: `${what} wrong in the share ${result.share}.`,
    hint: nextStep(result, wrong),
    problems: wrong.map(({ kind, path: file, message, done }) => ({
      id: kind,
      file,
      message: `${message}${done === undefined ? "" : ` (${done})`}`,
    })),
    result,
  });
}

function nextStep({ dryRun }: BoxVerifyResult, wrong: readonly Fault[]): string {
  if (wrong.every(({ kind }) => kind === "two-spellings"))
    return "Nothing was changed: decide which spelling stays, and move the other away.";
  return dryRun
    ? "Run it without --dry-run: catalogs are set right first, then what is wrong is moved to quarantine/."
    : "Catalogs are right again. Publish or archive the boxes that were moved to quarantine/ once more.";
}
