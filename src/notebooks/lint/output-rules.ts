/** Rules on what a route's cells answer with, and on what stops a kernel. Python only. Pure. */

import { callsPrinter, isPrinting, type Printers } from "../printing.ts";
import type { Statement } from "../python-text.ts";
import { at, type CodeCell, type Subject } from "../subject.ts";
import type { Finding } from "./catalogue.ts";

export function* outputRules(subject: Subject, printers: Printers): Generator<Finding> {
  if (!subject.isPython) return;
  const cells = new Map(subject.code.map((cell) => [cell.index, cell]));
  for (const { method, path, cells: indices } of subject.routes) {
    const own = indices.flatMap((index) => cells.get(index) ?? []);
    const last = own.at(-1);
    if (last === undefined || own.some(({ python }) => isPrinting(python) || callsPrinter(python, printers))) continue;
    const end = last.python.statements.at(-1);
    if (end !== undefined && isValue(end)) {
      const message = `${method} ${path} ends with a value instead of printing one.`;
      const hint = "Print it as JSON: print(json.dumps(…)).";
      yield { id: "W21", ...at(last, end.start), message, hint };
    } else {
      yield {
        id: "W22",
        ...at(last),
        message: `${method} ${path} prints nothing.`,
        hint: "Print the answer: print(json.dumps(…)).",
      };
    }
  }
  for (const cell of subject.code) yield* stoppers(cell);
}

const KEYWORD =
  /^(?:import|from|def|class|async|if|elif|else|for|while|with|try|except|finally|return|raise|del|pass|break|continue|global|nonlocal|assert|print|match|case)\b|^[@%!?]/;
const ASSIGNMENT = /^[^=()[\]{}]*(?:\[[^=]*\][^=()[\]{}]*)*(?:[-+*/%@&|^]|\/\/|\*\*|<<|>>)?=(?!=)/;

/** An expression that Jupyter would show. */
function isValue({ code, indent }: Statement): boolean {
  if (indent > 0 || KEYWORD.test(code) || code.endsWith(";")) return false;
  return !ASSIGNMENT.test(code) && !/^[A-Za-z_]\w*\s*:/.test(code);
}

const INPUT = /(?<![\w.])(?:input|(?:getpass\s*\.\s*)?getpass)\s*\(/g;
const EXIT = /(?<![\w.])(?:(?:exit|quit)\s*\(|sys\s*\.\s*exit\s*\(|os\s*\.\s*(?:_exit|abort)\s*\()/g;

function* stoppers(cell: CodeCell): Generator<Finding> {
  const rules = [
    {
      id: "E15",
      pattern: INPUT,
      what: "waits for somebody to type",
      hint: "Take the value from REQUEST (query, path or body).",
    },
    {
      id: "E16",
      pattern: EXIT,
      what: "ends the kernel or the request",
      hint: "Answer with a status in the ResponseInfo cell, or raise an error.",
    },
  ] as const;
  for (const { id, pattern, what, hint } of rules) {
    for (const match of cell.python.code.matchAll(pattern)) {
      // A function that is only defined at the start may be meant for work in Jupyter.
      if (cell.annotation === undefined && isIndented(cell, match.index)) continue;
      const word = match[0].replace(/\s/g, "");
      yield { id, ...at(cell, match.index), message: `${word}…) ${what}.`, hint };
    }
  }
}

function isIndented({ python }: CodeCell, offset: number): boolean {
  const statement = python.statements.findLast(({ start }) => start <= offset);
  return statement !== undefined && statement.indent > 0;
}
