/** Checksums as catalogs give them: which types Vagrant knows, and whether a box has the one it was promised. Pure. */
import type { Digest, HashType } from "../digest.ts";

export interface Checksum {
  type: HashType;
  /** Lower-case hex. */
  value: string;
}

const LENGTHS: Readonly<Record<string, number>> = { md5: 32, sha1: 40, sha256: 64, sha384: 96, sha512: 128 };

/** The checksum, undefined where there is none (as Vagrant sees it: both must be there), or what is wrong with it. */
export function readChecksum(type: unknown, value: unknown): Checksum | undefined | { fault: string } {
  if (typeof type !== "string" || typeof value !== "string" || type.trim() === "" || value.trim() === "")
    return undefined;
  const name = type.trim().toLowerCase().replace(/^sha-/, "sha");
  const hex = value.trim().toLowerCase();
  const length = Object.hasOwn(LENGTHS, name) ? LENGTHS[name] : undefined;
  if (length === undefined)
    return { fault: `its checksum is of the type ${JSON.stringify(type.slice(0, 40))}, which nobody knows` };
  if (hex.length !== length || !/^[0-9a-f]+$/.test(hex)) return { fault: `its checksum is no ${name}` };
  return { type: name as Checksum["type"], value: hex };
}

/** The hash that has to be made beside sha256, sha1 and md5. */
export function extraHash(checksum: Checksum | undefined): HashType | undefined {
  return checksum?.type === "sha384" || checksum?.type === "sha512" ? checksum.type : undefined;
}

/** What the bytes have instead of the promised checksum; undefined when they have it, or none was promised. */
export function otherThan(checksum: Checksum | undefined, digest: Digest): string | undefined {
  if (checksum === undefined) return undefined;
  const found = digest[checksum.type];
  return found === checksum.value ? undefined : (found ?? "nothing");
}

/** "sha256:…", as a part's state notes what was promised. */
export function spelledChecksum(checksum: Checksum | undefined): string | undefined {
  return checksum === undefined ? undefined : `${checksum.type}:${checksum.value}`;
}
