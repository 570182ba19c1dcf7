/**
 * Which files of a source come into notebooks/: the notebooks, and beside them what notebooks read, at the same places.
 * Programs and what nobody knows stay behind. Reads notebooks to see that they are some; writing is the command's.
 */
import { fitsWindows, nameKey } from "../workbench/file-names.ts";
import { SETTINGS } from "./binder.ts";
import { COMPOSE_FILES } from "./compose.ts";
import type { Findings } from "./lines.ts";
import { LARGEST_FILE, MiB, type Source, type SourceFile } from "./source.ts";

export interface Copied {
  /** In the workbench, with forward slashes. */
  to: string;
  file: SourceFile;
}

const MOST_BYTES = 500 * MiB;
/** What notebooks read, and their modules. Nothing that a double-click would run. */
const DATA =
  /\.(?:ipynb|py|md|rst|txt|csv|tsv|json|jsonl|geojson|topojson|xml|ya?ml|toml|ini|sql|bib|html|css|png|jpe?g|gif|svg|webp|pdf|xlsx?|ods|parquet|feather|npy|npz|h5|hdf5|nc|db|sqlite3?|dat|gz|wav|mp3)$/i;

/** In the order of their paths; tells what becomes of each notebook, and of the rest in one line. */
export async function chooseFiles(source: Source, findings: Findings): Promise<Copied[]> {
  const chosen: SourceFile[] = [];
  const left: string[] = [];
  const seen = new Map<string, string>();
  const folders = new Set(source.files.flatMap(({ path }) => foldersOf(nameKey(path))));
  let bytes = 0;
  for (const file of source.files) {
    if (isSettings(file.path)) continue;
    const isNotebook = /\.ipynb$/i.test(file.path);
    if (file.path.split("/").some((part) => part.startsWith(".")) || !DATA.test(file.path)) {
      left.push(file.path);
      continue;
    }
    const twin = seen.get(nameKey(file.path));
    const why =
      twin !== undefined
        ? `it differs from ${twin} by upper and lower case only`
        : folders.has(nameKey(file.path))
          ? "a folder has the same name"
          : (nameComplaint(file.path) ?? (isNotebook ? await notebookComplaint(file) : sizeComplaint(file)));
    if (why === undefined && bytes + file.size > MOST_BYTES) {
      findings.tell(
        { file: file.path },
        file.path,
        "could-not-take",
        "What is copied would be more than 500 MiB: put large data on a share and read it from there.",
      );
      continue;
    }
    if (why !== undefined) {
      findings.tell({ file: file.path }, file.path, "could-not-take", `Not copied: ${why}.`);
      continue;
    }
    bytes += file.size;
    seen.set(nameKey(file.path), file.path);
    chosen.push(file);
  }
  if (chosen.length > 0 && !chosen.some(({ path }) => /\.ipynb$/i.test(path))) {
    left.push(...chosen.map(({ path }) => path));
    chosen.length = 0;
  }
  const inside = chosen.length > 0 && chosen.every(({ path }) => path.startsWith("notebooks/"));
  const copied = chosen.map((file) => ({ to: inside ? file.path : `notebooks/${file.path}`, file }));
  for (const { to, file } of copied)
    if (/\.ipynb$/i.test(to)) findings.tell({ file: file.path }, file.path, "took", `Copied to ${to}.`);
  const data = copied.filter(({ to }) => !/\.ipynb$/i.test(to));
  if (data.length > 0)
    findings.tell(
      { file: "." },
      some(data.map(({ file }) => file.path)),
      "took",
      `Copied into notebooks/, where the notebooks find ${data.length === 1 ? "it" : "them"}.`,
    );
  if (left.length > 0)
    findings.tell(
      { file: "." },
      some(left),
      "could-not-take",
      "Not copied: no notebooks and no data that is known. Put what the notebooks need into notebooks/ yourself.",
    );
  for (const { path, why } of source.skipped)
    findings.tell({ file: path }, path, "could-not-take", `Not copied: ${why}.`);
  return copied;
}

/** "a/b/c" → a, a/b. */
function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join("/"));
}

function isSettings(path: string): boolean {
  const name = path.replace(/^\.?binder\//, "");
  return SETTINGS.has(name) || COMPOSE_FILES.includes(path);
}

function some(paths: readonly string[]): string {
  const shown = paths.slice(0, 3).join(", ");
  return paths.length > 3 ? `${paths.length} other files (${shown}, …)` : shown;
}

// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
function nameComplaint(path: string): string | undefined {
  // File systems take 255 bytes, or 255 characters; a name in the making is longer by 42.
  if (path.split("/").some((part) => Buffer.byteLength(part) > 200)) return "its name is longer than 200 bytes";
  return !path.split("/").every(fitsWindows) ? "Windows has no such names; rename it" : undefined;
}

function sizeComplaint({ size }: SourceFile): string | undefined {
  return size > LARGEST_FILE ? "it is larger than 50 MiB; put it on a share and read it from there" : undefined;
}

async function notebookComplaint(file: SourceFile): Promise<string | undefined> {
  const large = sizeComplaint(file);
  if (large !== undefined) return large;
  try {
    const data: unknown = JSON.parse((await file.read()).toString("utf8").replace(/^\uFEFF/, ""));
    const { nbformat, cells } = (data ?? {}) as { nbformat?: unknown; cells?: unknown };
    if (typeof nbformat === "number" && nbformat < 4)
      return "it is in an old format; open and save it in Jupyter first";
    return Array.isArray(cells) ? undefined : "it is no notebook";
  } catch (error) {
    return error instanceof SyntaxError
      ? "it is no notebook"
      : error instanceof Error
        ? error.message.replace(/\.$/, "")
        : "it cannot be read";
  }
}
