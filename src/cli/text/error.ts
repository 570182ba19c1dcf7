/** A failure as a person reads it: what happened, where, what to do, where the log is. Never a stack. */
import path from "node:path";
import type { Problem, UserError } from "../../errors.ts";

interface Shown {
  /** False where a report has told them already. */
  problems?: boolean;
  /** Files in it are named from there; others by their name alone. */
  folder?: string | undefined;
}

export function errorText(error: UserError, log: string | undefined, show: Shown = {}): string {
  const lines = [error.code === "interrupted" ? error.message : `Error: ${error.message}`];
  if (show.problems !== false) for (const problem of error.problems) lines.push(...problemLines(problem, show.folder));
  if (error.hint) lines.push(indent(error.hint));
  if (log && error.code !== "usage" && error.code !== "interrupted") lines.push(`The log is ${log}`);
  return `${lines.join("\n")}\n`;
}

function problemLines(problem: Problem, folder: string | undefined): string[] {
  const lines = [`  ${place(problem, folder)}${problem.message}`];
  if (problem.hint) lines.push(`    ${problem.hint.replaceAll("\n", "\n    ")}`);
  return lines;
}

function place(problem: Problem, folder: string | undefined): string {
  if (problem.file === undefined) return "";
  const file = named(problem.file, folder);
  const cell = problem.cell === undefined ? "" : ` cell ${problem.cell}`;
  if (problem.line === undefined) return `${file}${cell}: `;
  return `${file}${cell}:${problem.line}${problem.column === undefined ? "" : `:${problem.column}`}: `;
}

/** One name may stand in several folders of a workbench. */
function named(file: string, folder: string | undefined): string {
  const inside = folder === undefined ? "" : path.relative(folder, file).replaceAll(path.sep, "/");
  return inside === "" || /^\.\.(\/|$)/.test(inside) || path.isAbsolute(inside) ? path.basename(file) : inside;
}

function indent(text: string): string {
  return `  ${text.replaceAll("\n", "\n  ")}`;
}
