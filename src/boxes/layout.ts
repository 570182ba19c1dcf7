/**
 * What is where in a share: the only place that builds such paths. All of them are relative to the share's folder,
 * with forward slashes. What the files hold is for share.ts and catalog.ts.
 */
import { UserError } from "../errors.ts";
import { isDeviceName } from "../workbench/file-names.ts";

export const SHARE_FILE = "notebox-share.json";
export const LOCK_FILE = "notebox-share.lock";
/** How far a scrub has come, and who is at it. */
export const SCRUB_FILE = "notebox-scrub.json";
export const SCRUB_LOCK_FILE = "notebox-scrub.lock";
/** Where `box verify` puts what is wrong: a folder for each run, with a note and the files at their old paths. */
export const QUARANTINE = "quarantine";

export interface BoxId {
  /** owner/name */
  name: string;
  version: string;
  provider: string;
  arch: string;
}

export function boxFolder(name: string): string {
  return `boxes/${name}`;
}

export function versionFolder(box: Pick<BoxId, "name" | "version">): string {
  return `${boxFolder(box.name)}/${box.version}`;
}

export function boxPath(box: BoxId): string {
  return `${versionFolder(box)}/${box.provider}-${box.arch}.box`;
}

/** Where no box ever is: a message to a person, because Vagrant shows the address that it could not fetch. */
export function refusalPath(box: Pick<BoxId, "name" | "version">, archs: readonly string[]): string {
  return `${versionFolder(box)}/only-for-${archs.join("-and-")}--needs-vagrant-2.4-or-notebox-box-install`;
}

/** The record of a box: written after the box, so a box without one was never finished. */
export function recordPath(box: BoxId): string {
  return `${versionFolder(box)}/${box.provider}-${box.arch}.json`;
}

/** Where a box lies while it is received. */
export function partPath(box: BoxId): string {
  return `${boxPath(box)}.part`;
}

/** What lies beside a part while `box archive` fetches it: what it is a part of, who fetches it, and its unpacked self. */
export function partFiles(part: string): { state: string; lock: string; unpacked: string } {
  return { state: `${part}.json`, lock: `${part}.lock`, unpacked: `${part}.unpacked.part` };
}

/** Whether a file of a version's folder is what a receiving leaves when it ends before its time, lock included. */
export function isLeftover(file: string): boolean {
  return /\.part(?:\.|$)/.test(file);
}

/** `slug` is doors.ts's doorSlug. */
export function catalogPath(slug: string, name: string): string {
  return `catalogs/${slug}/${name}.json`;
}

/** Provider and architecture of a record's or a box's file name, or undefined for any other file. */
export function parseFileName(file: string): { provider: string; arch: string; ending: "box" | "json" } | undefined {
  const match = /^([a-z][a-z0-9_]*)-([a-z0-9_]+)\.(box|json)$/.exec(file);
  if (!match) return undefined;
  const [, provider = "", arch = "", ending] = match;
  return { provider, arch, ending: ending as "box" | "json" };
}

/**
 * Throws UserError `usage` when one of the parts cannot be a part of a path (on Windows too: shares are read there), or is
 * not what Vagrant takes. A version
 * may be any of Vagrant's: boxes of others keep theirs.
 */
export function checkBoxId(box: BoxId): void {
  const parts = box.name.split("/");
  if (
    parts.length !== 2 ||
    box.name.length > 120 ||
    parts.some((part) => !/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?$/.test(part) || isDeviceName(part))
  )
    throw usage(
      `${JSON.stringify(box.name)} is no box name`,
      "Write owner/name, such as notebox/debian-13: letters, digits, . - and _.",
    );
  if (box.version.length > 60 || !/^\d+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/.test(box.version))
    throw usage(`${JSON.stringify(box.version)} is no version`, "Write three numbers, such as 13.1.0.");
  if (!/^[a-z][a-z0-9_]{0,39}$/.test(box.provider))
    throw usage(`${JSON.stringify(box.provider)} is no provider`, "Write Vagrant's name of it: virtualbox or libvirt.");
  if (!/^[a-z0-9_]{1,20}$/.test(box.arch) || isDeviceName(box.arch))
    throw usage(`${JSON.stringify(box.arch)} is no architecture`, "Write Vagrant's name of it: amd64 or arm64.");
}

export function isBoxId(box: BoxId): boolean {
  try {
    checkBoxId(box);
    return true;
  } catch {
    return false;
  }
}

/** Throws UserError `usage` for a version that Vagrant takes but does not sort as people do. */
export function checkOwnVersion(version: string): void {
  if (!/^(?:0|[1-9]\d{0,8})(?:\.(?:0|[1-9]\d{0,8})){2}$/.test(version))
    throw usage(`${JSON.stringify(version)} is no version`, "Write three numbers, such as 13.1.0.");
}

function usage(message: string, hint: string): UserError {
  return new UserError({ code: "usage", message: `${message}.`, hint });
}
