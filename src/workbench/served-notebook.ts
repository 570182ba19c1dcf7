/**
 * A notebook named on the command line → the notebook, and the service that serves it where a workbench says so.
 * What is done with it is for the `api` verbs.
 */
import fs from "node:fs";
import path from "node:path";
import { type Notebook, readNotebook } from "../notebooks/notebook.ts";
import { isGateway } from "../services/index.ts";
import { FILE_NAME } from "./file.ts";
import { loadWorkbench } from "./load.ts";
import type { KernelGatewayService, Workbench } from "./model.ts";

export interface ServedNotebook {
  /** Absolute. */
  file: string;
  notebook: Notebook;
  /** Undefined where no workbench serves it, or none that can be read. */
  served?: { workbench: Workbench; service: KernelGatewayService };
}

/** `given` is relative to the folder, or else to the current one. Throws UserError `invalid` for what is no notebook. */
export async function servedNotebook(folder: string, given: string): Promise<ServedNotebook> {
  const file = notebookFile(folder, given);
  const notebook = await readNotebook(file);
  const served = await findService(file);
  return { file, notebook, ...(served === undefined ? {} : { served }) };
}

export function notebookFile(folder: string, given: string): string {
  const inFolder = path.resolve(folder, given);
  return !fs.existsSync(inFolder) && fs.existsSync(path.resolve(given)) ? path.resolve(given) : inFolder;
}

/** A service for this file, in the workbench of the nearest folder above it that is one. */
export async function findService(file: string): Promise<ServedNotebook["served"]> {
  const folder = foldersAbove(file).find((above) => fs.existsSync(path.join(above, FILE_NAME)));
  if (folder === undefined) return undefined;
  // A faulty workbench must not keep anybody from looking at a notebook; `validate` tells its faults.
  const workbench = await loadWorkbench(folder, { files: false }).catch(() => undefined);
  const relative = path.relative(folder, file).split(path.sep).join("/");
  for (const service of workbench?.services ?? []) {
    if (workbench && isGateway(service) && service.notebook === relative) return { workbench, service };
  }
  return undefined;
}

function foldersAbove(file: string): string[] {
  const above = path.dirname(file);
  return above === file ? [] : [above, ...foldersAbove(above)];
}
