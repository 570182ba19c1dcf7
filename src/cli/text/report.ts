/**
 * A report of checks for a person: first causes on top, each with what was seen, what was expected, what to do and
 * what follows from it; then everything else in one line each. Serves `verify` and every other list of checks.
 */
import type { CheckResult, Report } from "../../commands/verify.ts";

const WIDTH = 116;
const MARK = { passed: "✓", failed: "✗", blocked: "·", "not-applicable": "–" } as const;

export function reportText(report: Report): string {
  const lines: string[] = [];
  const width = Math.max(...report.checks.map(({ id }) => id.length));
  const byId = new Map(report.checks.map((check) => [check.id, check]));
  for (const { id, consequences } of report.causes) {
    const cause = byId.get(id);
    if (cause === undefined) continue;
    lines.push(...causeText(cause), ...consequenceText(consequences.flatMap((other) => byId.get(other) ?? [])), "");
  }
  for (const check of report.checks) {
    if (check.status === "failed" || check.status === "blocked") continue;
    const evidence = check.status === "passed" ? check.seen : `does not apply: ${check.reason}`;
    lines.push(
      `${MARK[check.status]} ${check.id.padEnd(width)}  ${check.title}${evidence ? `: ${short(evidence)}` : ""}`,
    );
  }
  lines.push("", summary(report));
  return `${lines.join("\n")}\n`;
}

function causeText(check: CheckResult): string[] {
  return [
    `${MARK.failed} ${check.id}  ${check.title}: no`,
    `    seen      ${check.seen}`,
    `    expected  ${check.expected}`,
    `    do        ${check.hint}`,
    ...(check.details ?? []).map((line) => `      | ${line}`),
  ];
}

/** What was asked and failed as well stands line by line; what could not be asked needs only to be named. */
function consequenceText(checks: readonly CheckResult[]): string[] {
  const asked = checks.filter(({ expected }) => expected !== undefined);
  const silent = checks.filter(({ expected }) => expected === undefined).map(({ id }) => id);
  const width = Math.max(0, ...asked.map(({ id }) => id.length));
  return [
    ...(asked.length > 0 ? ["    what follows from it:"] : []),
    ...asked.map(({ id, seen }) => `      ${MARK.blocked} ${id.padEnd(width)}  ${short(seen ?? "")}`),
    ...(silent.length > 0 ? wrap(`    so could not be asked: ${silent.join(", ")}`, "      ") : []),
  ];
}

function wrap(text: string, indent: string, width = WIDTH): string[] {
  const lines = [""];
  for (const word of text.split(/(?<=,) /)) {
    const last = lines.at(-1) ?? "";
    if (last !== "" && last.length + 1 + word.length > width) lines.push(`${indent}${word}`);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}

function short(text: string, longest = 160): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

function summary({ name, counts, milliseconds, rounds }: Report): string {
  const parts = [
    `${counts.passed} passed`,
    ...(counts.failed > 0 ? [`${counts.failed} failed`] : []),
    ...(counts.blocked > 0 ? [`${counts.blocked} follow from ${counts.failed === 1 ? "it" : "them"}`] : []),
    ...(counts["not-applicable"] > 0 ? [`${counts["not-applicable"]} not applicable`] : []),
  ];
  const again = rounds > 1 ? `, asked ${rounds} times` : "";
  return `${name}: ${parts.join(", ")} (${(milliseconds / 1000).toFixed(1)} s${again})`;
}
