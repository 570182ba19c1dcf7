/**
 * `api lint`: every rule over API notebooks. Errors end with exit 3 and the report; warnings are shown. With --fix the
 * mechanical repairs are shown as a difference and then written.
 */
import { randomUUID } from "node:crypto";
import fs from "node:fs/promises";
import { asDiskFull, type Problem, UserError } from "../errors.ts";
import { lineDiff } from "../notebooks/lint/diff.ts";
import { applyFixes } from "../notebooks/lint/fix.ts";
import { lint } from "../notebooks/lint/lint.ts";
import { asProblem, type LintFinding, told } from "../notebooks/lint/told.ts";
import { parseNotebook, readNotebook } from "../notebooks/notebook.ts";
import type { Deps } from "../ports.ts";
import { findService, notebookFile } from "../workbench/served-notebook.ts";

export interface ApiLintOptions {
  folder: string;
  notebooks: readonly string[];
  fix?: boolean;
  /** With --fix: show the difference and write nothing. */
  dryRun?: boolean;
  yes?: boolean;
}

export interface ApiLintResult {
  notebooks: {
    /** Absolute. */
    notebook: string;
    findings: LintFinding[];
    /** What --fix changes, as a unified difference; not there when it changes nothing. */
    diff?: string;
    /** Whether that has been written. The findings are then those of the new text. */
    fixed?: boolean;
  }[];
  /** Those that are not there, or are no notebooks; each counts as an error. */
  unreadable: Problem[];
  errors: number;
  warnings: number;
}

/** Throws UserError `invalid` with the report when an error is found; `interrupted`, `disk-full` while writing. */
export async function apiLint(deps: Deps, options: ApiLintOptions): Promise<ApiLintResult> {
  const notebooks: ApiLintResult["notebooks"] = [];
  const unreadable: Problem[] = [];
  for (const given of options.notebooks) {
    const file = notebookFile(options.folder, given);
    try {
      notebooks.push(await lintFile(deps, file, options));
    } catch (error) {
      // One that cannot be read must not hide what is wrong with the others.
      if (!(error instanceof UserError) || error.code !== "invalid") throw error;
      const bare = { id: "notebook", message: error.message, file };
      unreadable.push(...(error.problems.length > 0 ? error.problems : [bare]));
    }
  }
  const findings = notebooks.flatMap((each) => each.findings.map((finding) => ({ file: each.notebook, finding })));
  const errors = findings.filter(({ finding }) => finding.severity === "error");
  const warnings = findings.length - errors.length;
  const result = { notebooks, unreadable, errors: errors.length + unreadable.length, warnings };
  if (result.errors === 0) return result;
  throw new UserError({
    code: "invalid",
    message: result.errors === 1 ? "There is one error." : `There are ${result.errors} errors.`,
    hint: remedy(result.errors === 1 ? "it" : "them", errors),
    problems: [...unreadable, ...errors.map(({ file, finding }) => ({ ...asProblem(finding), file }))],
    result,
  });
}

function remedy(what: string, errors: readonly { finding: LintFinding }[]): string {
  if (errors.length === 0) return "Name notebooks (.ipynb) that Jupyter can open.";
  return errors.some(({ finding }) => finding.fixable)
    ? `Mend ${what} in Jupyter; \`notebox api lint --fix\` does what is mechanical.`
    : `Mend ${what} in Jupyter and save the notebook.`;
}

async function lintFile(
  deps: Deps,
  file: string,
  options: ApiLintOptions,
): Promise<ApiLintResult["notebooks"][number]> {
  const notebook = await readNotebook(file);
  const kernels = (await findService(file))?.service.kernels ?? 1;
  const found = lint(notebook, { kernels });
  const fixes = found.flatMap(({ fix }) => (fix === undefined ? [] : [fix]));
  if (!options.fix || fixes.length === 0) return { notebook: file, findings: found.map(told) };
  const before = await fs.readFile(file, "utf8");
  const after = applyFixes(before, fixes);
  const read = parseNotebook(after);
  if ("problem" in read) throw new Error(`the repaired notebook ${file} would be broken: ${read.problem.message}`);
  const diff = lineDiff(before, after, file);
  if (!(await mayWrite(deps, file, diff, options)))
    return { notebook: file, findings: found.map(told), diff, fixed: false };
  await replace(file, before, after);
  return { notebook: file, findings: lint(read.notebook, { kernels }).map(told), diff, fixed: true };
}

async function mayWrite(deps: Deps, file: string, diff: string, options: ApiLintOptions): Promise<boolean> {
  if (options.dryRun) return false;
  if (options.yes || !deps.prompts.interactive) return true;
  deps.reporter.emit({ type: "say", level: "info", text: diff });
  return await deps.prompts.confirm({ message: `Change ${file} like this?`, initial: true });
}

/** Whoever reads the notebook meanwhile sees the old text or the new one, never half of it. */
async function replace(file: string, before: string, after: string): Promise<void> {
  const next = `${file}.${randomUUID()}.part`;
  try {
    const { mode } = await fs.stat(file);
    await fs.writeFile(next, after, { flag: "wx", mode });
    if ((await fs.readFile(file, "utf8")) !== before) {
      throw new UserError({
        code: "refused",
        message: `${file} was changed meanwhile.`,
        hint: "Save it in Jupyter, close it there, and run the same command again.",
      });
    }
    await fs.rename(next, file);
  } catch (error) {
    await fs.rm(next, { force: true });
    throw asDiskFull(error, file);
  }
}
