/** Rules on how cells read REQUEST: JSON text, with body, args (lists), path and headers. Python only. Pure. */
import type { Finding } from "./catalogue.ts";
import { at, type CodeCell, type Subject } from "./subject.ts";

export function* requestRules({ code, isPython }: Subject): Generator<Finding> {
  if (!isPython) return;
  const seed = code.filter(({ annotation }) => annotation === undefined);
  const objects = new Set(
    code.flatMap(({ python }) =>
      namesOf(python.code, /json\s*\.\s*loads\s*\(\s*REQUEST\s*\)|(?<![\w.])loads\s*\(\s*REQUEST\s*\)/),
    ),
  );
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

/** Names that are assigned exactly such an expression. */
function namesOf(code: string, expression: RegExp): string[] {
  const pattern = new RegExp(
    `(?:^|\\n)[ \\t]*([A-Za-z_]\\w*)[ \\t]*=[ \\t]*(?:${expression.source})[ \\t]*(?=\\n|$)`,
    "g",
  );
  return [...code.matchAll(pattern)].map((match) => match[1] ?? "");
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

/** `json.loads(REQUEST)`, or a name that holds it, followed by a key. */
function keyed(objects: ReadonlySet<string>): string {
  const names = [...objects].map((name) => `(?<![\\w.])${name}`);
  return `(?:${["loads\\s*\\(\\s*REQUEST\\s*\\)", ...names].join("|")})\\s*`;
}

function* unknownParts(cell: CodeCell, objects: ReadonlySet<string>): Generator<Finding> {
  const pattern = new RegExp(`${keyed(objects)}(?:\\[\\s*|\\.\\s*get\\s*\\(\\s*)(["'])([^"'\\n]*)\\1`, "g");
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
  const { withStrings, code } = cell.python;
  const key = `(["'])([^"'\\n]*)\\2`;
  const args = `(?:${keyed(objects)}\\[\\s*["']args["']\\s*\\]|${keyed(objects)}\\.\\s*get\\s*\\(\\s*["']args["'][^)]*\\)|(?<![\\w.])args)\\s*`;
  const names = [
    ...withStrings.matchAll(
      new RegExp(
        `(?:^|\\n)[ \\t]*([A-Za-z_]\\w*)[ \\t]*=[ \\t]*${keyed(objects)}\\[\\s*["']args["']\\s*\\][ \\t]*(?=\\n|$)`,
        "g",
      ),
    ),
  ];
  const holders = names.map((match) => `|(?<![\\w.])${match[1]}\\s*`).join("");
  const pattern = new RegExp(
    `(\\b(?:int|float|round|bool)\\s*\\(\\s*)?(?:${args}${holders})(?:\\[\\s*${key}\\s*\\]|\\.\\s*get\\s*\\(\\s*${key.replace("\\2", "\\4")}\\s*(,\\s*[^)]*)?\\))`,
    "g",
  );
  const assigned = new Map<string, number>();
  for (const match of withStrings.matchAll(pattern)) {
    if (code[match.index] === " ") continue;
    const name = match[3] ?? match[5] ?? "";
    const before = withStrings.slice(0, match.index);
    const after = withStrings.slice(match.index + match[0].length);
    const fallback = (match[6] ?? "").replace(/^,\s*/, "").trim();
    const scalar = fallback !== "" && !/^(?:\[|\(|None\b|list\b|tuple\b|[A-Za-z_]\w*$)/.test(fallback);
    const isList = /^\s*(?:\[|\bor\s*\[)/.test(after) || /\b(?:in|join\s*\(|len\s*\(|for\s+\w+\s+in)\s*$/.test(before);
    const used =
      match[1] !== undefined ||
      /^\s*(?:==|!=|<|>|[-+*/%]|\.\s*(?:lower|upper|strip|split|replace|isdigit)\b)/.test(after);
    if (scalar || (used && !isList)) yield listFound(cell, match.index, name);
    else if (!isList) {
      const target = /(?:^|\n)[ \t]*([A-Za-z_]\w*)[ \t]*=[ \t]*$/.exec(before)?.[1];
      if (target !== undefined && /^[ \t]*(?:\n|$)/.test(after)) assigned.set(target, match.index);
    }
  }
  for (const [name, offset] of assigned) {
    if (
      new RegExp(
        `\\b(?:int|float|round)\\s*\\(\\s*${name}\\s*\\)|(?<![\\w.])${name}\\s*\\.\\s*(?:lower|upper|strip|split)\\b`,
      ).test(code)
    ) {
      yield listFound(cell, offset, name);
    }
  }
}

function listFound(cell: CodeCell, offset: number, name: string): Finding {
  const message = `The query parameter ${name} is a list of texts, and is used as one value.`;
  const hint = `Take its first item, such as request["args"].get("${name}", ["…"])[0], and convert it.`;
  return { id: "W24", ...at(cell, offset), message, hint };
}
