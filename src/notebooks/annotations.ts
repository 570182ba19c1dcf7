/**
 * The first line of a cell that makes it a route or a ResponseInfo cell, as jupyter-kernel-gateway 3.0.1 recognises it
 * (kernel_gateway/notebook_http/cell/parser.py). Pure. What the routes are is in routes.ts; near misses are for lint/.
 */
import type { Notebook } from "./notebook.ts";

export const METHODS = ["GET", "PUT", "POST", "DELETE"] as const;
export type Method = (typeof METHODS)[number];

export interface Annotation {
  kind: "route" | "response-info";
  method: Method;
  /** As it is written, without the blanks around it. */
  path: string;
}

// Python's \s and str.strip(), which differ from JavaScript's in U+001C to U+001F, U+0085 and U+FEFF.
export const SPACE = "[\\t-\\r\\u001c-\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";

/** The comment prefix that the gateway looks for: only Scala has one of its own. */
export function commentPrefix(language: string | undefined): string {
  return language === "scala" ? "//" : "#";
}

const PATTERNS = new Map(
  ["#", "//"].map((prefix) => [
    prefix,
    new RegExp(`^${prefix}${SPACE}+(?:(ResponseInfo)${SPACE}+)?(GET|PUT|POST|DELETE)${SPACE}+(/[^\\n]*)`),
  ]),
);

/** What the gateway reads at the very beginning of a cell's source; undefined when that is no annotation. */
export function annotationOf(source: string, prefix: string): Annotation | undefined {
  const match = source.startsWith(prefix) ? PATTERNS.get(prefix)?.exec(source) : null;
  if (!match) return undefined;
  return {
    kind: match[1] === undefined ? "route" : "response-info",
    method: match[2] as Method,
    path: strip(match[3] ?? ""),
  };
}

/** The annotations of a notebook's code cells, by the cell's index. Cells of other types have no say. */
export function annotationsOf(notebook: Notebook): Map<number, Annotation> {
  const prefix = commentPrefix(notebook.language);
  const found = new Map<number, Annotation>();
  for (const [index, cell] of notebook.cells.entries()) {
    const annotation = cell.type === "code" ? annotationOf(cell.source, prefix) : undefined;
    if (annotation) found.set(index, annotation);
  }
  return found;
}

const BLANK = new RegExp(SPACE);

/** Python's str.strip(). */
export function strip(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && BLANK.test(text.charAt(from))) from++;
  while (to > from && BLANK.test(text.charAt(to - 1))) to--;
  return text.slice(from, to);
}
