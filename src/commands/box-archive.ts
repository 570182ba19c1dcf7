/** `box archive`: boxes from a registry, a catalog or an address → a share, with their records and catalogs. */
import path from "node:path";
import type { BoxRecord } from "../boxes/catalog.ts";
import { publicAddress } from "../boxes/fetch/address.ts";
import { type Archiving, archiveOne, type Lead } from "../boxes/fetch/archive-one.ts";
import { addressOf, type Found, fromAddress, fromRegistry, IDLE_MS, registryOf } from "../boxes/fetch/registry.ts";
import { choose, type Wanted } from "../boxes/fetch/upstream.ts";
import { boxPath, checkBoxId } from "../boxes/layout.ts";
import { checkShareFolder, readSettings, settingsWith } from "../boxes/share.ts";
import { parseConstraint } from "../boxes/versions.ts";
import { type Problem, UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";

export interface BoxArchiveOptions {
  folder: string;
  /** A box's name, an address or a file. */
  source: string;
  share: string;
  /** A constraint; of a bare box its version. */
  version?: string;
  provider?: string[];
  arch?: string[];
  allVersions?: boolean;
  /** Of a bare box; else the catalog says it. */
  name?: string;
}

export interface ArchivedBox {
  name: string;
  version: string;
  provider?: string;
  arch?: string;
  status: "added" | "present" | "failed";
  box?: string;
  record?: BoxRecord;
  /** Bytes that came over the network in this run. */
  fetched: number;
  message?: string;
}

export interface BoxArchiveResult {
  share: string;
  catalog?: string;
  boxes: ArchivedBox[];
  catalogs: string[];
  /** What the catalog says and nobody can use, in words; where all of it was wanted. */
  unusable?: string[];
}

/** What ends the whole run: the next box would meet it too. */
const ENDS_ALL = new Set(["interrupted", "disk-full"]);

/**
 * Throws UserError `usage`, `unreachable`, `integrity`, `refused`, `busy`, `disk-full`, `interrupted`. What could be
 * had is in the share also when something else could not; the error's result says which.
 */
export async function boxArchive(deps: Deps, options: BoxArchiveOptions): Promise<BoxArchiveResult> {
  const share = path.resolve(options.share);
  const wanted = readWanted(options);
  const registry = registryOf(deps.env);
  if (registry.token) deps.log.redact(registry.token.value);
  const address = await addressOf(options.source, options.folder);
  if (options.name !== undefined) checkBoxId({ name: options.name, version: "0", provider: "x", arch: "x" });
  await checkShareFolder(share);
  settingsWith(await readSettings(share), share, []);
  const found =
    address === undefined
      ? await fromRegistry(deps, registry, options.source)
      : await fromAddress(deps, address, registry.token, options.name);
  const leads = found ? chosen(deps, found, wanted, options) : [bare(address ?? "", options)];
  const job: Archiving = { share, token: registry.token, idleMs: IDLE_MS, catalog: found?.catalog };
  const catalog = found ? { catalog: found.catalog } : {};
  const result: BoxArchiveResult = { share, ...catalog, boxes: [], catalogs: [] };
  const failures: UserError[] = [];
  for (const lead of leads) {
    const { name, version, provider, arch } = lead;
    const title = { name, version, ...(provider ? { provider } : {}), ...(arch ? { arch } : {}) };
    try {
      const { status, record, fetched, catalogs } = await archiveOne(deps, job, lead);
      const box = path.join(share, boxPath(record));
      result.boxes.push({ ...title, provider: record.provider, arch: record.arch, status, box, record, fetched });
      result.catalogs = [...new Set([...result.catalogs, ...catalogs])];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      result.boxes.push({ ...title, status: "failed", fetched: 0, message: error.message });
      failures.push(error);
      if (ENDS_ALL.has(error.code)) break;
    }
  }
  const faults = wanted.allVersions || leads.length === 0 ? (found?.offers.faults ?? []) : [];
  if (faults.length > 0) result.unusable = [...faults];
  if (failures.length + faults.length > 0) throw failed(failures, faults, result, found);
  return result;
}

function readWanted(options: BoxArchiveOptions): Wanted {
  const clauses = parseConstraint(options.version ?? "");
  if (!clauses)
    throw new UserError({
      code: "usage",
      message: `${JSON.stringify(options.version)} is no version and no constraint.`,
      hint: 'Write 13.1.0, or as Vagrant does: ">= 13.1, < 14".',
    });
  const { provider = [], arch = [], allVersions = false } = options;
  return { clauses, providers: provider, archs: arch, allVersions };
}

function chosen(deps: Deps, found: Found, wanted: Wanted, options: BoxArchiveOptions): Lead[] {
  const { boxes, faults, name } = found.offers;
  const offers = choose(boxes, wanted);
  if (offers.length === 0 && faults.length === 0) throw nothing(found, options);
  if (!wanted.allVersions && offers.length > 0)
    for (const fault of faults.slice(0, 20))
      deps.reporter.emit({ type: "say", level: "warning", text: `The catalog of ${name}: ${fault}.` });
  return offers;
}

function nothing({ offers, catalog }: Found, options: BoxArchiveOptions): UserError {
  const versions = [...new Set(offers.boxes.map((box) => box.version))];
  const providers = [...new Set(offers.boxes.map((box) => `${box.provider} (${box.arch})`))];
  return new UserError({
    code: "unreachable",
    message: `${catalog} offers no box of ${offers.name} that was asked for${options.version ? ` (version ${options.version})` : ""}.`,
    hint:
      versions.length === 0
        ? "It lists no box at all."
        : `It has the versions ${versions.slice(-5).join(", ")} for ${providers.slice(0, 8).join(", ")}.`,
  });
}

/** A bare box: its name and version are nowhere but on the command line. */
function bare(url: string, { name, version, provider, arch, source }: BoxArchiveOptions): Lead {
  const hint = "Say what it is: --name owner/name --version 1.2.3. A file of this computer: `notebox box publish`.";
  if (url.startsWith("file:"))
    throw new UserError({ code: "usage", message: `${source} is a file, but no catalog.`, hint });
  if (name === undefined || version === undefined)
    throw new UserError({
      code: "usage",
      message: `${publicAddress(url)} is a box without a catalog: nothing says its name and version.`,
      hint,
    });
  if ((provider?.length ?? 0) > 1 || (arch?.length ?? 0) > 1)
    throw new UserError({ code: "usage", message: "One box is for one provider and one architecture.", hint });
  checkBoxId({ name, version, provider: provider?.[0] ?? "x", arch: arch?.[0] ?? "x" });
  return {
    name,
    version,
    url,
    ...(provider?.[0] ? { provider: provider[0] } : {}),
    ...(arch?.[0] ? { arch: arch[0] } : {}),
  };
}

function failed(
  failures: readonly UserError[],
  faults: readonly string[],
  result: BoxArchiveResult,
  found: Found | undefined,
): UserError {
  const [first] = failures;
  const ending = failures.find(({ code }) => ENDS_ALL.has(code));
  const problems: Problem[] = [
    ...failures.flatMap((error) => [
      { id: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) },
    ]),
    ...faults.slice(0, 50).map((message) => ({ id: "catalog", message })),
  ];
  const main = ending ?? first;
  if (main && problems.length === 1)
    return new UserError({
      code: main.code,
      message: main.message,
      ...(main.hint === undefined ? {} : { hint: main.hint }),
      problems: main.problems,
      result,
      cause: main,
    });
  const had = result.boxes.filter(({ status }) => status !== "failed").length;
  return new UserError({
    code: main?.code ?? "integrity",
    message: main
      ? `${failures.length} of ${result.boxes.length} boxes could not be archived; ${had} are in the share.`
      : `The catalog ${found?.catalog} offers what nobody can use; ${had} ${had === 1 ? "box is" : "boxes are"} in the share.`,
    hint: main
      ? "Run the same command again: only what is missing is fetched."
      : "Tell whoever keeps that catalog. What can be used has been archived.",
    problems,
    result,
    ...(main ? { cause: main } : {}),
  });
}
