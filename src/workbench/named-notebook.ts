/**
 * A notebook that workbench.yaml names: whether it is there, is one, and, if it is served as an API, whether the gateway
 * starts with it. Where the path may lead is for values.ts.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { type Problem, systemErrorCode } from "../errors.ts";
import { lint, severityOf } from "../notebooks/lint/lint.ts";
import { asProblem, told } from "../notebooks/lint/told.ts";
import { parseNotebook, readNotebookBytes } from "../notebooks/notebook.ts";
import { startFaults } from "../notebooks/routes.ts";
import { placeOf } from "./originals.ts";
import { nearest } from "./suggest.ts";

export type Complain = (id: string, at: readonly PropertyKey[], problem: Omit<Problem, "id">) => void;

export interface NamedNotebook {
  /** Where it is named. */
  at: readonly string[];
  /** As it is named: below the workbench folder. */
  notebook: string;
  folder: string;
  /** Of one that is served. `kernels`: undefined when only what keeps the gateway from starting counts. */
  served: { kernels: number | undefined } | undefined;
}

export async function namedNotebook(
  { at, notebook, folder, served }: NamedNotebook,
  complain: Complain,
): Promise<void> {
  const file = await placeOf(folder, notebook);
  let bytes: Buffer;
  try {
    bytes = await readNotebookBytes(file);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") {
      const message = `${at.join(".")}: there is no ${notebook}.`;
      complain("notebook-missing", at, {
        message,
        value: notebook,
        hint: await nearbyNotebooks(folder, notebook),
      });
      return;
    }
    const reasons = new Map([
      ["EISDIR", "is a folder"],
      ["ENXIO", "is not a plain file"],
      ["EFBIG", "is larger than 100 MiB"],
      ["EACCES", "cannot be read: no permission"],
    ]);
    const why = reasons.get(code ?? "") ?? `cannot be read (${code})`;
    complain("notebook-unreadable", at, { message: `${at.join(".")}: ${notebook} ${why}.`, value: notebook });
    return;
  }
  for (const fault of notebookFaults(bytes, served)) {
    // Where the cell is known, the notebook itself is the place to go to.
    if (fault.cell !== undefined) complain(fault.id, at, { ...fault, file });
    else complain(fault.id, at, { value: notebook, ...fault, message: `${notebook}: ${fault.message}` });
  }
}

function notebookFaults(bytes: Buffer, served: NamedNotebook["served"]): readonly Omit<Problem, "file">[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const hint = "Open it in Jupyter and save it again, or take an older copy.";
    return [{ id: "notebook-not-json", message: "This notebook is not UTF-8 text, so it is not JSON.", hint }];
  }
  const read = parseNotebook(text);
  if ("problem" in read) return [read.problem];
  if (served === undefined) return [];
  const { kernels } = served;
  if (kernels === undefined) return startFaults(read.notebook);
  const errors = lint(read.notebook, { kernels }).filter((finding) => severityOf(finding) === "error");
  return errors.map((finding) => asProblem(told(finding)));
}

async function nearbyNotebooks(folder: string, wanted: string): Promise<string> {
  const found: string[] = [];
  for (const top of ["api", "notebooks"]) {
    const names = await fs.readdir(path.join(folder, top)).catch(() => []);
    found.push(...names.filter((name) => name.endsWith(".ipynb")).map((name) => `${top}/${name}`));
  }
  const near = nearest(wanted, found);
  if (near !== undefined) return `Did you mean ${near}?`;
  if (found.length === 0) return "Put the notebook there, or correct the path.";
  return `There is ${found.sort().slice(0, 5).join(", ")}.`;
}
