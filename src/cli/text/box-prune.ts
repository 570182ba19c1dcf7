/** `box prune` for people: what went (or would go), with sizes. */
import type { BoxPruneResult } from "../../commands/box-prune.ts";
import { size, table } from "./table.ts";

export function text({ removed, swept, bytes, kept, dryRun }: BoxPruneResult): string {
  const rows = [
    ...removed.map((box) => [`${box.name} ${box.version} ${box.provider} ${box.arch}`, size(box.size), box.why]),
    ...swept.map((one) => [one.path, size(one.bytes), one.why]),
  ];
  const sum = `${kept} ${kept === 1 ? "box stays" : "boxes stay"}`;
  if (rows.length === 0) return `Nothing to remove; ${sum}.`;
  return [
    ...table(rows, [1]),
    "",
    dryRun ? `${size(bytes)} would be free; ${sum}. Nothing was changed.` : `${size(bytes)} are free again; ${sum}.`,
  ].join("\n");
}
