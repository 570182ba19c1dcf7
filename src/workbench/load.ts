/**
 * workbench.yaml → the resolved workbench, or one error with every problem in it. Writes nothing.
 * The steps: read the file, read YAML, check each value, check values against each other and against files.
 */
import type * as z from "zod";
import { type Problem, UserError } from "../errors.ts";
import { crossProblems } from "./cross-checks.ts";
import { readWorkbenchFile } from "./file.ts";
import type { Workbench } from "./model.ts";
import { problemsOf } from "./problems.ts";
import { resolveWorkbench } from "./resolve.ts";
import { isRecord, type WorkbenchFile, workbenchSchema } from "./schema.ts";
import { readYaml, type YamlText } from "./yaml-text.ts";

export interface LoadOptions {
  /**
   * Whether the files that the workbench names must be there and sound too. On unless the command has no use for
   * them: a broken notebook must not keep anybody from stopping a VM.
   */
  files?: boolean;
  /** Whether a lint error in a notebook is a fault of the workbench: for commands that are about to hand it on. */
  lint?: boolean;
}

/** Throws UserError `invalid` with all problems. */
export async function loadWorkbench(folder: string, options: LoadOptions = {}): Promise<Workbench> {
  const { file, text } = await readWorkbenchFile(folder);
  const yaml = parse(text, file);
  if (yaml.problems.length > 0)
    throw failure(
      file,
      [...yaml.problems].map((problem) => ({ ...problem, file })),
    );
  if (!isRecord(yaml.value)) throw notAMapping(file, yaml.value);
  const value = withoutEmptyGroups(yaml.value);
  const parsed = workbenchSchema.safeParse(value);
  const issues: readonly z.core.$ZodIssue[] = parsed.success ? [] : parsed.error.issues;
  const problems = problemsOf(issues, { ...yaml, value }, file);
  problems.push(
    ...(await crossProblems(value, yaml, { file, folder, files: options.files ?? true, lint: options.lint ?? false })),
  );
  if (problems.length > 0 || !parsed.success) throw failure(file, problems);
  return resolveWorkbench(file, parsed.data satisfies WorkbenchFile, yaml);
}

function parse(text: string, file: string): YamlText {
  try {
    return readYaml(text);
  } catch (error) {
    // The YAML library throws on alias bombs (ReferenceError); very deep nesting overflows the stack (RangeError).
    const why = error instanceof RangeError ? "it is nested too deeply" : "its aliases (*) stand for too much";
    const message = `${file} cannot be read as YAML: ${why}.`;
    throw new UserError({
      code: "invalid",
      message,
      hint: "A workbench needs neither; write it plainly.",
      cause: error,
    });
  }
}

/** A group whose lines are all taken out (`packages:` and nothing below) means its defaults. */
function withoutEmptyGroups(value: Record<string, unknown>): Record<string, unknown> {
  const filled = (group: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(group).map(([key, child]) => [key, child === null && keys.includes(key) ? {} : child]),
    );
  const whole = filled(value, ["machine", "packages", "services", "handout"]);
  for (const key of ["packages", "folders"] as const) {
    const group = whole[key];
    if (group === null) delete whole[key];
    else if (isRecord(group)) whole[key] = withoutNulls(group, ["apt", "python"]);
  }
  const { services, box, handout } = whole;
  if (isRecord(handout)) whole["handout"] = withoutNulls(handout, ["allow", "patterns"]);
  if (isRecord(services)) whole["services"] = filled(services, Object.keys(services));
  if (isRecord(box)) whole["box"] = withoutNulls(box, ["shares"]);
  return whole;
}

function withoutNulls(group: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(group).filter(([key, child]) => child !== null || !keys.includes(key)));
}

function notAMapping(file: string, value: unknown): UserError {
  const what = value === null || value === undefined ? "is empty" : "does not hold settings (name: value)";
  const hint = "notebox init writes a workbench.yaml to start from.";
  return new UserError({ code: "invalid", message: `${file} ${what}.`, hint });
}

function failure(file: string, problems: readonly Problem[]): UserError {
  // Notebooks first, one by one: their lines are not the workbench's.
  const other = (problem: Problem): string => (problem.file === file ? "\uffff" : (problem.file ?? ""));
  const sorted = [...problems].sort(
    (a, b) =>
      (other(a) < other(b) ? -1 : other(a) > other(b) ? 1 : 0) ||
      (a.cell ?? 0) - (b.cell ?? 0) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  );
  const count = sorted.length === 1 ? "one problem" : `${sorted.length} problems`;
  const hint = "Correct workbench.yaml and the files it names; notebox validate checks them again.";
  return new UserError({ code: "invalid", message: `${file} has ${count}:`, problems: sorted, hint });
}
