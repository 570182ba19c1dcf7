/**
 * Looks through the author's files before they are handed out: secrets anywhere, personal data in what notebooks
 * printed. Each find is a problem with file, cell, line, the text (shortened, a secret hidden) and what to do. Which
 * files go into the hand-out is for handout.ts.
 */
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import type { Problem } from "../errors.ts";
import { KEY_STORES, personalRules, type Rule, SECRETS } from "./scan-rules.ts";

export interface ScanOptions {
  /** Absolute. */
  folder: string;
  /** Below the folder, with forward slashes. */
  files: readonly string[];
  /** handout.allow: files and folders whose outputs may look like personal data. */
  allow: readonly string[];
  /** handout.patterns. */
  patterns: readonly string[];
}

/** One text of a file: the whole of it, or a part of a notebook. */
interface Piece {
  text: string;
  cell?: number;
  /** What a cell printed, as against what an author wrote. */
  isOutput: boolean;
}

/** Larger files are data, not something a person wrote; their first part is looked at. */
const READ_BYTES = 32 * 1024 * 1024;
/** Of one file; the rest is counted. */
const TOLD = 5;

export async function scanFiles(options: ScanOptions): Promise<Problem[]> {
  const personal = personalRules(options.patterns);
  const problems: Problem[] = [];
  for (const name of options.files) {
    const file = path.join(options.folder, ...name.split("/"));
    if ((await stat(file)).size > READ_BYTES * 16) continue; // a disk image, a box: bytes, not text
    if (KEY_STORES.test(name)) {
      const hint = "Take it out of the shared folders: whoever gets the hand-out would have the keys.";
      problems.push({ id: "private-key", file, value: path.basename(name), message: "is a store of keys", hint });
      continue;
    }
    const secrets = SECRETS.filter((rule) => rule.files?.test(name) ?? true);
    const pieces = piecesOf(name, (await readFile(file)).subarray(0, READ_BYTES));
    const isAllowed = options.allow.some((each) => name === each || name.startsWith(`${each.replace(/\/$/, "")}/`));
    const found = pieces.flatMap((piece) => [
      ...secrets.flatMap((rule) => finds(piece, rule).map((find) => secretProblem(file, piece, rule, find))),
      ...(piece.isOutput && !isAllowed ? personal : []).flatMap((rule) =>
        finds(piece, rule).map((find) => personalProblem(file, name, piece, rule, find)),
      ),
    ]);
    problems.push(...withCount(file, distinct(found)));
  }
  return problems;
}

/** Files with a NUL near their beginning are no text and have no pieces; but UTF-16, as Windows' programs write it. */
export function piecesOf(name: string, bytes: Buffer): Piece[] {
  const utf16 = /^(?:fffe|feff)/.exec(bytes.toString("hex", 0, 2))?.[0];
  if (utf16 === undefined && bytes.subarray(0, 8000).includes(0)) return [];
  const text =
    utf16 === undefined
      ? bytes.toString("utf8")
      : new TextDecoder(utf16 === "fffe" ? "utf-16le" : "utf-16be").decode(bytes);
  const cells = name.toLowerCase().endsWith(".ipynb") ? cellsOf(text) : undefined;
  if (cells === undefined) return [{ text, isOutput: false }];
  // Metadata, and whatever else stands in the file beside sources and outputs: as text, without a place.
  return [...cells.pieces, { text: cells.rest, isOutput: false }];
}

/** What nbformat 4 says of cells, read without trust: a notebook that is none is looked at as a text. */
function cellsOf(text: string): { pieces: Piece[]; rest: string } | undefined {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  const given = (data as { cells?: unknown } | null)?.cells;
  if (!Array.isArray(given)) return undefined;
  const pieces = given.flatMap((value: unknown, cell): Piece[] => {
    const { source, outputs } = (value ?? {}) as Record<string, unknown>;
    const printed = Array.isArray(outputs) ? outputs.flatMap(outputTexts) : [];
    return [
      { text: joined(source), cell, isOutput: false },
      ...printed.map((each) => ({ text: each, cell, isOutput: true })),
    ];
  });
  const rest = {
    ...(data as object),
    cells: given.map((cell: unknown) => ({ ...(cell as object), source: "", outputs: [] })),
  };
  return { pieces, rest: JSON.stringify(rest) };
}

