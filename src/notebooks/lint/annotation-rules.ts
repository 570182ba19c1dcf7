/** Rules on annotations: what is one, what is almost one, what cells they are in. Paths are for path-rules.ts. Pure. */
import { annotationOf } from "../annotations.ts";
import { at, type CodeCell, languageOf, type Subject } from "../subject.ts";
import type { Finding } from "./catalogue.ts";
import { laterAnnotations, type NearMiss, nearMiss } from "./near-miss.ts";

export function* annotationRules(subject: Subject): Generator<Finding> {
  yield* noRoute(subject);
  yield* kernel(subject);
  for (const cell of subject.code) {
    if (cell.annotation === undefined) yield* almost(subject, cell);
    else {
      yield* spread(cell);
      yield* second(subject, cell);
    }
  }
  yield* markdown(subject);
  yield* foreignLanguage(subject);
  yield* farApart(subject);
}

function* noRoute({ routes, prefix }: Subject): Generator<Finding> {
  if (routes.length > 0) return;
  const hint = `Begin a code cell with a line such as “${prefix} GET /hello”: nothing before it, the method in capitals.`;
  yield { id: "E01", message: "No cell of this notebook is annotated as a route.", hint };
}

/** The one kernel that provisioning installs. */
const KERNEL = "python3";

function* kernel({ notebook, isPython }: Subject): Generator<Finding> {
  if (notebook.kernel === KERNEL) return;
  const hint = "Open it in the workbench's Jupyter, choose the kernel Python 3 and save it.";
  if (notebook.kernel === undefined) {
    yield { id: "E02", message: "This notebook does not say which kernel runs it.", hint };
    return;
  }
  const message = `This notebook asks for the kernel ${notebook.kernel}, and the VM has ${KERNEL} only.`;
  yield { id: "E02", text: notebook.kernel, message, hint, ...(isPython ? { fix: { kernel: KERNEL } } : {}) };
}

function* almost({ prefix, isPython }: Subject, cell: CodeCell): Generator<Finding> {
  const miss = nearMiss(cell.source, prefix);
  if (miss) {
    yield missed(cell, miss, prefix);
    return;
  }
  for (const { offset } of laterAnnotations(cell.source, prefix)) {
    // In a string it is an example in somebody's documentation.
    if (isPython && cell.python.withStrings[offset] === prefix[0]) continue;
    const before = cell.source.slice(0, offset);
    const place = at(cell, offset);
    const lines = before.split("\n").filter((line) => line.trim() !== "");
    if (lines.every((line) => /^\s*(%|!)/.test(line))) {
      const message = `${lines[0]?.trim()} stands before the annotation “${place.text}”.`;
      yield {
        id: "E18",
        ...place,
        message,
        hint: "Make the annotation the first line; a line magic (%) may follow it.",
      };
      continue;
    }
    const message = `“${place.text}” is not on the cell's first line, so the cell runs at the start.`;
    yield {
      id: "E07",
      ...place,
      message,
      hint: "Split the cell so that the annotation begins one, or word the comment otherwise.",
    };
    return;
  }
}

function missed(cell: CodeCell, miss: NearMiss, prefix: string): Finding {
  const place = at(cell, miss.offset);
  const message = `“${miss.line}” is no annotation: ${miss.reasons.join("; ")}.`;
  const meant =
    miss.meant === undefined
      ? `An annotation looks like this: ${prefix} GET /path.`
      : `Write “${miss.meant}” as the cell's first line`;
  const hint = miss.meant === undefined ? meant : `${meant}; if it is an ordinary comment, word it otherwise.`;
  const fix =
    miss.mechanical && miss.meant !== undefined
      ? { fix: { replace: { cell: cell.index, length: miss.offset + miss.line.length, by: miss.meant } } }
      : {};
  return { id: miss.otherComment ? "E19" : "E07", ...place, message, hint, ...fix };
}

/** To the gateway a line feed is a blank like any other; to the kernel the next line is code. */
function* spread(cell: CodeCell): Generator<Finding> {
  const first = cell.source.split("\n", 1)[0] ?? "";
  if (cell.annotation === undefined || first.includes(cell.annotation.path)) return;
  const message = "The annotation spreads over several lines, so every request ends in a syntax error.";
  yield { id: "E05", ...at(cell), message, hint: "Write it on one line." };
}

function* second({ prefix, isPython }: Subject, cell: CodeCell): Generator<Finding> {
  for (const { offset } of laterAnnotations(cell.source, prefix)) {
    if (isPython && cell.python.withStrings[offset] === prefix[0]) continue;
    const place = at(cell, offset);
    const message = `“${place.text}” is a second annotation in this cell, and only the first counts.`;
    yield { id: "E08", ...place, message, hint: "Split the cell there." };
  }
}

function* markdown({ notebook, prefix }: Subject): Generator<Finding> {
  for (const [index, cell] of notebook.cells.entries()) {
    if (cell.type === "code" || annotationOf(cell.source, prefix)?.kind !== "route") continue;
    const place = at({ index, source: cell.source });
    const message = `This ${cell.type} cell begins like an annotation: “${place.text}”.`;
    yield { id: "E17", ...place, message, hint: "Word the heading otherwise, such as “# The route GET /…”." };
  }
}

// Languages in which a line that begins with # is no comment (their own sign).
const SIGNS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["javascript", "typescript", "go", "rust", "c", "c++", "cpp", "java", "kotlin", "c#", "csharp", "f#", "swift"].map(
      (name) => [name, "//"],
    ),
  ),
  sql: "--",
  lua: "--",
  haskell: "--",
  matlab: "%",
  clojure: ";",
};

function* foreignLanguage({ notebook, prefix, code }: Subject): Generator<Finding> {
  const sign = SIGNS[languageOf(notebook)];
  if (sign === undefined || sign === prefix) return;
  for (const cell of code) {
    if (cell.annotation === undefined) continue;
    const place = at(cell);
    const message = `In ${languageOf(notebook)} “${place.text}” is no comment, and the gateway knows no other sign than ${prefix} for it.`;
    yield { id: "E19", ...place, message, hint: "Write the API in Python: the VM has no other kernel." };
  }
}

function* farApart({ routes, code }: Subject): Generator<Finding> {
  const order = code.map((cell) => cell.index);
  for (const { cells, method, path } of routes) {
    for (const [nth, index] of cells.entries()) {
      const before = cells[nth - 1];
      const cell = code.find((one) => one.index === index);
      if (before === undefined || cell === undefined || order.indexOf(index) === order.indexOf(before) + 1) continue;
      const message = `${method} ${path} is here and in cell ${before}, with other cells between.`;
      yield { id: "W28", ...at(cell), message, hint: "Join them, or put them side by side." };
    }
  }
}
