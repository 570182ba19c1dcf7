/** `box list`: what a share holds, from its records; no box is read. */
import path from "node:path";
import type { BoxRecord } from "../boxes/catalog.ts";
import { type BoxFilter, placesFor, surveyBoxes } from "../boxes/keep/survey.ts";
import { requireSettings } from "../boxes/share.ts";
import { compareVersions } from "../boxes/versions.ts";
import type { Deps } from "../ports.ts";

export interface BoxListOptions extends BoxFilter {
  folder: string;
  share: string;
}

export interface ListedBox extends BoxRecord {
  /** Whole days since it was published, or undefined where the record does not say. */
  days?: number;
}

export interface BoxListResult {
  share: string;
  doors: string[];
  /** By name, then the newest version first. */
  boxes: ListedBox[];
  bytes: number;
  /** Boxes without a record, records without a box, records that cannot be read: `box verify` says which. */
  unsound: number;
  /** Folders in the share that differ only in capital and small letters, in groups; left out where there are none. */
  twins?: string[][];
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Throws UserError `usage` where the share holds nothing of what is asked for, `unreachable`, `integrity`. */
export async function boxList(deps: Deps, options: BoxListOptions): Promise<BoxListResult> {
  const share = path.resolve(options.share);
  // In this order: where there is no share, or none that answers, that is told before anything is read at once.
  const { doors } = await requireSettings(share);
  const { places, twins } = await surveyBoxes(share, options.name);
  const now = deps.clock.now();
  const boxes: ListedBox[] = [];
  let unsound = 0;
  for (const { record, hasBox } of placesFor(share, places, options)) {
    if (!record || !hasBox) {
      unsound++;
      continue;
    }
    const age = now - Date.parse(record.published);
    boxes.push({ ...record, ...(Number.isFinite(age) ? { days: Math.max(0, Math.floor(age / DAY_MS)) } : {}) });
  }
  boxes.sort(
    (a, b) =>
      order(a.name, b.name) ||
      compareVersions(b.version, a.version) ||
      order(a.provider, b.provider) ||
      order(a.arch, b.arch),
  );
  const bytes = boxes.reduce((sum, { size }) => sum + size, 0);
  return { share, doors, boxes, bytes, unsound, ...(twins.length === 0 ? {} : { twins }) };
}

function order(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
