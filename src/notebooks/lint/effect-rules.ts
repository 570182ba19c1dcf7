/** Rules on what cells do beside answering: shared variables, the outside world, secrets, pictures, writing. Pure. */

import { at, type CodeCell, type Subject } from "../subject.ts";
import type { Finding } from "./catalogue.ts";

export function* effectRules(subject: Subject): Generator<Finding> {
  if (subject.isPython) {
    const shared = new Set(subject.code.flatMap((cell) => (cell.annotation === undefined ? topLevelNames(cell) : [])));
    for (const cell of subject.code) {
      if (cell.annotation === undefined) yield* outsideWorld(cell);
      else if (cell.annotation.kind === "route") {
        if (subject.kernels > 1) yield* sharedChanges(cell, shared, subject.kernels);
        yield* pictures(cell);
        if (cell.annotation.method === "GET") yield* writes(cell);
      }
    }
  }
  yield* secrets(subject);
}

function topLevelNames({ python }: CodeCell): string[] {
  return python.statements.flatMap(({ code, indent }) => {
    const name = indent === 0 ? /^([A-Za-z_]\w*)\s*(?::[^=]*)?=(?!=)/.exec(code)?.[1] : undefined;
    return name === undefined || name === "REQUEST" ? [] : [name];
  });
}

const CHANGES = "append|extend|insert|add|update|pop|popitem|remove|discard|clear|setdefault|sort|reverse";

function* sharedChanges(cell: CodeCell, shared: ReadonlySet<string>, kernels: number): Generator<Finding> {
  const told = new Set<string>();
  const pattern = new RegExp(
    `(?<![\\w.])([A-Za-z_]\\w*)\\s*(?:(?:\\[[^\\]\\n]*\\]\\s*)*(?:[-+*/%@&|^]|//|\\*\\*)=|(?:\\[[^\\]\\n]*\\]\\s*)+=(?!=)|\\.\\s*(?:${CHANGES})\\s*\\()`,
    "g",
  );
  for (const match of cell.python.code.matchAll(pattern)) {
    const name = match[1] ?? "";
    if (!shared.has(name) || told.has(name)) continue;
    told.add(name);
    const message = `${name} is changed here, and there are ${kernels} kernels, each with its own.`;
    yield {
      id: "W27",
      ...at(cell, match.index),
      message,
      hint: "Keep it in a file or database, or set kernels: 1 in workbench.yaml.",
    };
  }
}

