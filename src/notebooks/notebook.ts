/** An .ipynb file → its cells: the part of nbformat 4 that notebox reads. What cells mean is for routes.ts. */
import fs from "node:fs/promises";
import * as z from "zod";
import { type Problem, systemErrorCode, UserError } from "../errors.ts";
import { type Notes, notesOfMetadata } from "./notes.ts";

// https://nbformat.readthedocs.io/en/latest/format_description.html; a text may be one string or a list of lines.
const schema = z.looseObject({
  nbformat: z.literal(4),
  metadata: z.looseObject({
    kernelspec: z.looseObject({ name: z.string(), language: z.string().optional().catch(undefined) }).optional(),
    language_info: z.looseObject({ name: z.string() }).optional(),
    title: z.string().optional().catch(undefined),
  }),
  cells: z.array(
    z.looseObject({
      cell_type: z.string(),
      source: z
        .union([z.string(), z.array(z.string())])
        .transform((text) => (typeof text === "string" ? text : text.join(""))),
      outputs: z.array(z.unknown()).optional().catch(undefined),
      metadata: z.looseObject({ notebox: z.unknown() }).optional().catch(undefined),
    }),
  ),
});

export interface Cell {
  /** "code", "markdown" or "raw". */
  type: string;
  source: string;
  /** What its last run printed to standard output, if the notebook was saved with that. */
  stdout?: string;
  /** Everything that its saved outputs show as text: stdout, errors, results. */
  shown?: string;
  /** What its metadata says to notebox. */
  notes?: Notes | { wrong: string };
}

export interface Notebook {
  /** The author's own title in the notebook's metadata. */
  title?: string;
  /** Name of the kernel, such as python3; undefined when the notebook does not say. */
  kernel: string | undefined;
  /** The kernel's language as the notebook names it, such as "python" or "R"; the gateway goes by this one. */
  language: string | undefined;
  /** The same in the kernel's own entry, which some editors write alone. */
  kernelLanguage?: string;
  cells: readonly Cell[];
}

/** A notebook, or why it is none. */
export type Read = { notebook: Notebook } | { problem: Omit<Problem, "file"> };

/** Reads the text of an .ipynb file. */
export function parseNotebook(text: string): Read {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const why = text.trim() === "" ? "is empty" : "is not JSON";
    const hint = "Open it in Jupyter and save it again, or take an older copy.";
    return { problem: { id: "notebook-not-json", message: `This notebook ${why}.`, hint } };
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    const { metadata, cells } = parsed.data;
    return {
      notebook: {
        kernel: metadata.kernelspec?.name,
        language: metadata.language_info?.name,
        ...(metadata.kernelspec?.language === undefined ? {} : { kernelLanguage: metadata.kernelspec.language }),
        ...(metadata.title === undefined ? {} : { title: metadata.title }),
        cells: cells.map((cell) => ({
          type: cell.cell_type,
          source: cell.source,
          ...outputsOf(cell.outputs ?? []),
          ...notesIn(cell.metadata?.notebox),
        })),
      },
    };
  }
  return { problem: notNbformat4(value, parsed.error.issues[0]?.path ?? []) };
}

function notesIn(metadata: unknown): Pick<Cell, "notes"> {
  const notes = notesOfMetadata(metadata);
  return notes === undefined ? {} : { notes };
}

/** The text of saved outputs; pictures and HTML are left out. */
function outputsOf(outputs: readonly unknown[]): Pick<Cell, "stdout" | "shown"> {
  const stdout: string[] = [];
  const shown: string[] = [];
  for (const output of outputs) {
    const { name, text, data, traceback } = (output ?? {}) as Record<string, unknown>;
    const plain = (data as Record<string, unknown> | undefined | null)?.["text/plain"];
    for (const each of [text, plain, traceback]) if (each !== undefined) shown.push(joined(each));
    if (name === "stdout") stdout.push(joined(text));
  }
  if (shown.length === 0) return {};
  return { shown: shown.join("\n"), ...(stdout.length === 0 ? {} : { stdout: stdout.join("") }) };
}

function joined(text: unknown): string {
  return Array.isArray(text) ? text.filter((each) => typeof each === "string").join("") : String(text ?? "");
}

function notNbformat4(value: unknown, at: readonly PropertyKey[]): Omit<Problem, "file"> {
  const version = typeof value === "object" && value !== null && "nbformat" in value ? value.nbformat : undefined;
  const id = "notebook-format";
  if (typeof version === "number" && version < 4) {
    const hint = "Open it in Jupyter and save it again: that converts it.";
    return { id, message: `This notebook has the old format ${version}, not 4.`, value: version, hint };
  }
  const hint = "Open it in Jupyter and save it again.";
  if (version !== 4) return { id, message: "This is JSON, but not a notebook (nbformat 4).", hint };
  const where = at.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`)).join("");
  const cell = at[0] === "cells" && typeof at[1] === "number" ? { cell: at[1] } : {};
  return { id, message: `This notebook is broken at ${where.replace(/^\./, "")}.`, ...cell, hint };
}

/** Larger ones no browser opens. */
const MAX_BYTES = 100 * 1024 * 1024;

/**
 * The bytes of a notebook. The VM can write in that folder, so it may be anything: what is no file (a pipe never comes
 * to its end) has the code ENXIO, what is too large EFBIG.
 */
export async function readNotebookBytes(file: string): Promise<Buffer> {
  const stats = await fs.stat(file);
  if (!stats.isFile() && !stats.isDirectory()) throw Object.assign(new Error(`${file} is no file`), { code: "ENXIO" });
  if (stats.size > MAX_BYTES) throw Object.assign(new Error(`${file} is too large`), { code: "EFBIG" });
  return await fs.readFile(file);
}

/** Throws UserError `invalid` when there is no sound notebook at that path. */
export async function readNotebook(file: string): Promise<Notebook> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await readNotebookBytes(file));
  } catch (error) {
    const code = systemErrorCode(error);
    const why = code === "ENOENT" ? "is not there" : code === "EISDIR" ? "is a folder" : "cannot be read as UTF-8 text";
    throw new UserError({ code: "invalid", message: `The notebook ${file} ${why}.`, cause: error });
  }
  const read = parseNotebook(text);
  if ("notebook" in read) return read.notebook;
  const problem = { ...read.problem, file };
  throw new UserError({ code: "invalid", message: `The notebook ${file} cannot be used:`, problems: [problem] });
}
