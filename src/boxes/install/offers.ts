/**
 * Which boxes of one name a share offers, by its records (a folder) or its catalog (an http door), and which of them
 * is wanted. Reading them is installing's and others' work.
 */

import fs from "node:fs/promises";
import path from "node:path";
import { UserError } from "../../errors.ts";
import type { Deps } from "../../ports.ts";
import { nearest } from "../../workbench/suggest.ts";
import { FOR_NOBODY } from "../catalog.ts";
import { catalogAddress, catalogUrl, doorSlug, parseDoor } from "../doors.ts";
import { type BoxId, boxPath, catalogPath } from "../layout.ts";
import { listNames, listRecords, requireSettings } from "../share.ts";
import { type Clause, compareVersions, newest } from "../versions.ts";

export interface Offer extends BoxId {
  /** A file's absolute path, or an address. */
  address: string;
  sha256: string;
  /** In bytes; a catalog does not say it. */
  size?: number;
}

export interface Offers {
  offers: Offer[];
  /** The catalog that Vagrant is to ask for updates, as Vagrant itself notes it; none when no door leads here. */
  catalog?: string;
}

/** Throws UserError `unreachable` when the share cannot be read or has no such box, `integrity`. */
export async function readOffers(deps: Pick<Deps, "http" | "signal">, share: string, name: string): Promise<Offers> {
  return /^https?:/i.test(share) ? await overHttp(deps, share, name) : await inFolder(path.resolve(share), name);
}

async function inFolder(share: string, name: string): Promise<Offers> {
  const settings = await requireSettings(share);
  const records = await listRecords(share, name);
  if (records.length === 0) throw noSuchBox(share, name, nearest(name, await listNames(share)));
  const offers = records.map(({ version, provider, arch, sha256, size }) => {
    const id = { name, version, provider, arch };
    return { ...id, sha256, size, address: path.join(share, boxPath(id)) };
  });
  const door = await doorHere(share, settings.doors, name);
  return { offers, ...(door === undefined ? {} : { catalog: catalogUrl(door, name) }) };
}

/** The folder itself when it is a door; else one that computers other than IT's can reach too. */
async function doorHere(share: string, doors: readonly string[], name: string): Promise<string | undefined> {
  const own = ownDoor(share);
  if (own !== undefined && (await fs.stat(path.join(share, catalogPath(doorSlug(own), name))).catch(() => undefined)))
    return own;
  const rank = { http: 0, unc: 1, drive: 2, folder: 3 } as const;
  const [first] = [...doors].sort((a, b) => rank[parseDoor(a).kind] - rank[parseDoor(b).kind]);
  return first !== undefined && parseDoor(first).kind !== "folder" ? first : undefined;
}

function ownDoor(share: string): string | undefined {
  try {
    return parseDoor(share).text;
  } catch {
    return undefined;
  }
}

interface CatalogData {
  name?: unknown;
  versions?: { version?: unknown; providers?: Record<string, unknown>[] }[];
}

async function overHttp(deps: Pick<Deps, "http" | "signal">, share: string, name: string): Promise<Offers> {
  const catalog = catalogAddress(share, name);
  const { status, body } = await deps.http.request({
    url: catalog,
    headers: { accept: "application/json" },
    timeoutMs: 30_000,
    signal: deps.signal,
  });
  if (status === 404) throw noSuchBox(share, name, undefined);
  if (status !== 200)
    throw new UserError({
      code: "unreachable",
      message: `${catalog} cannot be read: the server answers ${status}.`,
      hint: "Check the address, or ask the people who keep the share.",
    });
  return { offers: parseCatalog(body, catalog, name), catalog };
}

/** Only what has a SHA-256 is offered, which every catalog of a share has. */
function parseCatalog(body: string, catalog: string, name: string): Offer[] {
  let data: CatalogData;
  try {
    data = JSON.parse(body) as CatalogData;
    if (data.name !== name || !Array.isArray(data.versions)) throw new SyntaxError(`it is no catalog of ${name}`);
  } catch (error) {
    throw new UserError({
      code: "integrity",
      message: `${catalog} cannot be used: ${error instanceof Error ? error.message : String(error)}.`,
      hint: "Ask the people who keep the share to make its catalogs anew.",
      cause: error,
    });
  }
  return data.versions.flatMap(({ version, providers }) =>
    (Array.isArray(providers) ? providers : []).flatMap((entry): Offer[] => {
      const { name: provider, url, checksum, checksum_type: type, architecture: arch } = entry;
      if (arch === FOR_NOBODY) return [];
      const texts = [version, provider, url, checksum, arch ?? "unknown"];
      if (type !== "sha256" || !texts.every((text) => typeof text === "string")) return [];
      const [v = "", p = "", address = "", sha256 = "", a = ""] = texts as string[];
      const plain = [v, p, a].every((part) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(part));
      const fetched = /^https?:/i.test(address) && /^[0-9a-f]{64}$/i.test(sha256);
      return plain && fetched
        ? [{ name, version: v, provider: p, arch: a, address, sha256: sha256.toLowerCase() }]
        : [];
    }),
  );
}

function noSuchBox(share: string, name: string, meant: string | undefined): UserError {
  return new UserError({
    code: "unreachable",
    message: `The share ${share} has no box ${name}.`,
    hint: meant === undefined ? "`notebox box list` shows what it has." : `Did you mean ${meant}?`,
  });
}

export interface Wanted {
  clauses: readonly Clause[];
  /** Without one, the only one there is. */
  provider?: string;
  arch: string;
}

/** The newest box that fits. Throws UserError `unreachable` when none does, `usage` when the provider must be said. */
export function chooseOffer(share: string, name: string, offers: readonly Offer[], wanted: Wanted): Offer {
  const { provider, arch } = wanted;
  const forProvider = offers.filter((offer) => provider === undefined || offer.provider === provider);
  if (forProvider.length === 0) throw none(share, name, `for ${provider}`, offers, (offer) => offer.provider);
  // A box that does not say what it is for counts as the computer's own, as Vagrant has it, if no other does.
  const exact = forProvider.filter((offer) => offer.arch === arch);
  const fitting = exact.length > 0 ? exact : forProvider.filter((offer) => offer.arch === "unknown");
  if (fitting.length === 0) throw none(share, name, `for ${arch}`, forProvider, (offer) => offer.arch);
  const version = newest([...new Set(fitting.map((offer) => offer.version))], wanted.clauses);
  const last = fitting.filter((offer) => offer.version === version);
  const [only] = last;
  if (only === undefined)
    throw none(share, name, "in a version that fits", newestFirst(fitting), (offer) => offer.version);
  if (last.length === 1) return only;
  throw new UserError({
    code: "usage",
    message: `${name} ${only.version} is there for ${last.map((offer) => offer.provider).join(" and ")}.`,
    hint: `Say which with --provider ${only.provider}.`,
  });
}

const newestFirst = (offers: readonly Offer[]): Offer[] =>
  [...offers].sort((a, b) => compareVersions(b.version, a.version));

function none(
  share: string,
  name: string,
  what: string,
  there: readonly Offer[],
  shown: (offer: Offer) => string,
): UserError {
  return new UserError({
    code: "unreachable",
    message: `The share ${share} has ${name}, but not ${what}.`,
    hint: `It has: ${[...new Set(there.map(shown))].join(", ")}.`,
  });
}
