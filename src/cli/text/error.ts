/** A failure as a person reads it: what happened, where, what to do, where the log is. Never a stack. */
import path from "node:path";
import type { Problem, UserError } from "../../errors.ts";

export function errorText(error: UserError, log: string | undefined, show = { problems: true }): string {
  const lines = [error.code === "interrupted" ? error.message : `Error: ${error.message}`];
  if (show.problems) for (const problem of error.problems) lines.push(...problemLines(problem));
  if (error.hint) lines.push(indent(error.hint));
  if (log && error.code !== "usage" && error.code !== "interrupted") lines.push(`The log is ${log}`);
  return `${lines.join("\n")}\n`;
}

function problemLines(problem: Problem): string[] {
  const lines = [`  ${place(problem)}${problem.message}`];
  if (problem.hint) lines.push(`    ${problem.hint.replaceAll("\n", "\n    ")}`);
  return lines;
}

function place(problem: Problem): string {
  if (problem.file === undefined) return "";
  const file = path.basename(problem.file);
  const cell = problem.cell === undefined ? "" : ` cell ${problem.cell}`;
  if (problem.line === undefined) return `${file}${cell}: `;
  return `${file}${cell}:${problem.line}${problem.column === undefined ? "" : `:${problem.column}`}: `;
}

function indent(text: string): string {
  return `  ${text.replaceAll("\n", "\n  ")}`;
}
