/**
 * Runs a notebook from top to bottom in a kernel of its own, as "Restart and run all" does, and names the cell that
 * fails. That there is such a notebook is `validate`'s news before.
 */
import { UserError } from "../errors.ts";
import { type JupyterDeps, type JupyterTarget, startKernel } from "../jupyter/client.ts";
import type { Run } from "../jupyter/messages.ts";
import { type Answer, clean, failed, passed } from "./check.ts";
import type { NotebookFile } from "./gateway-list.ts";

export interface NotebookRun {
  /** In the workbench folder, which is where Jupyter has it too. */
  path: string;
  /** As it lies on this computer, or why it cannot be read. */
  file: NotebookFile | UserError;
  target: () => JupyterTarget;
}

/** For all cells together. A VM in software emulation needs half a minute for a kernel, and as long for an import. */
const WITHIN_MS = 5 * 60_000;

/** Its question, for a check. */
export function notebookRuns(deps: JupyterDeps, { path, file, target }: NotebookRun): () => Promise<Answer> {
  return async () => {
    if (file instanceof UserError)
      return failed(file.message, `the notebook ${path}`, file.hint ?? "Put it back into its folder.", {
        passing: false,
      });
    const { kernel = "python3", cells } = file.notebook;
    const start = deps.clock.now();
    const own = await startKernel(deps, target(), kernel, WITHIN_MS, path);
    try {
      let ran = 0;
      for (const [index, { type, source }] of cells.entries()) {
        if (type !== "code" || source.trim() === "") continue;
        const run = await own.run(source).catch(asUserError);
        if (run instanceof UserError || !run.ok) return cellFailed(path, { index, source }, run);
        ran++;
      }
      return passed(`${ran} ${ran === 1 ? "cell" : "cells"} in ${((deps.clock.now() - start) / 1000).toFixed(1)} s`);
    } finally {
      await own.close();
    }
  };
}

/** Cells count from 0, as everywhere. */
function cellFailed(path: string, { index, source }: { index: number; source: string }, run: Run | UserError): Answer {
  const why = run instanceof UserError ? run.message.replace(/\.$/, "") : (run.error ?? "it failed");
  const printed = run instanceof UserError ? [] : run.text.trim().split("\n").filter(Boolean).slice(-5);
  const missing = /^ModuleNotFoundError: No module named '([A-Za-z0-9_]+)/.exec(why)?.[1];
  const hint =
    missing === undefined
      ? `Open ${path} in Jupyter and choose Run, “Restart Kernel and Run All Cells”: the same cell fails there.`
      : `Write the package that has ${missing} under packages: python: in workbench.yaml, then \`notebox up\`.`;
  return failed(`cell ${index} of ${path}: ${clean(why, 200)}`, "every cell ends without an error", hint, {
    details: [
      ...source
        .trim()
        .split("\n")
        .slice(0, 5)
        .map((line) => `  ${clean(line, 120)}`),
      ...printed.map((line) => `printed: ${clean(line, 120)}`),
    ],
    // What a cell reaches may still be starting; these never come right by themselves.
    passing: !/^(?:ModuleNotFound|Import|Name|Syntax|Indentation)Error\b/.test(why),
  });
}

function asUserError(error: unknown): UserError {
  if (error instanceof UserError && error.code !== "interrupted") return error;
  throw error;
}
