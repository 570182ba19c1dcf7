/** Where values stand in a JSON text, so that one can be replaced and every other byte kept. Pure. */

/** From its first character to the one after its last. */
export interface Span {
  from: number;
  to: number;
}

/**
 * The span of the value at this path (keys and indices), or undefined when there is none. The text is sound JSON; of a
 * key that is there twice the last one counts, as for JSON.parse.
 */
export function spanOf(json: string, path: readonly (string | number)[]): Span | undefined {
  let span: Span | undefined = { from: skipBlanks(json, json.charCodeAt(0) === 0xfeff ? 1 : 0), to: json.length };
  for (const step of path) span = span === undefined ? undefined : memberOf(json, span.from, step);
  return span;
}

function memberOf(json: string, from: number, step: string | number): Span | undefined {
  const open = json[from];
  if (open !== "{" && open !== "[") return undefined;
  let found: Span | undefined;
  let at = skipBlanks(json, from + 1);
  for (let index = 0; json[at] !== "}" && json[at] !== "]" && at < json.length; index++) {
    let key: unknown = index;
    if (open === "{") {
      const end = endOf(json, at);
      key = JSON.parse(json.slice(at, end));
      at = skipBlanks(json, skipBlanks(json, end) + 1);
    }
    const to = endOf(json, at);
    if (key === step) found = { from: at, to };
    at = skipBlanks(json, to);
    if (json[at] === ",") at = skipBlanks(json, at + 1);
  }
  return found;
}

/** The place after the value that begins here. */
function endOf(json: string, from: number): number {
  if (json[from] === '"') {
    let at = from + 1;
    while (at < json.length && json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
    return at + 1;
  }
  if (json[from] !== "{" && json[from] !== "[") {
    let at = from;
    while (at < json.length && !/[\s,\]}]/.test(json[at] ?? "")) at++;
    return at;
  }
  let depth = 0;
  for (let at = from; at < json.length; ) {
    const sign = json[at];
    if (sign === '"') {
      at = endOf(json, at);
      continue;
    }
    if (sign === "{" || sign === "[") depth++;
    if (sign === "}" || sign === "]") depth--;
    at++;
    if (depth === 0) return at;
  }
  return json.length;
}

function skipBlanks(json: string, from: number): number {
  let at = from;
  while (at < json.length && /\s/.test(json[at] ?? "")) at++;
  return at;
}
