/** Which Python code prints, as far as that can be read: itself, or by functions that the notebook defines. Pure. */
import type { PythonText } from "./python-text.ts";
import type { CodeCell } from "./subject.ts";

/** Names of the notebook's functions that print, and whether there may be others that cannot be read. */
export interface Printers {
  names: ReadonlySet<string>;
  /** Functions that come from elsewhere (imported from a module of the author's own, or by a magic) may print, too. */
  foreign: ReadonlySet<string>;
  /** What stands in each function of the notebook, strings included. */
  texts: ReadonlyMap<string, string>;
}

const PRINTS = /(?<![\w.])print\s*\(|\bstdout\b|^\s*(?:!|%run\b|%%)/m;

export function isPrinting(python: PythonText): boolean {
  return PRINTS.test(python.code);
}

export function callsPrinter(python: PythonText, { names, foreign }: Printers): boolean {
  return calls(python.code).some((name) => names.has(name) || foreign.has(name));
}

const CALL = /(?<![\w.])([A-Za-z_]\w*)\s*\(/g;

function calls(code: string): string[] {
  return [...code.matchAll(CALL)].map((match) => match[1] ?? "");
}

/** Looks through the functions and classes of all cells. */
export function printersOf(cells: readonly CodeCell[]): Printers {
  const bodies = new Map<string, string>();
  const texts = new Map<string, string>();
  const foreign = new Set<string>();
  for (const { python } of cells) {
    for (const [nth, { code, indent, start }] of python.statements.entries()) {
      const name = /^(?:async\s+)?(?:def|class)\s+(\w+)/.exec(code)?.[1];
      if (name !== undefined && indent === 0) {
        const end = python.statements.slice(nth + 1).find((other) => other.indent === 0 && !other.code.startsWith("@"));
        bodies.set(name, python.code.slice(start + code.indexOf("("), end?.start));
        texts.set(name, python.withStrings.slice(start, end?.start));
      }
      const imported = /^from\s+[\w.]+\s+import\s+\(?([\s\S]*?)\)?$/.exec(code)?.[1];
      for (const part of imported?.split(",") ?? []) {
        const local =
          part
            .trim()
            .split(/\s+as\s+/)
            .at(-1) ?? "";
        if (local !== "" && !QUIET.has(local)) foreign.add(local);
      }
    }
  }
  const names = new Set([...bodies].filter(([, body]) => PRINTS.test(body)).map(([name]) => name));
  for (let before = -1; before !== names.size; ) {
    before = names.size;
    for (const [name, body] of bodies) {
      if (calls(body).some((called) => names.has(called) || foreign.has(called))) names.add(name);
    }
  }
  return { names, foreign, texts };
}

// Common imports that surely print nothing.
const QUIET = new Set([
  "dumps",
  "loads",
  "datetime",
  "date",
  "timedelta",
  "Counter",
  "defaultdict",
  "Path",
  "sqrt",
  "mean",
  "median",
]);
