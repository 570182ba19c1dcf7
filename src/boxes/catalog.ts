/**
 * Vagrant's catalogs: one JSON file per box and door, made from the records of a share. Pure.
 * What Vagrant reads of it: lib/vagrant/box_metadata.rb; addresses are absolute, see doors.ts.
 */

import type { Digest } from "./digest.ts";
import { boxAddress, refusalAddress } from "./doors.ts";
import type { BoxId } from "./layout.ts";
import { compareVersions } from "./versions.ts";

/** A box of a share, as its record beside it says. */
export interface BoxRecord extends BoxId, Digest {
  /** Where it came from: a file's name, or the address it was fetched from. */
  source: string;
  /** What the source itself said the checksum was. */
  upstream?: { type: string; value: string };
  /** What the source was, where the box is kept without the packing that it came in. */
  original?: Digest & { packed: "gzip" };
  /** The way here of a box that was fetched. */
  fetched?: { url: string; catalog?: string; redirects: string[]; headers: Record<string, string>; at: string };
  /** Bytes of its files, unpacked. */
  unpacked?: number;
  /** ISO 8601. */
  published: string;
  /** "notebox 0.1.0" */
  by: string;
}

interface CatalogProvider {
  name: string;
  url: string;
  checksum_type: "sha256";
  checksum: string;
  /** One of Vagrant's, or FOR_NOBODY. */
  architecture: string;
  default_architecture: boolean;
}

/** What most computers are; where Vagrant 2.3 cannot tell architectures apart, it takes the last one listed. */
const MAJORITY = "amd64";
/** What the public registry calls the architecture of boxes that are older than the question. */
const UNKNOWN = "unknown";
/**
 * Vagrant up to 2.3 knows no architectures and takes the last entry of a provider. Where none of them is for most
 * computers, it would get a box that cannot run: so the last one is for nobody and leads nowhere, and its address says
 * why. From 2.4 on Vagrant compares architectures, and none has this name, nor has any box of a share.
 */
export const FOR_NOBODY = "vagrant-2.3";

/** The text of one box's catalog behind one door. `records` are that box's, in any order. */
export function catalogText(name: string, door: string, records: readonly BoxRecord[]): string {
  const known = [...new Set(records.map((record) => record.version))].sort(
    // "1.0" and "1.0.0" are one version to Vagrant, but two to a share.
    (a, b) => compareVersions(a, b) || (a < b ? -1 : 1),
  );
  const versions = known.map((version) => {
    const listed = records.filter((record) => record.version === version).sort(byProvider);
    return {
      version,
      providers: listed.flatMap((record, index) => {
        const last = listed[index + 1]?.provider !== record.provider;
        const own = provider(door, record, last);
        return last && !isForMost(record) ? [own, refusal(door, listed, record)] : [own];
      }),
    };
  });
  return `${JSON.stringify({ name, versions }, null, 2)}\n`;
}

/**
 * `isDefault`: whom Vagrant 2.4 gives the box to when the Vagrantfile asks for no architecture (box_metadata.rb,
 * Version#provider), and whoever has one that nobody knows; there is one for each provider, the last listed.
 */
function provider(door: string, record: BoxRecord, isDefault: boolean): CatalogProvider {
  return {
    name: record.provider,
    url: boxAddress(door, record),
    checksum_type: "sha256",
    checksum: record.sha256,
    architecture: record.arch,
    default_architecture: isDefault,
  };
}

/** Also a box that does not say what it is for: those are from before the question, when all were for one kind. */
export function isForMost({ arch }: Pick<BoxId, "arch">): boolean {
  return arch === MAJORITY || arch === UNKNOWN;
}

function refusal(door: string, listed: readonly BoxRecord[], { name, version, provider }: BoxRecord): CatalogProvider {
  const archs = listed.filter((record) => record.provider === provider).map(({ arch }) => arch);
  return {
    name: provider,
    url: refusalAddress(door, { name, version }, archs),
    checksum_type: "sha256",
    // Of nothing, so that whatever lies there is refused too.
    checksum: "0".repeat(64),
    architecture: FOR_NOBODY,
    default_architecture: false,
  };
}

function byProvider(a: BoxRecord, b: BoxRecord): number {
  if (a.provider !== b.provider) return a.provider < b.provider ? -1 : 1;
  const rank = (record: BoxRecord): number => (record.arch === MAJORITY ? 2 : record.arch === UNKNOWN ? 1 : 0);
  return rank(a) - rank(b) || (a.arch < b.arch ? -1 : 1);
}
