/** What `render` says to a person: the files that were touched, or the zip. */
import type { RenderOptions, RenderResult } from "../../commands/render.ts";
import { size, table } from "./table.ts";

const WORDS = { create: "create", change: "change", delete: "delete", keep: "keep  " } as const;

export function text(result: RenderResult, _options: RenderOptions): string {
  const lines = result.zip ? zipLines(result) : folderLines(result);
  return `${lines.join("\n")}\n`;
}

/** The author's own files one by one, since they are what must be looked at; the bundle as one line. */
function zipLines({ zip, dryRun }: RenderResult): string[] {
  if (!zip) return [];
  const what = `${zip.file}: ${zip.files} files`;
  const files = zip.content.filter(({ path }) => !path.endsWith("/"));
  const inside = (path: string): string => path.slice(path.indexOf("/") + 1);
  const isOwn = (path: string): boolean =>
    /^(?:originals\/(?!workbench\.yaml$)|wheels\/|share\/|workbench\.)/.test(inside(path));
  const own = files.filter(({ path }) => isOwn(path));
  const bundle = files.filter(({ path }) => !isOwn(path));
  const told = (bytes: number | undefined): string => (bytes === undefined ? "" : size(bytes));
  const sum = dryRun ? undefined : bundle.reduce((total, { bytes }) => total + (bytes ?? 0), 0);
  const rows = [
    ...own.map(({ path, bytes }) => [`  ${inside(path)}`, told(bytes)]),
    [`  the bundle: Vagrantfile, launchers, provision/ (${bundle.length} files)`, told(sum)],
  ];
  const box = zip.box ? [`The box ${zip.box.name} ${zip.box.version} is in it: ${size(zip.box.bytes)}.`] : [];
  return [dryRun ? `Would write ${what}` : `Wrote ${what}, ${size(zip.bytes)}`, ...table(rows, [1]), ...box];
}

function folderLines({ changes, dryRun, folder }: RenderResult): string[] {
  const kept = changes.filter((change) => change.action === "keep").length;
  const touched = changes.filter((change) => change.action !== "keep");
  const lines = touched.map(({ action, path, byHand }) => {
    const remark = byHand === undefined ? "" : `  (${byHand}: needs --force)`;
    return `${WORDS[action]} ${path}${dryRun ? remark : ""}`;
  });
  if (dryRun) lines.push(...changes.filter((c) => c.action === "keep").map((c) => `${WORDS.keep} ${c.path}`));
  const count = `${touched.length === 0 ? "no" : touched.length} ${touched.length === 1 ? "file" : "files"}`;
  const summary = dryRun ? `${count} would change` : `${count} changed`;
  return [...lines, `${folder}: ${summary}, ${kept} kept.`];
}
