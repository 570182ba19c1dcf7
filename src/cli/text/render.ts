/** What `render` says to a person: the files that were touched, or the zip. */
import type { RenderOptions, RenderResult } from "../../commands/render.ts";

const WORDS = { create: "create", change: "change", delete: "delete", keep: "keep  " } as const;

export function text(result: RenderResult, _options: RenderOptions): string {
  const lines = result.zip ? zipLines(result) : folderLines(result);
  return `${lines.join("\n")}\n`;
}

function zipLines({ zip, dryRun }: RenderResult): string[] {
  if (!zip) return [];
  const what = `${zip.file}: ${zip.files} files`;
  return [dryRun ? `Would write ${what}` : `Wrote ${what}, ${(zip.bytes / 1024 / 1024).toFixed(1)} MiB`];
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
