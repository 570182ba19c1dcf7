/** A YAML file of other programs' settings → plain values, with the line of each. Bombs of aliases and depth are faults. */
import { isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
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
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "error", merge: true });
    const [fault] = document.errors;
    if (fault !== undefined)
      throw refuse(`line ${lines.linePos(fault.pos[0]).line} is not sound YAML (${fault.message.split("\n")[0]})`);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return { value, lineOf: (path) => lineAt(document.contents, path, lines) };
  } catch (error) {
    if (error instanceof UserError) throw error;
    // The library throws ReferenceError for aliases that stand for too much, RangeError when the stack overflows.
    throw refuse(error instanceof RangeError ? "it is nested too deeply" : "its aliases (*) stand for too much");
  }
}

function refuse(why: string): UserError {
  return new UserError({ code: "invalid", message: why });
}

function lineAt(contents: unknown, path: readonly (string | number)[], lines: LineCounter): number {
  let node = contents as Node | null;
  let at = 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step),
      );
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
