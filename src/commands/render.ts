/** `render`: the workbench → its bundle, written into a folder, or the hand-out, written as a zip. */
import path from "node:path";
import { readAssets } from "../bundle/assets.ts";
import type { Change } from "../bundle/changes.ts";
import { readBrought, readLock } from "../bundle/own-file.ts";
import { planBundle, sharedFolders } from "../bundle/plan.ts";
import { writeBundle } from "../bundle/write.ts";
import { UserError } from "../errors.ts";
import { lint } from "../notebooks/lint/lint.ts";
import { readNotebook } from "../notebooks/notebook.ts";
import type { Deps } from "../ports.ts";
import { isGateway, lackOf } from "../services/index.ts";
import { loadWorkbench } from "../workbench/load.ts";
import type { Workbench } from "../workbench/model.ts";
import { placeOf } from "../workbench/originals.ts";
import { type HandOut, handOut } from "./hand-out.ts";

export interface RenderOptions {
  folder: string;
  /** Write into this folder instead; relative to the current folder. */
  out?: string;
  /** Write this zip instead; relative to the current folder. */
  zip?: string;
  /** Put the share's box into the zip. */
  withBox?: boolean;
  /** Take it from this share; relative to the current folder. */
  boxShare?: string;
  dryRun?: boolean;
  force?: boolean;
}

export interface RenderResult {
  /** Where the bundle was written; absolute. Not there for a zip. */
  folder?: string;
  zip?: HandOut;
  dryRun: boolean;
  changes: Change[];
}

/** Throws UserError `invalid` for the workbench, `refused` for files changed by hand, `disk-full`, `usage`. */
export async function render(deps: Deps, options: RenderOptions): Promise<RenderResult> {
  if (options.zip !== undefined && options.out !== undefined) {
    throw new UserError({ code: "usage", message: "--zip and --out exclude each other.", hint: "Give one of them." });
  }
  if (options.zip === undefined && (options.withBox || options.boxShare !== undefined)) {
    const hint = "Name the zip: --zip FILE --with-box.";
    throw new UserError({
      code: "usage",
      message: "--with-box puts the box into a hand-out, and there is none.",
      hint,
    });
  }
  const workbench = await loadWorkbench(options.folder, { lint: true });
  if (!options.dryRun) deps.log.open(options.folder);
  await tellWarnings(deps, workbench);
  const assets = readAssets(deps.assets);
  const planned = planBundle({
    workbench,
    assets,
    lock: await readLock(workbench.folder),
    files: await readBrought(workbench),
  });
  const schema = assets.get("schema/workbench.schema.json") ?? Buffer.alloc(0);
  const state = [{ path: ".notebox/workbench.schema.json", content: schema, executable: false }];
  if (options.zip !== undefined) {
    const zip = await handOut(deps, { ...options, zip: options.zip }, workbench, planned, state);
    const changes = zip.content.map(({ path: name }): Change => ({ path: name, action: "create" }));
    return { zip, dryRun: options.dryRun ?? false, changes };
  }
  const folder = options.out === undefined ? workbench.folder : path.resolve(options.out);
  refuseSharedFolder(workbench, folder);
  const { force = false, dryRun = false } = options;
  const { version, processes } = deps;
  const changes = await writeBundle({ folder, planned, state, version, force, dryRun, processes });
  return { folder, dryRun, changes };
}

/** Of what services lack, and of the notebooks that are served: their errors have been refused with the workbench's own. */
async function tellWarnings(deps: Deps, workbench: Workbench): Promise<void> {
  for (const service of workbench.services) {
    const lack = lackOf(service);
    if (lack !== undefined) {
      const text = `services.${service.name}: ${lack.message} ${lack.hint}`;
      deps.reporter.emit({ type: "say", level: "warning", text });
    }
    if (!isGateway(service)) continue;
    const notebook = await readNotebook(await placeOf(workbench.folder, service.notebook));
    for (const { id, cell, message } of lint(notebook, { kernels: service.kernels })) {
      const place = cell === undefined ? service.notebook : `${service.notebook} cell ${cell}`;
      deps.reporter.emit({ type: "say", level: "warning", text: `${place}: ${id}: ${message}` });
    }
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
