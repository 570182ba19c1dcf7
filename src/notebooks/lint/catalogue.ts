/**
 * Every lint rule of API notebooks: its id, what it is about and why it matters. E: the route does not do what the
 * author meant, or nothing starts. W: it works, and will surprise somebody. The rules themselves stand beside this file.
 */

export interface Rule {
  severity: "error" | "warning";
  title: string;
  why: string;
}

const error = (title: string, why: string): Rule => ({ severity: "error", title, why });
const warning = (title: string, why: string): Rule => ({ severity: "warning", title, why });

export const RULES = {
  E01: error("no route", "The gateway ends at its start when it finds no route."),
  E02: error("kernel", "The gateway does not start without a kernel that the VM has."),
  E03: error("parameter name", "The gateway makes a regular expression of the path and ends when that fails."),
  E04: error("special character in a path", "The gateway reads the path as a regular expression."),
  E05: error(
    "blank or comment in a path",
    "Everything to the end of the line belongs to the path, so no request meets it.",
  ),
  E06: error("letter beyond ASCII in a path", "Requests arrive percent-encoded, so no request meets it."),
  E07: error("almost an annotation", "The gateway does not recognise it and runs the cell once at its start instead."),
  E08: error("second annotation in a cell", "Only a cell's first line counts; the other route does not exist."),
  E09: error("ResponseInfo without its route", "It is paired by the very same method and path; this one never runs."),
  E10: error(
    "several ResponseInfo cells for one route",
    "Their outputs are joined, which is no JSON: every request fails (500).",
  ),
  E11: error(
    "ResponseInfo that prints no JSON",
    "Only one printed JSON object sets status and headers; else every request fails (500).",
  ),
  E12: error("paths that differ in parameter names only", "The first one takes every request; the other never runs."),
  E13: error("a path hides another's method", "The first path that matches decides, whatever its methods: 405."),
  E14: error("path of the gateway's own", "The gateway serves /_api/ and /public/ itself."),
  E15: error(
    "asks for input",
    "Nobody is there to type: the request fails (500), and what the kernel holds in memory is lost.",
  ),
  E16: error("ends the kernel", "The request and what the kernel holds in memory are lost."),
  E17: error(
    "markdown that reads like an annotation",
    "The gateway lists it in its description as if it were a route.",
  ),
  E18: error(
    "magic before an annotation",
    "The annotation must be the cell's very first line, so the gateway does not see it.",
  ),
  E19: error("comment of another language", "The gateway looks for the comment sign of the notebook's language only."),
  W20: warning(
    "no ResponseInfo",
    "The status is always 200, and the type is JSON or plain text, as the output happens to be.",
  ),
  W21: warning("answer that is not printed", "The client gets a bundle of formats, not the value."),
  W22: warning("no output", "The client gets an empty answer."),
  W23: warning("REQUEST used as an object", "REQUEST is JSON text."),
  W24: warning("a query parameter used as a single value", "Each query parameter is a list of texts."),
  W25: warning("unknown part of REQUEST", "REQUEST has body, args, path and headers."),
  W26: warning("no REQUEST to try with", "The cell cannot be run in Jupyter while its author works on it."),
  W27: warning("variable changed with several kernels", "Each kernel has variables of its own, so answers differ."),
  W28: warning("one route in cells far apart", "They run as one, and whoever reads one does not see the other."),
  W29: warning("outside world needed at the start", "When it is not there, the service does not start."),
  W30: warning("secret or personal data", "It is in every copy of the notebook."),
  W31: warning("picture or display in a route", "Only what is printed is sent."),
  W32: warning("GET that writes", "Browsers and checks repeat GET requests at will."),
} as const satisfies Record<string, Rule>;

export type RuleId = keyof typeof RULES;

/** What a rule found. Places count as people see them: cells from 0 as in the gateway's log, lines from 1. */
export interface Finding {
  id: RuleId;
  cell?: number;
  /** In the cell. */
  line?: number;
  column?: number;
  /** The text that it is about, as the author wrote it. */
  text?: string;
  message: string;
  /** How to mend it. */
  hint: string;
  /** What --fix does. */
  fix?: Fix;
}

/** A mechanical repair. */
export type Fix =
  /** The cell's text from its beginning, `length` characters long, becomes `by`. */
  { replace: { cell: number; length: number; by: string } } | { kernel: string };
