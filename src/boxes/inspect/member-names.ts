/**
 * What a member of a box's archive may be and be called, so that unpacking it writes inside its folder and nowhere
 * else. Pure; asked by whoever inspects a box and by whoever unpacks one.
 */
import { fitsWindows } from "../../workbench/file-names.ts";
import type { TarMember } from "./tar-walk.ts";

const KINDS: Readonly<Record<string, string>> = {
  "1": "Link",
  "2": "SymbolicLink",
  "3": "CharacterDevice",
  "4": "BlockDevice",
  "6": "FIFO",
};
/** The longest name of a file on the usual file systems, in bytes. */
const NAME_LIMIT = 255;
/** Folders within folders; no box has more than three. */
const DEPTH_LIMIT = 30;

export function shortened(name: string): string {
  return name.length > NAME_LIMIT ? `${name.slice(0, 60)}…` : name;
}

/** Vagrant unpacks with backslashes turned into slashes. */
export function cleanName(path: string): string {
  const name = path.replaceAll("\\", "/").replace(/^(?:\.\/+)+/, "");
  // A search for /+$ would take hours with a name that is a megabyte of slashes.
  let end = name.length;
  while (name[end - 1] === "/") end--;
  return name.slice(0, end);
}

export function memberFault(member: TarMember, name: string): string | undefined {
  if (!["0", "5", "7", "S"].includes(member.type))
    return `is neither a file nor a folder (${KINDS[member.type] ?? `type ${JSON.stringify(member.type)}`})`;
  if (name === "" && member.type !== "5") return "is a file without a name";
  // Programs for tar differ in whether such content is one, and so in where the next member begins.
  if (member.type === "5" && member.stored > 0) return "is a folder with content of its own";
  if (member.type !== "5" && /[\\/]$/.test(member.name)) return "is called like a folder and is none";
  return nameFault(member.name, name);
}

function nameFault(path: string, name: string): string | undefined {
  if (/^[\\/]/.test(path) || name.startsWith("/") || /^[a-z]:/i.test(name)) return "has an absolute path";
  if (name.split("/").includes("..")) return "would be unpacked outside the box's folder";
  if ([...name].some((char) => char < " ")) return "has a control character in its name";
  if (name.split("/", DEPTH_LIMIT + 1).length > DEPTH_LIMIT) return "lies too many folders deep";
  if (name.split("/").some((part) => Buffer.byteLength(part) > NAME_LIMIT)) return "has too long a name";
  if (!name.split("/").every((part) => part === "." || fitsWindows(part))) return "has a name that Windows cannot have";
  return undefined;
}
