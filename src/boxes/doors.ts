/**
 * Doors: the ways to reach one share. What a door is called in the share's folder of catalogs, and the address of a
 * catalog or a box behind it. Pure; which paths there are in a share is layout.ts's.
 */
import { createHash } from "node:crypto";
import { UserError } from "../errors.ts";
import { type BoxId, boxPath, catalogPath, refusalPath } from "./layout.ts";

export interface Door {
  kind: "http" | "unc" | "drive" | "folder";
  /** As written into notebox-share.json and into addresses: forward slashes, no slash at the end. */
  text: string;
  /** What makes two spellings the same door: servers' names, and paths on Windows, know no capital letters. */
  key: string;
}

/** Throws UserError `usage` for what is no door, or one that gives away a user name or password. */
export function parseDoor(door: string): Door {
  if (/^[a-z][a-z0-9+.-]+:/i.test(door)) return parseAddress(door);
  if ([...door].some((char) => char < " " || char === "\u007f")) throw noDoor(door, "it holds a control character");
  const slashed = door.replaceAll("\\", "/");
  const text = slashed.replace(/(?<=[^/])\/{2,}/g, "/").replace(/\/+$/, "");
  if (text.split("/").some((part) => part === "." || part === "..")) throw noDoor(door, "it holds . or .. as a folder");
  if (/^[a-z]:/i.test(slashed)) {
    // "C:" alone would be the current folder of that drive.
    if (!/^[a-z]:\//i.test(slashed)) throw noDoor(door, "it is no absolute folder");
    return { kind: "drive", text, key: text.toLowerCase() };
  }
  if (/^\/\/[^/]*@/.test(text)) throw credentials();
  if (/^\/\/[^/]+\/[^/]+/.test(text)) return { kind: "unc", text, key: text.toLowerCase() };
  if (slashed.startsWith("//") && !slashed.startsWith("///")) throw noDoor(door, "it names no share on that server");
  if (!slashed.startsWith("/")) throw noDoor(door, "it is no absolute folder or address");
  const folder = `/${text.replace(/^\/+/, "")}`;
  return { kind: "folder", text: folder, key: folder };
}

function parseAddress(door: string): Door {
  if (!/^https?:/i.test(door)) throw noDoor(door, "only http and https addresses are doors");
  if (!URL.canParse(door)) throw noDoor(door, "it is no complete address");
  const url = new URL(door);
  if (url.username !== "" || url.password !== "" || /^https?:\/*[^/]*@/i.test(door)) throw credentials();
  if (/[?#]/.test(door)) throw noDoor(door, "it holds ? or #, and a door is a folder");
  const text = `${url.origin}${url.pathname.replace(/\/{2,}/g, "/").replace(/\/+$/, "")}`;
  return { kind: "http", text, key: text };
}

/** The door as it is compared, kept and shown. Throws like parseDoor. */
export function normaliseDoor(door: string): string {
  return parseDoor(door).text;
}

/** The folder of a door's catalogs: its letters and digits, all else `-`, then 8 hex digits of its SHA-256. */
export function doorSlug(door: string): string {
  const { key } = parseDoor(door);
  const words = key.toLowerCase().replace(/[^a-z0-9]/g, "-");
  // File names end at 255 bytes; the digits alone keep two doors apart.
  return `${words.slice(0, 150)}-${createHash("sha256").update(key).digest("hex").slice(0, 8)}`;
}

/**
 * Where Vagrant finds the catalog of a box behind a door: an address for http, else a path. A path with % comes as a
 * file: URL, because Vagrant would take it for an escaped one.
 */
export function catalogAddress(door: string, name: string): string {
  const parsed = parseDoor(door);
  const path = catalogPath(doorSlug(door), name);
  if (parsed.kind === "http" || parsed.text.includes("%")) return join(parsed, path);
  return `${parsed.text === "/" ? "" : parsed.text}/${path}`;
}

/** The same as an address in every case: what Vagrant itself notes in metadata_url when it adds a box. */
export function catalogUrl(door: string, name: string): string {
  return join(parseDoor(door), catalogPath(doorSlug(door), name));
}

/**
 * The address of a box as it stands in a door's catalog: absolute and percent-encoded, because Vagrant takes a
 * relative one from the reader's current folder, and curl refuses blanks and umlauts.
 */
export function boxAddress(door: string, box: BoxId): string {
  return join(parseDoor(door), boxPath(box));
}

/** An address behind which there is nothing, for who must not get what there is; see catalog.ts. */
export function refusalAddress(door: string, box: Pick<BoxId, "name" | "version">, archs: readonly string[]): string {
  return join(parseDoor(door), refusalPath(box, archs));
}

function join(door: Door, path: string): string {
  const tail = path.split("/").map(encodeURIComponent).join("/");
  if (door.kind === "http") return `${door.text}/${tail}`;
  const folder = door.text
    .split("/")
    .map((part, index) => (index === 0 && /^[a-z]:$/i.test(part) ? part : encodeURIComponent(part)));
  const root = door.text === "/" ? "" : folder.join("/");
  // file:////server/share (four slashes): curl takes a host only when it is empty or localhost.
  return `file://${door.kind === "drive" ? "/" : ""}${root}/${tail}`;
}

function noDoor(door: string, why: string): UserError {
  return new UserError({
    code: "usage",
    message: `${JSON.stringify(door)} is no way to a share: ${why}.`,
    hint: "Give a UNC path (//server/share), an absolute folder or an http(s) address.",
  });
}

/** Without the value: it may be a real password, and this text ends up in a log. */
function credentials(): UserError {
  return new UserError({
    code: "usage",
    message: "A door must not hold a user name or password: everybody who gets a workbench could read it.",
    hint: "Leave it out: let the server allow reading without one, or mount the share first.",
  });
}
