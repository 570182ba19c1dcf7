/**
 * A report of checks as TAP 14 (https://testanything.org/tap-version-14-specification.html). A consequence is
 * skipped, because its cause is what failed.
 */
import type { CheckResult, Report } from "../../commands/verify.ts";

export function tap(report: Report): string {
  const lines = ["TAP version 14", `1..${report.checks.length}`];
  for (const [index, check] of report.checks.entries()) lines.push(...point(check, index + 1));
  return `${lines.join("\n")}\n`;
}

function point(check: CheckResult, number: number): string[] {
  const name = `${number} - ${plain(`${check.id}: ${check.title}`)}`;
  if (check.status === "passed") return [`ok ${name}`];
  if (check.status === "not-applicable") return [`ok ${name} # SKIP ${plain(check.reason ?? "")}`];
  if (check.status === "blocked") return [`ok ${name} # SKIP ${plain(`follows from ${check.because}`)}`];
  const evidence = { seen: check.seen, expected: check.expected, do: check.hint, details: check.details };
  // JSON's strings and lists are YAML as well, whatever stands in them.
  const yaml = Object.entries(evidence).filter(([, value]) => value !== undefined);
  return [`not ok ${name}`, "  ---", ...yaml.map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`), "  ..."];
}

/** `#` begins a directive, and a line is all that a description has. */
function plain(text: string): string {
  return text.replace(/[\\#]/g, "\\$&").replace(/\s+/g, " ");
}
