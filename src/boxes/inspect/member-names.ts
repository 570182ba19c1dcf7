/**
 * What a member of a box's archive may be and be called, so that unpacking it writes inside its folder and nowhere
 * else. Pure; asked by whoever inspects a box and by whoever unpacks one.
 */
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

export function shortened(name: string): string {
  return name.length > NAME_LIMIT ? `${name.slice(0, 60)}…` : name;
}

/** Vagrant unpacks with backslashes turned into slashes. */
export function cleanName(path: string): string {
  return path
    .replaceAll("\\", "/")
    .replace(/^(?:\.\/+)+/, "")
    .replace(/\/+$/, "");
}

/** What is wrong with a member that the tar package read, as the end of a sentence; undefined for what may be there. */
export function entryFault(entry: { path: string; type: string }, name: string): string | undefined {
  if (!PLAIN.has(entry.type)) return `is neither a file nor a folder (${entry.type})`;
  return nameFault(entry.path, name);
}

/** What the tar package calls files and folders; all else (links, devices, pipes) has no place in a box. */
const PLAIN = new Set(["File", "OldFile", "ContiguousFile", "GNUDumpDir", "Directory"]);

export function memberFault(member: TarMember, name: string): string | undefined {
  if (!["0", "5", "7", "S"].includes(member.type))
    return `is neither a file nor a folder (${KINDS[member.type] ?? `type ${JSON.stringify(member.type)}`})`;
  return nameFault(member.name, name);
}

export function nameFault(path: string, name: string): string | undefined {
  if (/^[\\/]/.test(path) || name.startsWith("/") || /^[a-z]:/i.test(name)) return "has an absolute path";
  if (name.split("/").includes("..")) return "would be unpacked outside the box's folder";
  if ([...name].some((char) => char < " ")) return "has a control character in its name";
  if (name.split("/").some((part) => Buffer.byteLength(part) > NAME_LIMIT)) return "has too long a name";
  return undefined;
}
