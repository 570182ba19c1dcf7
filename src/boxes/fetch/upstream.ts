/**
 * Other people's catalogs: their text → the boxes they offer, and which of those are wanted. Pure, and wary: what
 * stands in a catalog may be wrong or meant badly. Where catalogs are found is registry.ts's.
 */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { UserError } from "../../errors.ts";
import { FOR_NOBODY } from "../catalog.ts";
import { type BoxId, checkBoxId } from "../layout.ts";
import { type Clause, compareVersions, satisfies } from "../versions.ts";
import { type Checksum, readChecksum } from "./checksum.ts";

/** A box that upstream offers. */
export interface Offer extends BoxId {
  url: string;
  promised?: Checksum;
}

export interface Offers {
  name: string;
  boxes: Offer[];
  /** What the catalog says and nobody can use, in words. */
  faults: string[];
}

/** As much as Vagrant itself reads of a file (lib/vagrant/action/builtin/box_add.rb). */
export const CATALOG_LIMIT = 20 * 1024 * 1024;
const BOXES_LIMIT = 50_000;
/** Vagrant's word for boxes that do not say what they are for. */
const UNKNOWN = "unknown";

/**
 * `from` is the catalog's own address, `expected` the box that was asked for.
 * Throws UserError `integrity` for what is no catalog, or another box's.
 */
export function readCatalog(text: string, from: string, expected: string | undefined): Offers {
  const refuse = (why: string): UserError =>
    new UserError({
      code: "integrity",
      message: `${from} is no catalog that can be used: ${why}.`,
      hint: "Ask whoever keeps it; nothing was fetched.",
    });
  let data: unknown;
  try {
    data = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw refuse("it is not JSON");
  }
  if (!isObject(data) || !Array.isArray(data["versions"])) throw refuse("it holds no list of versions");
  const name = data["name"];
  if (typeof name !== "string") throw refuse("it does not say which box it is of");
  if (expected !== undefined && name.toLowerCase() !== expected.toLowerCase())
    throw refuse(`it is of ${quoted(name)}, not of ${expected}`);
  const title = expected ?? name;
  const fault = idFault({ name: title, version: "0", provider: "x", arch: "x" });
  if (fault) throw refuse(fault);
  const offers: Offers = { name: title, boxes: [], faults: [] };
  const seen = new Set<string>();
  for (const version of data["versions"]) {
    if (!isObject(version) || !Array.isArray(version["providers"])) {
      offers.faults.push("a version without a list of providers");
      continue;
    }
    for (const entry of version["providers"]) {
      // Another share's word to old Vagrants.
      if (isObject(entry) && entry["architecture"] === FOR_NOBODY) continue;
      const read = readOffer(title, version["version"], entry, from);
      if (typeof read === "string") offers.faults.push(read);
      else {
        const key = `${read.version}/${read.provider}/${read.arch}`.toLowerCase();
        if (seen.has(key)) offers.faults.push(`${key} is listed twice`);
        else offers.boxes.push(read);
        seen.add(key);
      }
      if (offers.boxes.length + offers.faults.length > BOXES_LIMIT)
        throw refuse("it lists more boxes than anybody has");
    }
  }
  return offers;
}

function readOffer(name: string, version: unknown, entry: unknown, from: string): Offer | string {
  if (!isObject(entry)) return `${quoted(version)}: a provider that is no object`;
  const provider = entry["name"];
  const arch = entry["architecture"] ?? UNKNOWN;
  if (typeof version !== "string" || typeof provider !== "string" || typeof arch !== "string")
    return `${quoted(version)}: version, provider and architecture must be texts`;
  const id: BoxId = { name, version: version.trim(), provider, arch: arch === "" ? UNKNOWN : arch };
  const fault = idFault(id);
  if (fault) return fault;
  const place = `${id.version} for ${provider} (${id.arch})`;
  const url = typeof entry["url"] === "string" ? boxUrl(entry["url"], from) : undefined;
  if (url === undefined) return `${place}: ${quoted(entry["url"])} is no address that a box can be fetched from`;
  const promised = readChecksum(entry["checksum_type"], entry["checksum"]);
  if (promised !== undefined && "fault" in promised) return `${place}: ${promised.fault}`;
  return { ...id, url, ...(promised === undefined ? {} : { promised }) };
}

function idFault(id: BoxId): string | undefined {
  try {
    checkBoxId(id);
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error.message.replace(/\.$/, "");
    throw error;
  }
}

/**
 * The address of a box in a catalog that lies at `from`. Web addresses may be relative to it; a catalog from the web
 * must not name files of this computer.
 */
function boxUrl(text: string, from: string): string | undefined {
  const local = from.startsWith("file:");
  const plain = text.trim();
  if (plain === "" || [...plain].some((char) => char < " ")) return undefined;
  if (local && (plain.startsWith("/") || /^[a-z]:[\\/]/i.test(plain) || plain.startsWith("\\\\")))
    return pathToFileURL(path.resolve(plain)).href;
  if (!URL.canParse(plain, from)) return undefined;
  const url = new URL(plain, from);
  if (url.protocol === "file:") return local ? url.href : undefined;
  return url.protocol === "http:" || url.protocol === "https:" ? url.href : undefined;
}

export interface Wanted {
  clauses: readonly Clause[];
  /** Empty: all. */
  providers: readonly string[];
  archs: readonly string[];
  allVersions: boolean;
}

/**
 * The offers that are wanted, oldest first. Without `allVersions` that is, for each provider and architecture asked
 * for, the newest version that has a box for it, which is the one that Vagrant takes.
 */
export function choose(offers: readonly Offer[], wanted: Wanted): Offer[] {
  const fitting = offers.filter((offer) => satisfies(offer.version, wanted.clauses));
  const chosen = new Set<Offer>();
  for (const provider of wanted.providers.length > 0 ? wanted.providers : [undefined]) {
    for (const arch of wanted.archs.length > 0 ? wanted.archs : [undefined]) {
      const own = fitting.filter(
        (offer) => (provider === undefined || offer.provider === provider) && isFor(arch, offer, fitting),
      );
      const last = [...own].sort((a, b) => compareVersions(a.version, b.version)).at(-1);
      for (const offer of own) {
        if (wanted.allVersions || (last && compareVersions(offer.version, last.version) === 0)) chosen.add(offer);
      }
    }
  }
  return [...chosen].sort((a, b) => compareVersions(a.version, b.version) || (a.provider < b.provider ? -1 : 1));
}

/** Where a version has no box that says it is for this architecture, Vagrant takes the one that says nothing. */
function isFor(arch: string | undefined, offer: Offer, all: readonly Offer[]): boolean {
  if (arch === undefined || offer.arch === arch) return true;
  if (offer.arch !== UNKNOWN) return false;
  return !all.some(
    (other) => other.version === offer.version && other.provider === offer.provider && other.arch === arch,
  );
}

function isObject(data: unknown): data is Record<string, unknown> {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}

function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
