/**
 * `api routes`: what the kernel gateway makes of a notebook, in the order in which it tries paths. A listing, not a
 * judgement: what is wrong with the routes is for `api lint`.
 */
import { commentPrefix } from "../notebooks/annotations.ts";
import { routesOf, type StartFault, seedCells, startFaults } from "../notebooks/routes.ts";
import type { Deps } from "../ports.ts";
import { servedNotebook } from "../workbench/served-notebook.ts";

export interface ApiRoutesOptions {
  folder: string;
  notebook: string;
}

export interface ApiRoutesResult {
  /** Absolute. */
  notebook: string;
  kernel: string | null;
  language: string | null;
  /** What annotations begin with. */
  commentPrefix: string;
  /** Whether the gateway would start at all; if not, the first reason in a sentence, and all of them. */
  starts: boolean;
  reason: string | null;
  reasons: readonly StartFault[];
  routes: {
    /** From 1. The first path that matches a request decides, whatever its methods. */
    order: number;
    method: string;
    path: string;
    parameters: readonly string[];
    /** Indices of cells in the notebook, from 0: those that run for a request, those that set status and headers. */
    cells: readonly number[];
    responseInfo: readonly number[];
  }[];
  /** Indices of the cells that run once in each kernel before any request. */
  seedCells: readonly number[];
}

export async function apiRoutes(_deps: Deps, options: ApiRoutesOptions): Promise<ApiRoutesResult> {
  const { file, notebook } = await servedNotebook(options.folder, options.notebook);
  const reasons = startFaults(notebook);
  return {
    notebook: file,
    kernel: notebook.kernel ?? null,
    language: notebook.language ?? null,
    commentPrefix: commentPrefix(notebook.language),
    starts: reasons.length === 0,
    reason: reasons[0]?.message ?? null,
    reasons,
    routes: routesOf(notebook).map(({ method, path, parameters, cells, responseInfoCells }, index) => ({
      ...{ order: index + 1, method, path, parameters, cells, responseInfo: responseInfoCells },
    })),
    seedCells: seedCells(notebook),
  };
}
