/**
 * One route → what its cells tell about it without being run: words, parameters, body, statuses, types, an example
 * answer. Pure. document.ts makes OpenAPI of it, user-script.ts a function.
 */
import { exampleRequest, hasExample } from "../example-request.ts";
import type { Notebook } from "../notebook.ts";
import { isNote } from "../notes.ts";
import { printersOf } from "../printing.ts";
import type { PythonText } from "../python-text.ts";
import { queryReads, requestNames, requestPattern } from "../request-reading.ts";
import { parameterValues, type Route } from "../routes.ts";
import { type Subject, subjectOf } from "../subject.ts";
import { inferSchema, type Schema } from "./infer.ts";

export interface Parameter {
  name: string;
  in: "path" | "query";
  required: boolean;
  schema: Schema;
  example?: string;
}

export interface Operation {
  route: Route;
  /** Unique in the notebook, and an identifier: getMarksStudent. */
  id: string;
  summary: string;
  description: string;
  parameters: readonly Parameter[];
  /** For what takes a body. */
  body?: { required: boolean; schema: Schema; example?: unknown };
  /** What a ResponseInfo cell can send, as far as it can be read; 200 without one. */
  statuses: readonly number[];
  contentType: string;
  /** What the route printed when its author last ran it. */
  answer?: { schema: Schema; example?: unknown };
}

// What the gateway sends when the notebook does not say.
const TEXT = "text/plain; charset=utf-8";
const JSON_TEXT = "application/json; charset=utf-8";

export interface DescribeOptions {
  /** Whether saved outputs and examples may be shown. */
  examples: boolean;
}

/** The notebook's first heading, if it has one. */
export function firstHeading(notebook: Notebook): string | undefined {
  const markdown = notebook.cells.filter((cell) => cell.type === "markdown");
  return markdown.map((cell) => headingOf(cell.source)).find((heading) => heading !== undefined);
}

/** Routes that can be reached: of paths that differ in parameter names only, the first. */
export function operationsOf(notebook: Notebook, options: DescribeOptions): Operation[] {
  const subject = subjectOf(notebook);
  const names = requestNames(subject.code.map(({ python }) => python));
  const firsts = new Map<string, string>();
  const ids = new Set<string>();
  return subject.routes.flatMap((route): Operation[] => {
    const shape = route.path.replace(/:[^/\s]*/g, ":");
    if ((firsts.get(shape) ?? route.path) !== route.path) return [];
    firsts.set(shape, route.path);
    const id = uniqueId(route, ids);
    const cells = route.cells.flatMap((index) => subject.code.find((cell) => cell.index === index)?.python ?? []);
    const body = bodyOf(route, cells, names, options);
    const answer = options.examples ? answerOf(notebook, route) : undefined;
    return [
      {
        ...{ route, id, ...wordsOf(notebook, route), parameters: parametersOf(route, cells, names, options) },
        ...(body === undefined ? {} : { body }),
        ...responseOf(subject, route, answer === undefined ? TEXT : JSON_TEXT),
        ...(answer === undefined ? {} : { answer }),
      },
    ];
  });
}

function uniqueId({ method, path }: Route, taken: Set<string>): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const base = method.toLowerCase() + (words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join("") || "Root");
  let id = base;
  for (let number = 2; taken.has(id); number++) id = `${base}${number}`;
  taken.add(id);
  return id;
}

