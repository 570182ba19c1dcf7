/** A YAML file of other programs' settings → plain values, with the line of each. Bombs of aliases and depth are faults. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from "yaml";
import { UserError } from "../errors.ts";

export interface YamlFile {
  value: unknown;
  /** From 1: of what stands at that path, or of the nearest that holds it. */
  lineOf(path: readonly (string | number)[]): number;
}

/** Throws UserError `invalid` with the reason. */
export function readYamlFile(text: string): YamlFile {
  const lines = new LineCounter();
  try {
    // Looking for doubles, the library compares each key with each: a minute for a megabyte of them.
    const options = { lineCounter: lines, prettyErrors: false, logLevel: "error", merge: true } as const;
    const document = parseDocument(text, { ...options, uniqueKeys: false });
    const [fault] = document.errors;
    if (fault !== undefined)
      throw refuse(`line ${lines.linePos(fault.pos[0]).line} is not sound YAML (${fault.message.split("\n")[0]})`);
    const keys = keysOf(document, lines);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return { value, lineOf: (path) => lineAt(document.contents, path, lines, keys) };
  } catch (error) {
    if (error instanceof UserError) throw error;
    // The library throws ReferenceError for aliases that stand for too much, RangeError when the stack overflows.
    throw refuse(error instanceof RangeError ? "it is nested too deeply" : "its aliases (*) stand for too much");
  }
}

function refuse(why: string): UserError {
  return new UserError({ code: "invalid", message: why });
}

type Keys = ReadonlyMap<YAMLMap, ReadonlyMap<string, Pair>>;

/** Each map's keys. Throws UserError `invalid` for one that is there twice, and for an alias of nothing. */
function keysOf(document: Document, lines: LineCounter): Keys {
  const all = new Map<YAMLMap, Map<string, Pair>>();
  const anchors = new Set<string>();
  const lineOf = (node: Node): number => lines.linePos(node.range?.[0] ?? 0).line;
  visit(document, {
    Node: (_key, node) => {
      // An anchor stands before its aliases, as YAML wants it.
      if (isAlias(node)) {
        if (!anchors.has(node.source)) throw refuse(`line ${lineOf(node)} holds an alias (*) that stands for nothing`);
      } else if (node.anchor !== undefined) anchors.add(node.anchor);
      if (!isMap(node)) return;
      const keys = new Map<string, Pair>();
      for (const pair of node.items) {
        // Several maps may be merged into one; the library has a symbol for that key.
        if (!isScalar(pair.key) || typeof pair.key.value === "symbol" || pair.key.value === "<<") continue;
        const key = String(pair.key.value);
        if (keys.has(key)) throw refuse(`line ${lineOf(pair.key)} holds a key for the second time`);
        keys.set(key, pair);
      }
      all.set(node, keys);
    },
  });
  return all;
}

function lineAt(contents: unknown, path: readonly (string | number)[], lines: LineCounter, keys: Keys): number {
  let node = contents as Node | null;
  let at = 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = keys.get(node)?.get(String(step));
      if (pair === undefined) break;
      at = (pair.key as Node).range?.[0] ?? at;
      node = pair.value as Node | null;
    } else if (isSeq(node) && typeof step === "number") {
      node = (node.items[step] as Node | undefined) ?? null;
      at = node?.range?.[0] ?? at;
    } else break;
  }
  return lines.linePos(at).line;
}
