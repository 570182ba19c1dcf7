/** All rules over one notebook, in the order of its cells. Pure. */
import type { Notebook } from "../notebook.ts";
import { printersOf } from "../printing.ts";
import { type LintOptions, subjectOf } from "../subject.ts";
import { annotationRules } from "./annotation-rules.ts";
import { type Finding, RULES } from "./catalogue.ts";
import { effectRules } from "./effect-rules.ts";
import { outputRules } from "./output-rules.ts";
import { pairingRules } from "./pairing-rules.ts";
import { pathRules } from "./path-rules.ts";
import { requestRules } from "./request-rules.ts";

/** Never throws, whatever is in the notebook. */
export function lint(notebook: Notebook, options: LintOptions = {}): Finding[] {
  const subject = subjectOf(notebook, options);
  const printers = printersOf(subject.code);
  const findings = [
    ...annotationRules(subject),
    ...pathRules(subject),
    ...pairingRules(subject, printers),
    ...outputRules(subject, printers),
    ...requestRules(subject),
    ...effectRules(subject),
  ];
  return findings.sort((a, b) => (a.cell ?? -1) - (b.cell ?? -1) || (a.line ?? 0) - (b.line ?? 0) || order(a.id, b.id));
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function severityOf(finding: Pick<Finding, "id">): "error" | "warning" {
  return RULES[finding.id].severity;
}
