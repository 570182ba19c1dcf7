/** A finding with what its rule says about it: the shape in which reports show it. Pure. */
import type { Problem } from "../../errors.ts";
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

/** A finding as one of an error's problems; the file is for the caller to add. */
export function asProblem({ id, cell, line, column, text, message, hint }: LintFinding): Problem {
  const place = {
    ...(cell === undefined ? {} : { cell }),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
  };
  return { id, ...place, ...(text === undefined ? {} : { value: text }), message: `${id}: ${message}`, hint };
}
