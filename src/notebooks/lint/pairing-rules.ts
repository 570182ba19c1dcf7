/** Rules on ResponseInfo cells: whether each has its route, each route its own, and whether they print JSON. Pure. */

import { callsPrinter, isPrinting, type Printers } from "../printing.ts";
import { at, type CodeCell, type Subject } from "../subject.ts";
import type { Finding } from "./catalogue.ts";

export function* pairingRules(subject: Subject, printers: Printers): Generator<Finding> {
  const infos = subject.code.filter(({ annotation }) => annotation?.kind === "response-info");
  const seen = new Map<string, number>();
  for (const cell of infos) {
    if (cell.annotation === undefined) continue;
    const { method, path } = cell.annotation;
    const key = `${method} ${path}`;
    if (!subject.routes.some((route) => route.method === method && route.path === path)) {
      yield {
        id: "E09",
        ...at(cell),
        message: `There is no route ${key} for this ResponseInfo.`,
        hint: nearestRoute(subject, cell),
      };
    }
    const first = seen.get(key);
    if (first === undefined) seen.set(key, cell.index);
    else {
      const message = `${key} has a ResponseInfo in cell ${first} already, and the outputs of both are joined.`;
      yield { id: "E10", ...at(cell), message, hint: "Keep one of them." };
    }
    if (subject.isPython) yield* printsJson(cell, printers);
  }
  for (const { method, path, cells, responseInfoCells } of subject.routes) {
    const cell = subject.code.find(({ index }) => index === cells[0]);
    if (responseInfoCells.length > 0 || cell === undefined) continue;
    const hint = `Add a cell “${subject.prefix} ResponseInfo ${method} ${path}” that prints {"headers": {"Content-Type": "application/json; charset=utf-8"}} as JSON.`;
    yield { id: "W20", ...at(cell), message: `${method} ${path} has no ResponseInfo.`, hint };
  }
}

function nearestRoute({ routes }: Subject, { annotation }: CodeCell): string {
  const shape = (path: string): string =>
    path
      .replace(/:[^/]*/g, ":")
      .replace(/\/$/, "")
      .toLowerCase();
  const path = annotation?.path ?? "";
  const near =
    routes.find((route) => shape(route.path) === shape(path) && route.method === annotation?.method) ??
    routes.find((route) => route.path === path) ??
    routes.find((route) => shape(route.path) === shape(path));
  if (near !== undefined) return `Write it as the route is written: ResponseInfo ${near.method} ${near.path}.`;
  const some = routes.slice(0, 5).map(({ method, path }) => `${method} ${path}`);
  return some.length === 0
    ? "Add the route's own cell."
    : `The routes are: ${some.join(", ")}${routes.length > 5 ? ", …" : ""}.`;
}

const EXAMPLE = 'print(json.dumps({"status": 200, "headers": {"Content-Type": "application/json; charset=utf-8"}}))';

function* printsJson(cell: CodeCell, printers: Printers): Generator<Finding> {
  const { python } = cell;
  const hint = `End the cell with ${EXAMPLE}.`;
  if (!isPrinting(python) && !callsPrinter(python, printers)) {
    yield { id: "E11", ...at(cell), message: "This ResponseInfo cell prints nothing.", hint };
    return;
  }
  const always = python.statements.filter(({ indent, code }) => indent === 0 && /^print\s*\(/.test(code));
  if (always.length > 1) {
    const message = "This ResponseInfo cell prints several times, which is no single JSON object.";
    yield { id: "E11", ...at(cell, always[1]?.start), message, hint: "Print one object." };
    return;
  }
  for (const { start } of python.statements.filter(({ code }) => /^print\s*\(/.test(code))) {
    const given = python.withStrings.slice(start).replace(/^print\s*\(\s*/, "");
    if (!isNoJson(given)) continue;
    yield {
      id: "E11",
      ...at(cell, start),
      message: "This print writes Python's notation or plain text, not a JSON object.",
      hint,
    };
  }
}

/** Only what is certain: a literal dict, a list, or a literal text that JSON does not know. */
function isNoJson(given: string): boolean {
  if (/^(?:\{|\[|dict\s*\(|str\s*\(|repr\s*\(|\d)/.test(given)) return true;
  const literal =
    /^(["'])((?:(?!\1|\\|\n).)*)\1\s*\)/.exec(given) ?? /^('''|""")((?:(?!\1|\\)[\s\S])*)\1\s*\)/.exec(given);
  if (!literal) return false;
  try {
    const value: unknown = JSON.parse(literal[2] ?? "");
    return typeof value !== "object" || value === null || Array.isArray(value);
  } catch {
    return true;
  }
}
