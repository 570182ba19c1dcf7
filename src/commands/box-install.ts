/**
 * `box install`: a box of a share into Vagrant's folder of boxes, as Vagrant itself would have it there, but read only
 * once. Where Vagrant is of a version that nobody here has looked at, it does the work itself.
 */
import path from "node:path";
import { fetchPieces } from "../boxes/fetch/fetch-pieces.ts";
import { installBox } from "../boxes/install/install.ts";
import { chooseOffer, type Offer, readOffers } from "../boxes/install/offers.ts";
import { NotUnpackable, readFilePieces } from "../boxes/install/unpack.ts";
import { type Clause, parseConstraint } from "../boxes/versions.ts";
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import {
  type BoxLayout,
  boxesFolder,
  boxFolderName,
  boxLayout,
  boxPlace,
  hostArchitecture,
} from "../vagrant/box-home.ts";
import { createVagrant, vagrantFailure } from "../vagrant/client.ts";
import { commandLines } from "../vagrant/command-lines.ts";
import { withVagrantHome } from "../vagrant/home.ts";
import { requireVagrant } from "../vagrant/installed.ts";

export interface BoxInstallOptions {
  folder: string;
  name: string;
  /** A folder, or the address of an http door. */
  share: string;
  /** Vagrant's constraint syntax. */
  version?: string;
  provider?: string;
  arch?: string;
}

export interface BoxInstallResult {
  /** False when it was there already. */
  installed: boolean;
  /** Who put it there. */
  by: "notebox" | "vagrant";
  name: string;
  version: string;
  provider: string;
  arch: string;
  /** Where it is, when notebox put it there or found it. */
  box?: string;
  /** What Vagrant will ask for updates. */
  catalog?: string;
}

/**
 * Throws UserError `usage`, `missing-program` (Vagrant), `unreachable` (the share, or no such box in it), `integrity`,
 * `disk-full`, `busy`, `refused` (an architecture that this Vagrant cannot tell apart), `vagrant`, `interrupted`.
 */
export async function boxInstall(given: Deps, options: BoxInstallOptions): Promise<BoxInstallResult> {
  const clauses = parseVersion(options.version);
  const deps = await withVagrantHome(given);
  const [vagrantVersion, { offers, catalog }] = await Promise.all([
    requireVagrant(deps, options.folder),
    readOffers(deps, options.share, options.name),
  ]);
  const arch = options.arch ?? hostArchitecture(deps);
  const offer = chooseOffer(options.share, options.name, offers, {
    clauses,
    arch,
    ...(options.provider === undefined ? {} : { provider: options.provider }),
  });
  const layout = boxLayout(vagrantVersion);
  if (layout === "flat" && offer.arch !== "unknown" && offer.arch !== hostArchitecture(deps))
    throw new UserError({
      code: "refused",
      message: `Vagrant ${vagrantVersion} cannot tell architectures apart: it would start the box for ${offer.arch} on this computer.`,
      hint: "Install it on a computer of that kind, or with Vagrant 2.4.",
    });
  const { name, version, provider } = offer;
  const found = { name, version, provider, arch: offer.arch, ...(catalog === undefined ? {} : { catalog }) };
  if (layout === undefined)
    return await addByVagrant(deps, found, {
      why: `notebox does not know how Vagrant ${vagrantVersion} keeps its boxes`,
      knowsArchitectures: true,
    });
  if (catalog === undefined)
    deps.reporter.emit({
      type: "say",
      level: "warning",
      text: `No door of the share leads to ${options.share} or to a server, so Vagrant will not hear of newer versions; \`notebox box rebase\` adds a door.`,
    });
  try {
    return { ...found, ...(await install(deps, layout, offer, catalog)), by: "notebox" };
  } catch (error) {
    if (!(error instanceof NotUnpackable)) throw error;
    return await addByVagrant(deps, found, {
      why: `notebox cannot unpack this box (${error.message})`,
      knowsArchitectures: layout === "architectures",
    });
  }
}

function parseVersion(text = ""): Clause[] {
  const clauses = parseConstraint(text);
  if (clauses !== undefined) return clauses;
  throw new UserError({
    code: "usage",
    message: `${JSON.stringify(text)} is no version constraint of Vagrant's.`,
    hint: 'Write it like 13.1.0, ">= 13.1" or "~> 13.1, != 13.1.2".',
  });
}

/** Puts that box where Vagrant looks for it. `catalog` is noted as its source of updates. */
export async function install(
  deps: Deps,
  layout: BoxLayout,
  offer: Offer,
  catalog: string | undefined,
): Promise<{ installed: boolean; box: string }> {
  const boxFolder = path.join(boxesFolder(deps), boxFolderName(offer.name, deps.platform));
  const place = boxPlace(layout, offer);
  const id = "unpack";
  const title = `Unpacking the box ${offer.name} ${offer.version}`;
  deps.reporter.emit({ type: "step-start", id, title });
  try {
    const onBytes = ({ done, total = offer.size }: { done: number; total?: number | undefined }): void =>
      deps.reporter.emit({ type: "step-bytes", id, done, ...(total === undefined ? {} : { total }) });
    const installed = await installBox(deps, {
      ...{ offer, boxFolder, place },
      ...(catalog === undefined ? {} : { metadataUrl: catalog }),
      pieces: () =>
        /^https?:/i.test(offer.address)
          ? fetchPieces(deps, offer.address, onBytes)
          : readFilePieces(offer.address, (done) => onBytes({ done }), deps.signal),
    });
    deps.reporter.emit({ type: "step-done", id, ...(installed ? {} : { note: "it was there" }) });
    return { installed, box: path.join(boxFolder, place) };
  } catch (error) {
    deps.reporter.emit({ type: "step-failed", id });
    throw error;
  }
}

async function addByVagrant(
  deps: Deps,
  found: Omit<BoxInstallResult, "installed" | "by">,
  { why, knowsArchitectures }: { why: string; knowsArchitectures: boolean },
): Promise<BoxInstallResult> {
  const { catalog, version, provider, arch } = found;
  if (catalog === undefined)
    throw new UserError({
      code: "missing-program",
      message: `${why}, and the share has no catalog for Vagrant's own way.`,
      hint: "Add a door to the share (`notebox box rebase`), or use Vagrant 2.3.4 to 2.4.9.",
    });
  deps.reporter.emit({ type: "say", level: "info", text: `${why}, so \`vagrant box add\` does the work.` });
  const vagrant = createVagrant(deps, { folder: deps.homeDir, anywhere: true });
  const box = { catalog, version, provider, ...(knowsArchitectures && arch !== "unknown" ? { arch } : {}) };
  const run = await vagrant.run(commandLines.boxAdd(box), { steps: "add" });
  const there = run.error?.errorClass.endsWith("BoxAlreadyExists") === true;
  if (run.exitCode !== 0 && !there) throw vagrantFailure("box add", run);
  return { ...found, installed: !there, by: "vagrant" };
}