/** Summary: the heading above the cell; else its first remark; else method and path. */
function wordsOf(notebook: Notebook, route: Route): Pick<Operation, "summary" | "description"> {
  const remarks = remarksOf(route.source);
  const markdown = markdownAbove(notebook, route);
  const heading = markdown === undefined ? undefined : headingOf(markdown);
  const below = markdown?.replace(/^#{1,6}[ \t]+.*$/m, "").trim() ?? "";
  const summary = heading ?? remarks[0] ?? `${route.method} ${route.path}`;
  const rest = heading === undefined ? remarks.slice(1) : remarks;
  return { summary, description: [below, rest.join("\n")].filter((part) => part !== "").join("\n\n") };
}

/** The nearest markdown cell above, if it is about this route: no other route and no cell of the start between. */
function markdownAbove(notebook: Notebook, route: Route): string | undefined {
  const above = notebook.cells[(route.cells[0] ?? 0) - 1];
  return above?.type === "markdown" ? above.source : undefined;
}

function headingOf(markdown: string): string | undefined {
  return /^#{1,6}[ \t]+(\S.*?)[ \t#]*$/m.exec(markdown)?.[1];
}

/** Comment lines right after the annotation, without those that give examples. */
function remarksOf(source: string): string[] {
  const remarks: string[] = [];
  for (const line of source.split("\n").slice(1)) {
    const text = /^(?:#|\/\/)[ \t]*(.*?)[ \t\r]*$/.exec(line)?.[1];
    if (text === undefined) break;
    if (text !== "" && !isNote(text)) remarks.push(text);
  }
  return remarks;
}

function parametersOf(
  route: Route,
  cells: readonly PythonText[],
  names: ReadonlySet<string>,
  { examples }: DescribeOptions,
): Parameter[] {
  const example = examples && hasExample(route) ? new URL(exampleRequest(route).path, "http://x/") : undefined;
  const inPath = example === undefined ? {} : (parameterValues(route, example.pathname) ?? {});
  const shown = (value: string | undefined | null) => (value ? { example: value } : {});
  const path = route.parameters.map((name): Parameter => {
    return { name, in: "path", required: true, schema: { type: "string" }, ...shown(decoded(inPath[name])) };
  });
  const query = new Map<string, Parameter>();
  for (const cell of cells) {
    for (const { name, before, after, required, fallback } of queryReads(cell, names)) {
      const single = /^\s*\[\s*-?\d+\s*\]/.test(after);
      const kind = /(?<![\w.])int\s*\(\s*$/.test(before)
        ? "integer"
        : /(?<![\w.])float\s*\(\s*$/.test(before)
          ? "number"
          : "string";
      const usual = /^\[\s*(["'])([^"'\\]*)\1\s*\]$/.exec(fallback ?? "")?.[2];
      const value = kind === "string" ? usual : Number(usual);
      const schema: Schema = single
        ? { type: kind, ...(usual === undefined || Number.isNaN(value) ? {} : { default: value }) }
        : { type: "array", items: { type: "string" } };
      const there = query.get(name);
      const must = required || (there?.required ?? false);
      query.set(name, {
        name,
        in: "query",
        required: must,
        schema: there?.schema ?? schema,
        ...shown(example?.searchParams.get(name)),
      });
    }
  }
  return [...path, ...query.values()];
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return text;
  }
}

function bodyOf(
  route: Route,
  cells: readonly PythonText[],
  names: ReadonlySet<string>,
  { examples }: DescribeOptions,
): Operation["body"] {
  if (route.method !== "POST" && route.method !== "PUT") return undefined;
  const read = new RegExp(`${requestPattern(names)}(?:\\[\\s*|\\.\\s*get\\s*\\(\\s*)["']body["']`);
  const required = cells.some(({ withStrings }) => read.test(withStrings));
  const given = examples && hasExample(route) ? exampleRequest(route).body : undefined;
  const example = given === undefined ? undefined : parsed(given);
  if (example === undefined) return { required, schema: {} };
  return { required, schema: inferSchema(example.value), example: example.value };
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** The text of the ResponseInfo cells, and of the notebook's functions that they call. */
function responseOf(subject: Subject, route: Route, usual: string): Pick<Operation, "statuses" | "contentType"> {
  const cells = subject.code.filter(({ index }) => route.responseInfoCells.includes(index));
  const texts = cells.map(({ python, source }) => python.withStrings || source);
  const { texts: bodies } = printersOf(subject.code);
  const called = (code: string): string[] =>
    [...code.matchAll(/([A-Za-z_]\w*)\s*\(/g)].flatMap((match) => bodies.get(match[1] ?? "") ?? []);
  const all = [...texts, ...texts.flatMap(called)].join("\n");
  const given = [...all.matchAll(/["']status["']\s*:\s*([^,}\n]+)/g)].flatMap(
    (match) => match[1]?.match(/\b[1-5]\d\d\b/g) ?? [],
  );
  const statuses = [...new Set(given.map(Number))].sort((a, b) => a - b);
  const type = /["']content-type["']\s*:\s*["']([^"'\n]+)["']/i.exec(all)?.[1];
  return { statuses: statuses.length === 0 ? [200] : statuses, contentType: type ?? usual };
}

function answerOf(notebook: Notebook, route: Route): Operation["answer"] {
  const last = notebook.cells[route.cells.at(-1) ?? -1];
  if (route.cells.length !== 1 || last?.stdout === undefined) return undefined;
  const value = parsed(last.stdout);
  return value === undefined ? undefined : { schema: inferSchema(value.value), example: value.value };
}
