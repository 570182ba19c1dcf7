/**
 * Vagrant's catalogs: one JSON file per box and door, made from the records of a share. Pure.
 * What Vagrant reads of it: lib/vagrant/box_metadata.rb; addresses are absolute, see doors.ts.
 */
import { boxAddress } from "./doors.ts";
import type { BoxId } from "./layout.ts";
import type { Digest } from "./receive.ts";
import { compareVersions } from "./versions.ts";

/** A box of a share, as its record beside it says. */
export interface BoxRecord extends BoxId, Digest {
  /** Where it came from: a file's name, or the address it was fetched from. */
  source: string;
  /** What the source itself said the checksum was. */
  upstream?: { type: string; value: string };
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
  architecture: string;
  default_architecture: boolean;
}

/** What most computers are; where Vagrant 2.3 cannot tell architectures apart, it takes the last one listed. */
const MAJORITY = "amd64";

/** The text of one box's catalog behind one door. `records` are that box's, in any order. */
export function catalogText(name: string, door: string, records: readonly BoxRecord[]): string {
  const known = [...new Set(records.map((record) => record.version))].sort(compareVersions);
  const versions = known.map((version) => ({
    version,
    providers: records
      .filter((record) => record.version === version)
      .sort(byProvider)
      .map((record) => provider(door, record)),
  }));
  return `${JSON.stringify({ name, versions }, null, 2)}\n`;
}

function provider(door: string, record: BoxRecord): CatalogProvider {
  return {
    name: record.provider,
    url: boxAddress(door, record),
    checksum_type: "sha256",
    checksum: record.sha256,
    architecture: record.arch,
    default_architecture: record.arch === MAJORITY,
  };
}

function byProvider(a: BoxRecord, b: BoxRecord): number {
  if (a.provider !== b.provider) return a.provider < b.provider ? -1 : 1;
  const rank = (record: BoxRecord): number => (record.arch === MAJORITY ? 1 : 0);
  return rank(a) - rank(b) || (a.arch < b.arch ? -1 : 1);
}
