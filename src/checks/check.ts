/**
 * What a check is: one question with an answer, evidence and a hint; and what a report of many checks is.
 * `verify` asks them of the VM, `doctor` of this computer. Who asks in which order is the runner's business.
 */

/** What came out when a question was put. */
export type Answer =
  | { status: "passed"; seen: string }
  | {
      status: "failed";
      seen: string;
      expected: string;
      /** What to do, in words for the person who meets it. */
      hint: string;
      /** Further evidence, line by line: the end of a log, a list. */
      details?: readonly string[];
      /**
       * Which of the check's suspects can explain just this failure, when the evidence rules some out:
       * a service that somebody stopped by hand did not stop because the disk is full.
       */
      suspects?: readonly string[];
      /** False when waiting cannot help: `--wait` then gives up at once. */
      passing?: boolean;
      /** False when it is worth knowing but explains no other failure, whoever suspects it. */
      explains?: boolean;
    }
  | { status: "not-applicable"; reason: string };

type Failure = Extract<Answer, { status: "failed" }>;

export interface Check {
  /** Dotted, lower case: `service.marks`. Stable: scripts name it in --only. */
  id: string;
  /** What is true when it passes: "The service marks runs". */
  title: string;
  /** Checks without which the question cannot even be put; if one did not pass, this one is not asked. */
  needs: readonly string[];
  /** Checks whose failure would explain a failure here; the likeliest first. It is asked all the same. */
  suspects: readonly string[];
  /** So costly to ask that, while `--wait` asks again, one pass is enough. */
  costly?: boolean;
  ask(): Promise<Answer>;
}

export type Status = "passed" | "failed" | "blocked" | "not-applicable";

/** The answer of one check in a report. */
export interface CheckResult {
  id: string;
  title: string;
  /** `blocked`: it failed, or could not be asked, because of the check named in `because`. */
  status: Status;
  seen?: string;
  expected?: string;
  hint?: string;
  details?: readonly string[];
  /** Why it does not apply. */
  reason?: string;
  /** The first cause, never itself a blocked one. */
  because?: string;
  milliseconds: number;
}

export interface Report {
  /** The command: verify, doctor. */
  subject: string;
  /** What was checked: the workbench's name. */
  name: string;
  passed: boolean;
  /** ISO 8601, UTC. */
  started: string;
  milliseconds: number;
  /** How often the questions were put (`--wait`). */
  rounds: number;
  counts: Record<Status, number>;
  /** Each first cause with what follows from it. */
  causes: readonly { id: string; consequences: readonly string[] }[];
  /** In the order in which causes come before consequences. */
  checks: readonly CheckResult[];
}

export function passed(seen: string): Extract<Answer, { status: "passed" }> {
  return { status: "passed", seen };
}

export function failed(
  seen: string,
  expected: string,
  hint: string,
  more: Partial<Pick<Failure, "details" | "suspects" | "passing" | "explains">> = {},
): Answer {
  return { status: "failed", seen, expected, hint, ...more };
}

export function notApplicable(reason: string): Extract<Answer, { status: "not-applicable" }> {
  return { status: "not-applicable", reason };
}

const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-?]*[ -/]*[@-~]`, "g");
/** Control characters, and those that turn the direction of writing. */
const UNSEEN = /[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu;

/** Text from the VM as it may be shown: no control characters (a terminal would obey them), no endless lines. */
export function clean(text: string, longest = 400): string {
  const plain = text.replace(COLOURS, "").replace(UNSEEN, " ");
  return plain.length > longest ? `${plain.slice(0, longest)}…` : plain;
}
