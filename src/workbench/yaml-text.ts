/**
 * Text of workbench.yaml → plain values, each with its place in the file. Knows YAML and nothing of what a
 * workbench is. Uses YAML 1.2, where `no` and `on` are texts.
 */
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from "yaml";
import type { Problem } from "../errors.ts";

export interface Place {
  line: number;
  column: number;
  /** The value as the author wrote it, if it is a single one. */
  source?: string;
}

export interface YamlText {
  value: unknown;
  /** Place of the value at that path; of what holds it, where there is none. */
  placeOf(path: readonly PropertyKey[]): Place;
  /** Place of the key itself. */
  placeOfKey(path: readonly PropertyKey[]): Place;
  has(path: readonly PropertyKey[]): boolean;
  problems: readonly Omit<Problem, "file">[];
}

const HINTS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "Indent with spaces: YAML does not allow tabs there.",
  DUPLICATE_KEY: "Keep one of the two.",
  BAD_INDENT: "Look at the indentation, and for a quote or a bracket that is not closed.",
  BLOCK_AS_IMPLICIT_KEY: "A text with a colon in it needs quotes around it.",
  MISSING_CHAR: "A quote or a bracket that was opened is not closed.",
  NON_STRING_KEY: "A text that begins with { or [ needs quotes around it.",
  BAD_ALIAS: "A text that begins with * or & needs quotes around it.",
  MULTIPLE_DOCS: "Keep one document: take away the line with ---.",
  BAD_SCALAR_START: "A text that begins with @, ` or % needs quotes around it.",
  BAD_DQ_ESCAPE: "In double quotes a backslash begins an escape: use single quotes, or write it twice.",
};

// One slip in YAML can bring forth hundreds of faults; the first ones tell what it is.
const MOST_FAULTS = 20;

// Control characters, line and paragraph separators, halves of surrogate pairs: none of them can stand on one
// line of a UTF-8 file and come out as it went in.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNFIT = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Surrogate}/u;

/** Whether the text can stand in workbench.yaml as it is. */
export function isPlain(text: string): boolean {
  return !UNFIT.test(text);
}

/** Reads the text of a YAML file; `problems` holds what is wrong with it as YAML, and texts that cannot be kept. */
export function readYaml(text: string): YamlText {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    logLevel: "error",
  });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const faults = [...document.errors, ...document.warnings];
  if (faults.some((fault) => fault.message.includes("call stack"))) throw new RangeError("nested too deeply");
  const problems: Omit<Problem, "file">[] = faults.slice(0, MOST_FAULTS).map((fault) => ({
    id: "yaml",
    message: plainMessage(fault.code, fault.message),
    ...placeAt(fault.pos[0]),
    ...(HINTS[fault.code] === undefined ? {} : { hint: HINTS[fault.code] }),
  }));
  if (problems.length === 0) problems.push(...unfitTexts(document, placeAt));
  const find = (path: readonly PropertyKey[]) => locate(document, path);
  return {
    value: problems.length === 0 ? document.toJS({ maxAliasCount: 100 }) : undefined,
    placeOf: (path) => {
      const { value, key, found } = find(path);
      const node = found ? (value ?? key) : key;
      return { ...placeAt(node?.range?.[0] ?? 0), ...(found ? sourceOf(value) : {}) };
    },
    placeOfKey: (path) => placeAt(find(path).key?.range?.[0] ?? 0),
    has: (path) => {
      const { value, found } = find(path);
      return found && value !== undefined && !(isScalar(value) && value.value === null);
    },
    problems,
  };
}

/** The YAML library's words, without its advice for programmers. */
function plainMessage(code: string, message: string): string {
  if (code === "DUPLICATE_KEY") return "The same key stands here twice.";
  if (code === "MULTIPLE_DOCS") return "The file holds more than one YAML document.";
  if (code === "TAB_AS_INDENT") return "A tab is used to indent.";
  if (code === "NON_STRING_KEY") return "A key must be a plain text.";
  return `This is not sound YAML: ${message.replace(/^Unresolved tag: /, "unknown tag ")}`;
}

/** Texts that cannot be kept as they are, and aliases without an anchor. */
function unfitTexts(document: Document, placeAt: (offset: number) => Place): Omit<Problem, "file">[] {
  const problems: Omit<Problem, "file">[] = [];
  visit(document, {
    Alias: (_key, node) => {
      if (node.resolve(document) !== undefined) return;
      const message = `The alias *${node.source} stands for nothing.`;
      problems.push({ id: "yaml", message, ...placeAt(node.range?.[0] ?? 0), hint: HINTS["BAD_ALIAS"] ?? "" });
    },
    Scalar: (_key, node) => {
      const unfit = typeof node.value === "string" ? UNFIT.exec(node.value) : null;
      if (!unfit) return;
      const code = unfit[0].codePointAt(0) ?? 0;
      const message =
        code === 10 || code === 13
          ? "The text holds a line break."
          : `The text holds the character U+${code.toString(16).toUpperCase().padStart(4, "0")}, which nobody can see.`;
      const hint = "Write it on one line, without control characters.";
      problems.push({ id: "control-character", message, ...placeAt(node.range?.[0] ?? 0), hint });
    },
  });
  return problems;
}

interface Located {
  /** Whether the whole path is there. */
  found: boolean;
  value?: Node | undefined;
  /** The nearest key on the way. */
  key?: Node | undefined;
}

function locate(document: Document, path: readonly PropertyKey[]): Located {
  let node: Node | undefined = document.contents ?? undefined;
  let key: Node | undefined = node;
  for (const step of path) {
    const holder: Node | undefined = isAlias(node) ? node.resolve(document) : node;
    if (isMap(holder)) {
      const pair = holder.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === step);
      if (!pair) return { found: false, key };
      key = isScalar(pair.key) ? pair.key : key;
      node = (pair.value as Node | null) ?? undefined;
    } else if (isSeq(holder) && typeof step === "number" && step < holder.items.length) {
      node = holder.items[step] as Node;
      key = node;
    } else return { found: false, key };
  }
  return { found: true, value: node, key };
}

function sourceOf(node: Node | undefined): { source?: string } {
  return isScalar(node) && node.source !== undefined ? { source: node.source } : {};
}
