/** `api lint` for people: each finding with its place, its text, why it matters and how to mend it. */
import path from "node:path";
import type { ApiLintResult } from "../../commands/api-lint.ts";

export function text(result: ApiLintResult): string {
  const lines: string[] = [];
  for (const { file, message, hint } of result.unreadable) {
    lines.push(`${path.basename(file ?? "")}: error: ${message}`);
    if (hint !== undefined) lines.push(`    do:  ${hint}`);
  }
  for (const { notebook, findings, diff, fixed } of result.notebooks) {
    if (diff) lines.push(diff.trimEnd(), fixed ? "Written." : "Not written.", "");
    const name = path.basename(notebook);
    for (const { id, severity, cell, line, text: quoted, message, why, hint, fixable } of findings) {
      const place = cell === undefined ? name : `${name} cell ${cell}${line === undefined ? "" : `, line ${line}`}`;
      lines.push(`${place}: ${severity} ${id}: ${message}`);
      if (quoted !== undefined && !message.includes(`“${quoted}”`)) lines.push(`    | ${quoted}`);
      lines.push(`    why: ${why}`, `    do:  ${hint}${fixable ? " (--fix does it)" : ""}`);
    }
  }
  if (lines.length > 0) lines.push("");
  lines.push(`${count(result.errors, "error")}, ${count(result.warnings, "warning")}.`);
  return lines.join("\n");
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
