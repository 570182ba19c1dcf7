/**
 * A report of checks as JUnit XML, for CI servers. The common schemas (windyroad's JUnit.xsd and Jenkins' junit-10)
 * agree on what is written here: one suite; a consequence counts as skipped, because its cause is what failed.
 */
import type { CheckResult, Report } from "../../commands/verify.ts";

export function junit(report: Report): string {
  const { counts, checks } = report;
  const attributes = {
    id: "0",
    package: "notebox",
    name: `notebox.${report.subject}.${report.name}`,
    // The schema knows no time zone; it is UTC.
    timestamp: report.started.replace(/\.\d+Z$/, ""),
    hostname: "localhost",
    tests: checks.length,
    failures: counts.failed,
    errors: 0,
    skipped: counts.blocked + counts["not-applicable"],
    time: seconds(report.milliseconds),
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    "<testsuites>",
    `  <testsuite ${list(attributes)}>`,
    "    <properties/>",
    ...checks.map((check) => testcase(report, check)),
    "    <system-out/>",
    "    <system-err/>",
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function testcase(report: Report, check: CheckResult): string {
  const head = list({
    name: `${check.id}: ${check.title}`,
    classname: `notebox.${report.subject}`,
    time: seconds(check.milliseconds),
  });
  const inner = outcome(check);
  return inner === "" ? `    <testcase ${head}/>` : `    <testcase ${head}>${inner}</testcase>`;
}

function outcome(check: CheckResult): string {
  if (check.status === "passed") return "";
  if (check.status === "not-applicable") return `<skipped message="${xml(check.reason ?? "")}"/>`;
  if (check.status === "blocked")
    return `<skipped message="${xml(`follows from ${check.because}: ${check.seen ?? ""}`)}"/>`;
  const text = [`expected: ${check.expected}`, `do: ${check.hint}`, ...(check.details ?? [])].join("\n");
  return `<failure message="${xml(check.seen ?? "")}" type="${xml(check.id)}">${xml(text)}</failure>`;
}

function list(attributes: Readonly<Record<string, string | number>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name}="${xml(String(value))}"`)
    .join(" ");
}

/** What XML 1.0 cannot hold at all (section 2.2) becomes U+FFFD. */
function xml(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/[&<>"']/g, (character) => names[character] ?? "");
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}
