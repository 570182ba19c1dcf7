/**
 * `render --zip`: the hand-out. Workbench file, bundle, the author's files under originals/, and with --with-box the
 * box; nothing goes in that has not been looked through for secrets and personal data.
 */
import path from "node:path";
import { parseDoor } from "../boxes/doors.ts";
import { compare } from "../bundle/changes.ts";
import { packGuest } from "../bundle/guest-tar.ts";
import { findOwnFiles } from "../bundle/handout.ts";
import { type BoxInHandout, boxForHandout } from "../bundle/handout-box.ts";
import { sharedFolders } from "../bundle/plan.ts";
import type { PlannedFile } from "../bundle/planned-file.ts";
import { RENDERED, recordOf, renderedText } from "../bundle/rendered.ts";
import { scanFiles } from "../bundle/scan.ts";
import { FAT32_BYTES, writeZip, type ZipEntry } from "../bundle/zip.ts";
import { type Problem, UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { FILE_NAME } from "../workbench/file.ts";
import type { Workbench } from "../workbench/model.ts";
import { laidOut, ORIGINALS } from "../workbench/originals.ts";

export interface HandOutOptions {
  zip: string;
  withBox?: boolean;
  /** The share to take the box from; else the workbench's first door that is a folder. */
  boxShare?: string;
  dryRun?: boolean;
}

export interface HandOut {
  file: string;
  bytes: number;
  files: number;
  /** Everything in it; bytes are those of the files themselves, folders have none. */
  content: { path: string; bytes?: number }[];
  /** With --with-box. */
  box?: { name: string; version: string; bytes: number };
  skipped: { path: string; why: string }[];
}

/** Throws UserError `invalid` for what must not go out, `unreachable` for a box that is not to be had, as writeZip. */
export async function handOut(
  deps: Deps,
  options: HandOutOptions,
  workbench: Workbench,
  rendered: readonly PlannedFile[],
  state: readonly PlannedFile[],
): Promise<HandOut> {
  const planned = packGuest(rendered);
  const file = path.resolve(options.zip);
  const warn = (text: string): void => deps.reporter.emit({ type: "say", level: "warning", text });
  const own = await findOwnFiles(workbench, file);
  await refuseUnstarted(workbench, own.files);
  await refuseFinds(workbench, own.files);
  await warnOfHandWork(warn, workbench, rendered);
  for (const { path: name, why } of own.skipped) warn(`${name} is not in the hand-out: ${why}.`);
  for (const name of unusedAllowances(workbench, own.files))
    warn(`handout.allow names ${name}, and there is no such file in the hand-out.`);
  const box = options.withBox ? await findBox(workbench, options.boxShare) : undefined;
  const inside = (name: string): string => `${workbench.name}/${name}`;
  const record = { path: RENDERED, content: Buffer.from(renderedText(deps.version, recordOf(planned)), "utf8") };
  const place = (name: string): string => inside(isShared(workbench, name) ? `${ORIGINALS}/${name}` : name);
  const entries: ZipEntry[] = [
    ...[...planned, ...state, record].map((entry) => ({ ...entry, path: inside(entry.path) })),
    ...own.files.map((name) => ({
      path: place(name),
      source: path.join(workbench.folder, name),
      within: workbench.folder,
    })),
    // By this the start knows a workbench.yaml that somebody changed, when a newer hand-out is unpacked over it.
    {
      path: inside(`${ORIGINALS}/${FILE_NAME}`),
      source: path.join(workbench.folder, FILE_NAME),
      within: workbench.folder,
    },
    ...own.folders.map((name) => ({ path: place(`${name}/`) })),
    ...(box?.entries ?? []).map((entry) => ({ ...entry, path: inside(entry.path) })),
  ];
  const { bytes, sizes } = options.dryRun
    ? { bytes: 0, sizes: new Map<string, number>() }
    : await writeZip(file, entries, deps.processes, deps.signal);
  if (bytes > FAT32_BYTES) {
    warn(`${file} is larger than 4 GiB, the most that a stick with FAT32 takes: format it as exFAT or NTFS.`);
  }
  const content = entries.map(({ path: name }) => {
    const size = sizes.get(name);
    return { path: name, ...(size === undefined ? {} : { bytes: size }) };
  });
  return {
    ...{ file, bytes, files: entries.filter((entry) => !entry.path.endsWith("/")).length },
    content: content.sort((a, b) => (a.path < b.path ? -1 : 1)),
    ...(box === undefined ? {} : { box: { name: workbench.box.name, version: box.version, bytes: box.bytes } }),
    skipped: own.skipped,
  };
}

function isShared(workbench: Workbench, name: string): boolean {
  return sharedFolders(workbench).includes(name.split("/")[0] ?? "");
}

/** Handing on a hand-out whose notebooks have not been laid out yet would hand on none. */
async function refuseUnstarted(workbench: Workbench, files: readonly string[]): Promise<void> {
  const originals = await findOwnFiles({ ...workbench, folder: path.join(workbench.folder, ORIGINALS) }, "").catch(
    () => undefined,
  );
  const known = new Set([...files, ...(await laidOut(workbench.folder))]);
  const missing = (originals?.files ?? []).filter((name) => isShared(workbench, name) && !known.has(name));
  if (missing.length === 0) return;
  throw new UserError({
    code: "refused",
    message: `This folder is a hand-out itself, and ${missing.length} of its files still lie in ${ORIGINALS}/ only: they would be missing.`,
    hint: "Start it once (`notebox up`), or copy them to their places; then run the same command again.",
    problems: missing.slice(0, 20).map((name) => ({ id: "not-laid-out", message: `${ORIGINALS}/${name}` })),
  });
}

async function refuseFinds(workbench: Workbench, files: readonly string[]): Promise<void> {
  const { allow, patterns } = workbench.handout;
  const problems: Problem[] = await scanFiles({ folder: workbench.folder, files, allow, patterns });
  if (problems.length === 0) return;
  throw new UserError({
    code: "invalid",
    message: `Nothing was written: ${problems.length === 1 ? "something" : `${problems.length} things`} in these files must not be handed out.`,
    hint: "Mend what is named above and run the same command again.",
    problems,
  });
}

function unusedAllowances({ handout }: Workbench, files: readonly string[]): string[] {
  return handout.allow.filter((each) => {
    const name = each.replace(/\/$/, "");
    return !files.some((file) => file === name || file.startsWith(`${name}/`));
  });
}

async function findBox({ box }: Workbench, boxShare: string | undefined): Promise<BoxInHandout> {
  const door = boxShare ?? box.shares.find((each) => parseDoor(each).kind !== "http");
  if (door !== undefined) return await boxForHandout(boxShare === undefined ? door : path.resolve(boxShare), box);
  throw new UserError({
    code: "usage",
    message: "--with-box needs a share that is a folder, and the workbench's doors are none.",
    hint: `Fetch the box into one (\`notebox box archive ${box.name} --share FOLDER\`) and name it: --box-share FOLDER.`,
  });
}

/** The hand-out holds what the workbench says; a Vagrantfile that somebody improved by hand is not in it. */
async function warnOfHandWork(
  warn: (text: string) => void,
  workbench: Workbench,
  planned: readonly PlannedFile[],
): Promise<void> {
  const { changes } = await compare(workbench.folder, planned);
  for (const { path: name, byHand } of changes.filter((change) => change.byHand !== undefined))
    warn(`${name} ${byHand}; the hand-out holds it as rendered, without that.`);
}
