/** `box rebase`: adds, changes and removes a share's doors and writes all catalogs anew; no box is read. */
import fs from "node:fs/promises";
import path from "node:path";
import { doorSlug, normaliseDoor } from "../boxes/doors.ts";
import { syncFolder } from "../boxes/durable.ts";
import { withShareLock } from "../boxes/lock.ts";
import {
  checkShareFolder,
  listNames,
  requireSettings,
  type ShareSettings,
  writeCatalogs,
  writeSettings,
} from "../boxes/share.ts";
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";

export interface BoxRebaseOptions {
  folder: string;
  share: string;
  add?: string[];
  remove?: string[];
  /** The door as it is now and as it is to be, one after the other. */
  replace?: string[];
}

export interface BoxRebaseResult {
  share: string;
  doors: string[];
  added: string[];
  removed: string[];
  /** In the share. */
  catalogs: string[];
}

/** Throws UserError `usage` (no such door, the last door), `unreachable`, `integrity`, `busy`, `disk-full`. */
export async function boxRebase(deps: Deps, options: BoxRebaseOptions): Promise<BoxRebaseResult> {
  const share = path.resolve(options.share);
  newDoors((await requireSettings(share)).doors, options);
  await checkShareFolder(share);
  return await withShareLock(deps, share, "box rebase", async ({ check }) => {
    const before = await requireSettings(share);
    const doors = newDoors(before.doors, options);
    const after: ShareSettings = { ...before, doors };
    const catalogs: string[] = [];
    // New doors' catalogs are whole before anybody learns of the door, and old ones go when nobody is told of it.
    for (const name of await listNames(share)) catalogs.push(...(await writeCatalogs(share, after, name)));
    await check();
    if (JSON.stringify(before) !== JSON.stringify(after)) await writeSettings(share, after);
    const had = new Map(before.doors.map((door) => [doorSlug(door), normaliseDoor(door)]));
    const has = new Map(doors.map((door) => [doorSlug(door), door]));
    const removed = [...had].filter(([slug]) => !has.has(slug));
    for (const [slug] of removed) await fs.rm(path.join(share, "catalogs", slug), { recursive: true, force: true });
    if (removed.length > 0) await syncFolder(share);
    const added = [...has].filter(([slug]) => !had.has(slug)).map(([, door]) => door);
    return { share, doors, added, removed: removed.map(([, door]) => door), catalogs };
  });
}

/** The doors as they are to be, each once, in their order. */
function newDoors(before: readonly string[], { add = [], remove = [], replace = [] }: BoxRebaseOptions): string[] {
  if (replace.length % 2 !== 0)
    throw new UserError({
      code: "usage",
      message: "--replace takes pairs of doors: the old one, then the new one.",
      hint: "For example: --replace //old.example.edu/boxes //new.example.edu/boxes",
    });
  const doors = new Map(before.map((door) => [doorSlug(door), normaliseDoor(door)]));
  const mustHave = (door: string): string => {
    const slug = doorSlug(door);
    if (doors.has(slug)) return slug;
    throw new UserError({
      code: "usage",
      message: `This share has no door ${JSON.stringify(normaliseDoor(door))}.`,
      hint: `Its doors are: ${[...doors.values()].join(", ")}`,
    });
  };
  let list = [...doors.keys()];
  for (let index = 0; index < replace.length; index += 2) {
    const old = mustHave(replace[index] ?? "");
    const door = replace[index + 1] ?? "";
    doors.set(doorSlug(door), normaliseDoor(door));
    list = list.map((slug) => (slug === old ? doorSlug(door) : slug));
  }
  for (const door of add) {
    doors.set(doorSlug(door), normaliseDoor(door));
    list.push(doorSlug(door));
  }
  const dropped = new Set(remove.map(mustHave));
  const kept = [...new Set(list)].filter((slug) => !dropped.has(slug));
  if (kept.length === 0)
    throw new UserError({
      code: "usage",
      message: "A share needs a door, and this would take its last one.",
      hint: "Give the new door too: --replace OLD NEW.",
    });
  return kept.map((slug) => doors.get(slug) ?? "");
}