/** A stream's text, an error's words, and every form in which a result is kept but pictures. */
function outputTexts(output: unknown): string[] {
  const { text, data, ename, evalue, traceback } = (output ?? {}) as Record<string, unknown>;
  const forms = Object.entries((data ?? {}) as Record<string, unknown>).filter(
    ([type]) => !/^image\/(?!svg)/.test(type),
  );
  const values = [text, ...forms.map(([, value]) => value), ename, evalue, traceback];
  return values
    .map((value) => (typeof value === "object" && !Array.isArray(value) ? JSON.stringify(value) : joined(value)))
    .filter((value) => value !== undefined && value !== "");
}

function joined(value: unknown): string {
  if (Array.isArray(value)) return value.filter((each) => typeof each === "string").join("");
  return typeof value === "string" ? value : "";
}

interface Find {
  text: string;
  line: number;
}

function finds({ text }: Piece, rule: Rule): Find[] {
  const found: Find[] = [];
  for (const match of text.matchAll(rule.pattern)) {
    const what = match[1] ?? match[0];
    if (rule.counts && !rule.counts(what)) continue;
    found.push({ text: what, line: text.slice(0, match.index).split("\n").length });
    if (found.length > 1000) break;
  }
  return found;
}

function secretProblem(file: string, piece: Piece, { id, what }: Rule, find: Find): Problem {
  const hint =
    id === "password"
      ? "Take it out and have the notebook ask for it (getpass.getpass()). If it was a real one, change it."
      : "Take it out. If it was ever shared, have it revoked: a new one costs less than a stolen one.";
  return {
    ...place(file, piece, find),
    id,
    value: hidden(find.text),
    message: `${told(piece)} ${what}: ${hidden(find.text)}`,
    hint,
  };
}

function personalProblem(file: string, name: string, piece: Piece, { id, what }: Rule, find: Find): Problem {
  const hint = `Clear the cell's output and save the notebook. If these are no real people, allow it in workbench.yaml: handout: { allow: [${name}] }.`;
  return {
    ...place(file, piece, find),
    id,
    value: shortened(find.text),
    message: `${told(piece)} ${what}: ${shortened(find.text)}`,
    hint,
  };
}

function place(file: string, piece: Piece, find: Find): Pick<Problem, "file" | "line" | "cell"> {
  return { file, line: find.line, ...(piece.cell === undefined ? {} : { cell: piece.cell }) };
}

function told({ cell, isOutput }: Piece): string {
  if (cell === undefined) return "holds";
  return isOutput ? "its output shows" : "its text holds";
}

/** Enough to find it, too little to use it: logs and terminals keep what they are shown. */
function hidden(text: string): string {
  return text.startsWith("-----") ? text : `${[...text].slice(0, 4).join("")}…`;
}

function shortened(text: string): string {
  const letters = [...text.replace(/\p{Cc}/gu, " ")];
  return letters.length > 60 ? `${letters.slice(0, 59).join("")}…` : letters.join("");
}

/** One find may be shown in several forms of one output (text and HTML). */
function distinct(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ id, cell, value }) => {
    const key = JSON.stringify([id, cell, value]);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function withCount(file: string, problems: Problem[]): Problem[] {
  const secrets = problems.filter(({ id }) => SECRETS.some((rule) => rule.id === id));
  const personal = problems.filter((problem) => !secrets.includes(problem));
  if (personal.length <= TOLD) return problems;
  const more = `and ${personal.length - TOLD} more of the kind in this file`;
  return [...secrets, ...personal.slice(0, TOLD), { id: "more-personal-data", file, message: more }];
}
