/** A notebook read once for whoever looks into its cells: lint rules, descriptions. Pure. */
import { type Annotation, annotationsOf, commentPrefix } from "./annotations.ts";
import type { Cell, Notebook } from "./notebook.ts";
import { type PythonText, readPython } from "./python-text.ts";
import { type Route, routesOf } from "./routes.ts";

export interface CodeCell {
  /** In the notebook. */
  index: number;
  source: string;
  /** Undefined for a cell that runs at the start. */
  annotation: Annotation | undefined;
  /** Empty when the notebook is not Python's. */
  python: PythonText;
}

export interface Subject {
  notebook: Notebook;
  prefix: string;
  /** Whether the cells are Python, which most rules about code can read alone. */
  isPython: boolean;
  routes: readonly Route[];
  code: readonly CodeCell[];
  /** Kernels that answer side by side. */
  kernels: number;
}

export interface LintOptions {
  /** As in the workbench; 1 when it is not known. */
  kernels?: number;
}

const NOTHING = readPython("");

export function subjectOf(notebook: Notebook, options: LintOptions = {}): Subject {
  const annotations = annotationsOf(notebook);
  const isPython = languageOf(notebook) === "python";
  const code = notebook.cells.flatMap((cell: Cell, index): CodeCell[] =>
    cell.type !== "code"
      ? []
      : [
          {
            index,
            source: cell.source,
            annotation: annotations.get(index),
            python: isPython ? readPython(cell.source) : NOTHING,
          },
        ],
  );
  const kernels = options.kernels ?? 1;
  return { notebook, prefix: commentPrefix(notebook.language), isPython, routes: routesOf(notebook), code, kernels };
}

/** The language as far as the notebook tells; Python when it says nothing at all, as the VM's kernel is. */
export function languageOf(notebook: Notebook): string {
  return (notebook.language ?? notebook.kernelLanguage ?? "python").toLowerCase();
}

/** Line and column, from 1, of an offset in a text, and the line itself. */
export function placeIn(source: string, offset: number): { line: number; column: number; text: string } {
  const before = source.slice(0, offset);
  const from = before.lastIndexOf("\n") + 1;
  const end = source.indexOf("\n", offset);
  const text = source.slice(from, end < 0 ? source.length : end).trim();
  return { line: before.split("\n").length, column: offset - from + 1, text };
}

/** Where a cell's text has something: cell, line, column and the quoted line. */
export function at(cell: { index: number; source: string }, offset = 0) {
  return { cell: cell.index, ...placeIn(cell.source, offset) };
}
