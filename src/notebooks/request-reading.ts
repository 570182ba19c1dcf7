/**
 * Where Python code reads the query parameters of REQUEST: by which names, with what default, as what type. Pure.
 * What is wrong with how it does so is for lint/request-rules.ts.
 */
import type { PythonText } from "./python-text.ts";

const LOADS = "(?:json\\s*\\.\\s*)?loads\\s*\\(\\s*REQUEST\\s*\\)";

/** Names that hold the whole request (`request = json.loads(REQUEST)`) anywhere in these texts. */
export function requestNames(texts: readonly PythonText[]): ReadonlySet<string> {
  return new Set(texts.flatMap(({ code }) => assigned(code, LOADS)));
}

function assigned(code: string, expression: string): string[] {
  const pattern = new RegExp(`(?:^|\\n)[ \\t]*([A-Za-z_]\\w*)[ \\t]*=[ \\t]*(?:${expression})[ \\t]*(?=\\n|$)`, "g");
  return [...code.matchAll(pattern)].map((match) => match[1] ?? "");
}

/** A pattern for the request itself, as far as the code shows it: `json.loads(REQUEST)` or a name for that. */
export function requestPattern(names: ReadonlySet<string>): string {
  return `(?:${[`(?<![\\w.])${LOADS}`, ...[...names].map((name) => `(?<![\\w.])${name}`)].join("|")})\\s*`;
}

export interface QueryRead {
  name: string;
  offset: number;
  /** Code before and after the reading itself. */
  before: string;
  after: string;
  /** By index, so that it must be there. */
  required: boolean;
  /** The source of the default, if there is one. */
  fallback: string | undefined;
}

/** Every reading of a query parameter with a literal name. */
export function queryReads(python: PythonText, names: ReadonlySet<string>): QueryRead[] {
  const { withStrings, code } = python;
  const args = `${requestPattern(names)}(?:\\[\\s*["']args["']\\s*\\]|\\.\\s*get\\s*\\(\\s*["']args["'][^()]*\\))\\s*`;
  const holders = [
    ...withStrings.matchAll(new RegExp(`(?:^|\\n)[ \\t]*([A-Za-z_]\\w*)[ \\t]*=[ \\t]*${args}(?=\\n|$)`, "g")),
  ].map((match) => `(?<![\\w.])${match[1]}\\s*`);
  const pattern = new RegExp(
    `(?:${[args, ...holders].join("|")})(?:\\[\\s*(["'])([^"'\\n]*)\\1\\s*\\]|\\.\\s*get\\s*\\(\\s*(["'])([^"'\\n]*)\\3\\s*(,\\s*[^()]*(?:\\([^()]*\\)[^()]*)*)?\\))`,
    "g",
  );
  return [...withStrings.matchAll(pattern)]
    .filter((match) => code[match.index] !== " ")
    .map((match) => ({
      name: match[2] ?? match[4] ?? "",
      offset: match.index,
      before: withStrings.slice(0, match.index),
      after: withStrings.slice(match.index + match[0].length),
      required: match[2] !== undefined,
      fallback: match[5]?.replace(/^,\s*/, "").trim(),
    }));
}
