/**
 * `api openapi`: the description of a notebook's API as OpenAPI 3.1, or with --html a page on which each route can be
 * tried. What is described is in src/notebooks/openapi.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { asDiskFull, systemErrorCode, UserError } from "../errors.ts";
import { type OpenApiDocument, openApiDocument } from "../notebooks/openapi/document.ts";
import { embeddable, fillIn } from "../notebooks/openapi/embed.ts";
import { startFaults } from "../notebooks/routes.ts";
import type { Deps } from "../ports.ts";
import { readEndpoints } from "../vagrant/machine-files.ts";
import { type ServedNotebook, servedNotebook } from "../workbench/served-notebook.ts";

export interface ApiOpenapiOptions {
  folder: string;
  notebook: string;
  /** A page instead of JSON; a text names its file. */
  html?: boolean | string;
  /** The file to write; standard output when not given. Relative to the current folder. */
  out?: string;
  /** False: nothing of saved outputs and of the author's examples. */
  examples?: boolean;
}

export interface ApiOpenapiResult {
  document: OpenApiDocument;
  /** Absolute; what was written. */
  file?: string;
  /** The page, when it was not written into a file. */
  page?: string;
}

/** Throws UserError `usage`, `invalid` for a notebook that the gateway would not start with. */
export async function apiOpenapi(deps: Deps, options: ApiOpenapiOptions): Promise<ApiOpenapiResult> {
  const found = await servedNotebook(options.folder, options.notebook);
  refuseUnserved(found);
  const document = openApiDocument(found.notebook, {
    name: path.basename(found.file, ".ipynb"),
    url: addressOf(found),
    examples: options.examples ?? true,
  });
  const wantsPage = options.html !== undefined && options.html !== false;
  const page = wantsPage ? fillIn(await readTemplate(deps, "page.html"), { [EMPTY]: filled(document) }) : undefined;
  if (typeof options.html === "string" && options.out !== undefined)
    throw new UserError({
      code: "usage",
      message: "--html names a file, and --out another.",
      hint: "One file is written: `--html FILE` for the page, or `--out FILE` for the description.",
    });
  const out = options.out ?? (typeof options.html === "string" ? options.html : undefined);
  if (out === undefined) return { document, ...(page === undefined ? {} : { page }) };
  const file = path.resolve(out);
  await writeOutput(file, page ?? `${JSON.stringify(document, null, 2)}\n`);
  return { document, file };
}

const EMPTY = '<script type="application/json" id="document">null</script>';

function filled(document: OpenApiDocument): string {
  return EMPTY.replace("null", () => embeddable(document));
}

/** Throws UserError `invalid` with everything that keeps the gateway from starting. */
export function refuseUnserved({ file, notebook }: ServedNotebook): void {
  const faults = startFaults(notebook);
  if (faults.length === 0) return;
  throw new UserError({
    code: "invalid",
    message: `The gateway cannot serve ${file}:`,
    problems: faults.map((fault) => ({ ...fault, file })),
    hint: "`notebox api lint` shows everything that is wrong with it.",
  });
}

/** Where the service is: at its real port while the VM runs, else at the port that the workbench names. */
export function addressOf({ served }: ServedNotebook): string | undefined {
  if (served === undefined) return undefined;
  const running = readEndpoints(served.workbench.folder)?.services[served.service.name]?.url;
  return running ?? `http://127.0.0.1:${served.service.port}/`;
}

export async function readTemplate(deps: Deps, name: string): Promise<string> {
  const text = await fs.readFile(path.join(deps.assets, "templates", "api", name), "utf8");
  return text.replaceAll("\r\n", "\n");
}

export async function writeOutput(file: string, text: string): Promise<void> {
  try {
    await fs.writeFile(file, text);
  } catch (error) {
    const code = systemErrorCode(error) ?? "";
    const why = new Map([
      ["ENOENT", "its folder is not there"],
      ["EISDIR", "it is a folder"],
      ["EACCES", "no permission"],
    ]).get(code);
    if (why === undefined) throw asDiskFull(error, file);
    throw new UserError({ code: "usage", message: `${file} cannot be written: ${why}.`, hint: "Name another file." });
  }
}
