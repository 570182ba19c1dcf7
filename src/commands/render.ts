/** `render`: the workbench → its bundle, written into a folder, or the hand-out, written as a zip. */
import path from "node:path";
import { readAssets } from "../bundle/assets.ts";
import { type Change, compare } from "../bundle/changes.ts";
import { findOwnFiles } from "../bundle/handout.ts";
import { readLock } from "../bundle/own-file.ts";
import { planBundle, sharedFolders } from "../bundle/plan.ts";
import type { PlannedFile } from "../bundle/planned-file.ts";
import { RENDERED, recordOf, renderedText } from "../bundle/rendered.ts";
import { writeBundle } from "../bundle/write.ts";
import { writeZip } from "../bundle/zip.ts";
import { UserError } from "../errors.ts";
import { lint } from "../notebooks/lint/lint.ts";
import { readNotebook } from "../notebooks/notebook.ts";
import type { Deps } from "../ports.ts";
import { loadWorkbench } from "../workbench/load.ts";
import type { Workbench } from "../workbench/model.ts";
import { placeOf } from "../workbench/originals.ts";

export interface RenderOptions {
  folder: string;
  /** Write into this folder instead; relative to the current folder. */
  out?: string;
  /** Write this zip instead; relative to the current folder. */
  zip?: string;
  dryRun?: boolean;
  force?: boolean;
}

export interface RenderResult {
  /** Where the bundle was written; absolute. Not there for a zip. */
  folder?: string;
  zip?: { file: string; bytes: number; files: number; skipped: { path: string; why: string }[] };
  dryRun: boolean;
  changes: Change[];
}

/** Throws UserError `invalid` for the workbench, `refused` for files changed by hand, `disk-full`, `usage`. */
export async function render(deps: Deps, options: RenderOptions): Promise<RenderResult> {
  if (options.zip !== undefined && options.out !== undefined) {
    throw new UserError({ code: "usage", message: "--zip and --out exclude each other.", hint: "Give one of them." });
  }
  const workbench = await loadWorkbench(options.folder, { lint: true });
  if (!options.dryRun) deps.log.open(options.folder);
  await tellWarnings(deps, workbench);
  const assets = await readAssets(deps.assets);
  const planned = planBundle({ workbench, assets, lock: await readLock(workbench.folder) });
  const schema = assets.get("schema/workbench.schema.json") ?? Buffer.alloc(0);
  const state = [{ path: ".notebox/workbench.schema.json", content: schema, executable: false }];
  if (options.zip !== undefined) return await renderZip(deps, options, workbench, planned, state);
  const folder = options.out === undefined ? workbench.folder : path.resolve(options.out);
  refuseSharedFolder(workbench, folder);
  const { force = false, dryRun = false } = options;
  const { version, processes } = deps;
  const changes = await writeBundle({ folder, planned, state, version, force, dryRun, processes });
  return { folder, dryRun, changes };
}

/** Of the notebooks that are served. Their errors have been refused with the workbench's own. */
async function tellWarnings(deps: Deps, workbench: Workbench): Promise<void> {
  for (const service of workbench.services) {
    if (service.kind !== "kernel-gateway") continue;
    const notebook = await readNotebook(await placeOf(workbench.folder, service.notebook));
    for (const { id, cell, message } of lint(notebook, { kernels: service.kernels })) {
      const place = cell === undefined ? service.notebook : `${service.notebook} cell ${cell}`;
      deps.reporter.emit({ type: "say", level: "warning", text: `${place}: ${id}: ${message}` });
    }
  }
}

async function renderZip(
  deps: Deps,
  options: RenderOptions,
  workbench: Workbench,
  planned: readonly PlannedFile[],
  state: readonly PlannedFile[],
): Promise<RenderResult> {
  const file = path.resolve(options.zip ?? "");
  const own = await findOwnFiles(workbench, file);
  await warnOfHandWork(deps, workbench, planned);
  for (const { path: name, why } of own.skipped) {
    deps.reporter.emit({ type: "say", level: "warning", text: `${name} is not in the hand-out: ${why}.` });
  }
  const record = Buffer.from(renderedText(deps.version, recordOf(planned)), "utf8");
  const inside = (name: string): string => `${workbench.name}/${name}`;
  const entries = [
    ...[...planned, ...state, { path: RENDERED, content: record, executable: false }].map((entry) => ({
      ...entry,
      path: inside(entry.path),
    })),
    ...own.files.map((name) => ({ path: inside(name), source: path.join(workbench.folder, name) })),
    ...own.folders.map((name) => ({ path: inside(`${name}/`) })),
  ];
  const bytes = options.dryRun ? 0 : await writeZip(file, entries, deps.processes);
  const changes = entries.map((entry): Change => ({ path: entry.path, action: "create" }));
  const files = planned.length + state.length + 1 + own.files.length;
  return { zip: { file, bytes, files, skipped: own.skipped }, dryRun: options.dryRun ?? false, changes };
}

/** The hand-out holds what the workbench says; a Vagrantfile that somebody improved by hand is not in it. */
async function warnOfHandWork(deps: Deps, workbench: Workbench, planned: readonly PlannedFile[]): Promise<void> {
  const { changes } = await compare(workbench.folder, planned);
  for (const { path: name, byHand } of changes.filter((change) => change.byHand !== undefined)) {
    const text = `${name} ${byHand}; the hand-out holds it as rendered, without that.`;
    deps.reporter.emit({ type: "say", level: "warning", text });
  }
}

/** What the VM can write must never be what this computer runs. */
function refuseSharedFolder(workbench: Workbench, folder: string): void {
  for (const shared of sharedFolders(workbench)) {
    const inside = path.relative(path.join(workbench.folder, shared), folder);
    if (inside === ".." || inside.startsWith(`..${path.sep}`) || path.isAbsolute(inside)) continue;
    throw new UserError({
      code: "usage",
      message: `${folder} is shared with the VM, and the VM must not be able to change its own Vagrantfile.`,
      hint: "Choose a folder outside the shared ones.",
    });
  }
}
