/**
 * What may be in the tars of a backup. They are never unpacked on this computer; in the VM a home folder is unpacked as
 * the account that owns it, and what a service saved by root. Asked when a backup is made and again before it is restored.
 */
import { shortened } from "../boxes/inspect/member-names.ts";
import { TarFault, type TarMember, type TarWalk, walkTar } from "../boxes/inspect/tar-walk.ts";
import { UNPACKED_LIMIT } from "./manifest.ts";

export interface Contents extends TarWalk {
  /** So far. */
  readonly bytes: number;
  readonly files: number;
  /** The first parts of the names. */
  readonly tops: ReadonlySet<string>;
}

/** A home folder has links wherever they please; what root unpacks has none. */
export type Room = "account" | "root";

/** Files, folders, and files with holes. */
const PLAIN = new Set(["0", "5", "S"]);
const FILES_LIMIT = 10_000_000;
/** Beyond it is not remembered which folders there are; nothing that matters hangs on it. */
const TOPS_LIMIT = 10_000;

/** `limit`: of the tar's bytes. Its functions throw TarFault. */
export function lookInto(room: Room, limit = UNPACKED_LIMIT): Contents {
  const links = new Set<string>();
  const tops = new Set<string>();
  const told = { bytes: 0, files: 0 };
  const onMember = (member: TarMember): undefined => {
    const parts = member.name.split("/").filter((part) => part !== "" && part !== ".");
    const fault = faultOf(member, parts, room, links);
    if (fault !== undefined) throw new TarFault(`${JSON.stringify(shortened(member.name))} ${fault}`);
    if (member.type === "2") links.add(parts.join("/"));
    if (tops.size < TOPS_LIMIT) tops.add(parts[0] ?? "");
    told.files += 1;
    if (told.files > FILES_LIMIT) throw new TarFault("it holds more files than any home folder");
  };
  const walk = walkTar(onMember);
  return {
    push(bytes) {
      told.bytes += bytes.length;
      if (told.bytes > limit) throw new TarFault("it unpacks to more than it says");
      walk.push(bytes);
    },
    end: walk.end,
    tops,
    get bytes() {
      return told.bytes;
    },
    get files() {
      return told.files;
    },
  };
}

function faultOf(
  member: TarMember,
  parts: readonly string[],
  room: Room,
  links: ReadonlySet<string>,
): string | undefined {
  if (member.hasMap || !(PLAIN.has(member.type) || (room === "account" && member.type === "2")))
    return "is no file, folder or link that belongs there";
  // tar would take that content for further members.
  if (member.type !== "0" && member.type !== "S" && member.stored > 0) return "is a folder or a link and has content";
  if (member.name.startsWith("/")) return "has an absolute path";
  if (parts.includes("..")) return "would be unpacked outside its folder";
  let path = "";
  for (const part of parts.slice(0, -1)) {
    path = path === "" ? part : `${path}/${part}`;
    if (links.has(path)) return "leads through a link";
  }
  return undefined;
}
