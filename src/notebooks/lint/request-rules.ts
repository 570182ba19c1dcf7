/** Rules on how cells read REQUEST: JSON text, with body, args (lists), path and headers. Python only. Pure. */
import { queryReads, requestNames, requestPattern } from "../request-reading.ts";
import { at, type CodeCell, type Subject } from "../subject.ts";
import type { Finding } from "./catalogue.ts";

export function* requestRules({ code, isPython }: Subject): Generator<Finding> {
  if (!isPython) return;
  const seed = code.filter(({ annotation }) => annotation === undefined);
  const objects = requestNames(code.map(({ python }) => python));
  for (const cell of code) {
    yield* usedAsObject(cell);
    yield* unknownParts(cell, objects);
    if (cell.annotation?.kind === "route") yield* listsAsValues(cell, objects);
  }
  const reader = code.find(({ annotation, python }) => annotation !== undefined && /\bREQUEST\b/.test(python.code));
  const hasDefault = seed.some(({ python }) => /(?:^|\n)\s*REQUEST\s*(?::[^=\n]*)?=(?!=)/.test(python.code));
  if (reader !== undefined && !hasDefault) {
    const message = "No cell that runs at the start gives REQUEST a value.";
    const hint = 'Add one near the top: REQUEST = json.dumps({"body": "", "args": {}, "path": {}, "headers": {}}).';
    yield { id: "W26", ...at(reader, reader.python.code.search(/\bREQUEST\b/)), message, hint };
  }
}

function* usedAsObject(cell: CodeCell): Generator<Finding> {
  for (const match of cell.python.code.matchAll(/(?<![\w.])REQUEST\s*(?:\[|\.\s*(?:get|items|keys|values)\s*\()/g)) {
    const message = "REQUEST is text here, not an object.";
    yield {
      id: "W23",
      ...at(cell, match.index),
      message,
      hint: 'Read it first: request = json.loads(REQUEST); then request["args"].',
    };
  }
}

const PARTS = ["body", "args", "path", "headers"];
const MEANT: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["query", "params", "arguments", "arg", "parameters", "querystring", "get"].map((key) => [key, "args"]),
  ),
  ...Object.fromEntries(["data", "json", "form", "post", "payload", "content"].map((key) => [key, "body"])),
  ...Object.fromEntries(["header"].map((key) => [key, "headers"])),
  ...Object.fromEntries(["paths", "url", "route", "path_params"].map((key) => [key, "path"])),
};

function* unknownParts(cell: CodeCell, objects: ReadonlySet<string>): Generator<Finding> {
  const pattern = new RegExp(`${requestPattern(objects)}(?:\\[\\s*|\\.\\s*get\\s*\\(\\s*)(["'])([^"'\\n]*)\\1`, "g");
  for (const match of cell.python.withStrings.matchAll(pattern)) {
    const key = match[2] ?? "";
    if (PARTS.includes(key) || cell.python.code[match.index] === " ") continue;
    const meant = MEANT[key.toLowerCase()] ?? PARTS.find((part) => part === key.toLowerCase());
    const hint =
      meant === undefined ? `It has ${PARTS.join(", ")}.` : `Did you mean "${meant}"? It has ${PARTS.join(", ")}.`;
    yield { id: "W25", ...at(cell, match.index), message: `REQUEST has no “${key}”.`, hint };
  }
}

/** A query parameter in a sum, a comparison or a conversion, or with a default that is no list. */
function* listsAsValues(cell: CodeCell, objects: ReadonlySet<string>): Generator<Finding> {
  const assigned = new Map<string, { offset: number; name: string }>();
  for (const { name, offset, before, after, fallback } of queryReads(cell.python, objects)) {
    const scalar = fallback !== undefined && !/^(?:\[|\(|None\b|list\b|tuple\b|[A-Za-z_]\w*$)/.test(fallback);
    const isList = /^\s*(?:\[|\bor\s*\[)/.test(after) || /\b(?:in|join\s*\(|len\s*\(|for\s+\w+\s+in)\s*$/.test(before);
    const used =
      /(?<![\w.])(?:int|float|round|bool)\s*\(\s*$/.test(before) ||
      /^\s*(?:==|!=|<|>|[-+*/%]|\.\s*(?:lower|upper|strip|split|replace|isdigit)\b)/.test(after);
    if (scalar || (used && !isList)) yield listFound(cell, offset, name);
    else if (!isList) {
      const target = /(?:^|\n)[ \t]*([A-Za-z_]\w*)[ \t]*=[ \t]*$/.exec(before)?.[1];
      if (target !== undefined && /^[ \t]*(?:\n|$)/.test(after)) assigned.set(target, { offset, name });
    }
  }
  for (const [target, { offset, name }] of assigned) {
    const asValue = `\\b(?:int|float|round)\\s*\\(\\s*${target}\\s*\\)|(?<![\\w.])${target}\\s*\\.\\s*(?:lower|upper|strip|split)\\b`;
    if (new RegExp(asValue).test(cell.python.code)) yield listFound(cell, offset, name);
  }
}

function listFound(cell: CodeCell, offset: number, name: string): Finding {
  const message = `The query parameter ${name} is a list of texts, and is used as one value.`;
  const hint = `Take its first item, such as request["args"].get("${name}", ["…"])[0], and convert it.`;
  return { id: "W24", ...at(cell, offset), message, hint };
}