const OUTSIDE =
  /(?<![\w.])(?:requests\s*\.\s*\w+|(?:urllib\s*\.\s*request\s*\.\s*)?url(?:open|retrieve)|open|(?:pd|pandas)\s*\.\s*read_\w+|sqlite3\s*\.\s*connect|psycopg2?\s*\.\s*connect|(?:sqlalchemy\s*\.\s*)?create_engine|(?:pymongo\s*\.\s*)?MongoClient|pickle\s*\.\s*load|joblib\s*\.\s*load|(?:np|numpy)\s*\.\s*(?:load|loadtxt|genfromtxt)|socket\s*\.\s*(?:create_connection|socket))\s*\(/;

function* outsideWorld(cell: CodeCell): Generator<Finding> {
  const { statements } = cell.python;
  // How far the innermost `try` (or function, whose body does not run now) around a statement is indented.
  let guard: number | undefined;
  for (const { code, indent, start } of statements) {
    if (guard !== undefined && indent <= guard) guard = undefined;
    if (
      guard === undefined &&
      /^(?:try\s*:|(?:async\s+)?def\b|class\b|if\b.*\b(?:exists|is_file|isfile)\s*\()/.test(code)
    )
      guard = indent;
    const match = guard === undefined ? OUTSIDE.exec(code) : null;
    if (!match) continue;
    const message = `The service starts only if ${match[0].replace(/\s|\($/g, "")}(…) succeeds.`;
    const hint = "Put it into try/except with a sensible substitute, or into a function that the routes call.";
    yield { id: "W29", ...at(cell, start + match.index), message, hint };
  }
}

const PICTURE =
  /(?<![\w.])(?:display\s*\(|plt\s*\.\s*show\s*\()|\.\s*(?:plot|hist|boxplot)\s*\(|^[ \t]*%matplotlib\b/gm;

function* pictures(cell: CodeCell): Generator<Finding> {
  const match = cell.python.code.matchAll(PICTURE).next().value;
  if (match === undefined) return;
  const message = `${match[0].replace(/[\s(]+$/g, "").trim()} shows something, and nobody sees it.`;
  yield {
    id: "W31",
    ...at(cell, match.index),
    message,
    hint: "Print the numbers, and draw in the page; or print the picture as base64 text.",
  };
}

const SQL =
  /["']\s*(?:INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|DROP\s+TABLE|CREATE\s+TABLE|REPLACE\s+INTO|ALTER\s+TABLE)\b/i;
const WRITES =
  /\.\s*(?:to_sql|to_pickle|to_parquet|to_excel|commit|write_text|write_bytes|unlink|rmdir|mkdir)\s*\(|(?<![\w.])(?:os\s*\.\s*(?:remove|unlink|rename|makedirs|mkdir)|shutil\s*\.\s*\w+|pickle\s*\.\s*dump)\s*\(/;
const OPEN_TO_WRITE = /(?<![\w.])open\s*\((?:[^()]|\([^()]*\))*?,\s*(?:mode\s*=\s*)?["'][^"'\n]*[wax+][^"'\n]*["']/;
const TO_FILE = /\.\s*to_(?:csv|json)\s*\(\s*f?["']/;

function* writes(cell: CodeCell): Generator<Finding> {
  const { withStrings } = cell.python;
  const found = [SQL, WRITES, OPEN_TO_WRITE, TO_FILE].flatMap((pattern) => {
    const match = pattern.exec(withStrings);
    return match === null ? [] : [match];
  });
  const first = found.sort((a, b) => a.index - b.index)[0];
  if (first === undefined) return;
  const message = `This GET writes: ${first[0]
    .replace(/\s+/g, " ")
    .replace(/\(.*$/, "")
    .replace(/^[."' ]+/, "")}.`;
  yield { id: "W32", ...at(cell, first.index), message, hint: "Make it a POST, PUT or DELETE." };
}

const SECRET =
  /(?<![\w])\w*(?:password|passwd|pwd|secret|api_?key|access_?key|auth_?token|token)\w*["']?\s*(?:=|:)\s*(["'])(?!\1)([^"'\n]{4,})\1/gi;
const KEYS =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|[a-z][a-z0-9+]*:\/\/[^\s:@/"']+:[^\s@/"']+@/g;
const PERSON =
  /[A-Za-z0-9][\w.+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}|\b(?:student|matric\w*|matrikel\w*|user)[ _-]?(?:id|no|nr|number|nummer)?\W{1,4}[A-Za-z]?\d{5,10}\b/gi;
const HARMLESS = /example|changeme|your|xxx|placeholder|\.\.\.|…|<|\$\{|^[a-z_ ]+:$/i;

function* secrets({ notebook, code }: Subject): Generator<Finding> {
  for (const cell of code) {
    const text = cell.python.withStrings === "" ? cell.source : cell.python.withStrings;
    const hits = [...text.matchAll(SECRET)].filter((match) => !HARMLESS.test(match[2] ?? ""));
    const first = [...hits, ...text.matchAll(KEYS)].sort((a, b) => a.index - b.index)[0];
    if (first === undefined) continue;
    // The secret itself must not be quoted: reports are sent around.
    const { text: _hidden, ...place } = at(cell, first.index);
    const message = "There seems to be a password, token or key in this cell.";
    yield {
      id: "W30",
      ...place,
      message,
      hint: "Read it from a file outside the notebook, and change it where it is used.",
    };
  }
  for (const [index, { shown }] of notebook.cells.entries()) {
    if (shown === undefined) continue;
    const person = [...shown.matchAll(PERSON)].find((match) => !/@example\.|@.*\.example\b/i.test(match[0]));
    if (person === undefined) continue;
    const message = "The saved output of this cell seems to show people: addresses or student numbers.";
    yield { id: "W30", cell: index, message, hint: "Clear the outputs (Edit, Clear Outputs of All Cells) and save." };
  }
}
