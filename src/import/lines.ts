/**
 * What was taken from a source, line by line, and what of it stands in the workbench: packages and services, each only
 * once and only if workbench.yaml can hold it.
 */
import { UserError } from "../errors.ts";
import { aptComplaint, requirementComplaint } from "../workbench/requirement.ts";

export type Verdict = "took" | "changed" | "could-not-take";

export interface ImportLine {
  /** The file in the source. */
  file: string;
  /** From 1, where it is about one line. */
  line?: number;
  /** What stands there. */
  what: string;
  verdict: Verdict;
  /** What became of it, or why nothing did and what to do. */
  message: string;
}

/** A place in the source. */
export interface At {
  file: string;
  line?: number | undefined;
}

// workbench.yaml takes 200; what Jupyter needs itself is installed beside them.
const MOST_PACKAGES = 200;

export class Findings {
  readonly lines: ImportLine[] = [];
  readonly python: string[] = [];
  readonly apt: string[] = [];
  /** Options by name; the name is the kind. */
  readonly services = new Map<string, Record<string, unknown>>();

  private readonly base: ReadonlySet<string>;

  /** `base`: names of Python packages that every workbench has, in versions of its own. */
  constructor(base: ReadonlySet<string>) {
    this.base = base;
  }

  tell({ file, line }: At, what: string, verdict: Verdict, message: string): void {
    // An address may hold a password that is used elsewhere.
    const open = what.replace(/\/\/[^/@\s]*@/g, "//…@");
    const shown = open.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();
    const short = shown.length > 160 ? `${shown.slice(0, 159)}…` : shown;
    this.lines.push({ file, ...(line === undefined ? {} : { line }), what: short, verdict, message });
  }

  /** Runs a reader; what its file is not is told like any other line. */
  attempt(at: At, read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.tell(at, at.file, "could-not-take", `It was not read: ${error.message.replace(/\.$/, "")}.`);
    }
  }

  /** A Python requirement; `changed` says what had to be changed before it could be one. */
  addPython(at: At, what: string, requirement: string, changed?: string): void {
    const complaint = requirementComplaint(requirement);
    if (complaint !== undefined) {
      this.tell(at, what, "could-not-take", `It ${complaint.message}. ${complaint.hint ?? ""}`.trim());
      return;
    }
    const name = pythonName(requirement);
    if (this.base.has(name))
      return void this.tell(
        at,
        what,
        "changed",
        "Left out: every workbench has it, in a version that fits its Jupyter.",
      );
    const there = this.python.find((each) => pythonName(each) === name);
    // Without a version it asks for no other one.
    if (there !== undefined && [there.toLowerCase(), name].includes(requirement.toLowerCase()))
      return void this.tell(at, what, "took", "It is listed already.");
    if (there !== undefined)
      return void this.tell(
        at,
        what,
        "could-not-take",
        `packages: python: holds ${there} already; keep one of the two.`,
      );
    if (this.python.length >= MOST_PACKAGES)
      return void this.tell(at, what, "could-not-take", `A workbench lists at most ${MOST_PACKAGES} Python packages.`);
    this.python.push(requirement);
    this.tell(at, what, changed === undefined ? "took" : "changed", changed ?? "Stands under packages: python:.");
  }

  addApt(at: At, what: string, name: string, changed?: string): void {
    const complaint = aptComplaint(name);
    if (complaint !== undefined)
      return void this.tell(at, what, "could-not-take", `It ${complaint.message}. ${complaint.hint ?? ""}`.trim());
    if (this.apt.includes(name)) return void this.tell(at, what, "took", "It is listed already.");
    if (this.apt.length >= MOST_PACKAGES)
      return void this.tell(
        at,
        what,
        "could-not-take",
        `A workbench lists at most ${MOST_PACKAGES} packages of the distribution.`,
      );
    this.apt.push(name);
    this.tell(at, what, changed === undefined ? "took" : "changed", changed ?? "Stands under packages: apt:.");
  }
}

/** The name as PyPI compares it (PEP 503). */
export function pythonName(requirement: string): string {
  return (/^[A-Za-z0-9._-]+/.exec(requirement)?.[0] ?? "").toLowerCase().replace(/[-_.]+/g, "-");
}

/** Lines of a file, from 1, without spaces around them; a backslash at a line's end joins it to the next. */
export function* joinedLines(text: string): Generator<{ line: number; words: string }> {
  let pending: string[] = [];
  let began = 0;
  for (const [index, raw] of `${text}\n`.split(/\r\n|\r|\n/).entries()) {
    if (pending.length === 0) began = index + 1;
    if (raw.endsWith("\\") && !/^\s*#/.test(raw)) {
      pending.push(raw.slice(0, -1).trim());
      continue;
    }
    const words = [...pending, raw.trim()].join(" ").trim();
    pending = [];
    yield { line: began, words };
  }
}
