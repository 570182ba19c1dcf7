/** A finding with what its rule says about it: the shape in which reports show it. Pure. */
import { type Finding, RULES, type Rule, type RuleId } from "./catalogue.ts";

export interface LintFinding extends Omit<Finding, "fix"> {
  id: RuleId;
  severity: Rule["severity"];
  /** Why it matters. */
  why: string;
  /** Whether --fix mends it. */
  fixable: boolean;
}

export function told({ fix, ...finding }: Finding): LintFinding {
  const { severity, why } = RULES[finding.id];
  return { ...finding, severity, why, fixable: fix !== undefined };
}
