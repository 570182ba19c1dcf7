/** What `notebox report` says: where the report is, and what is in it. */
import type { SavedReport } from "../../commands/report.ts";
import { size, table } from "./table.ts";

export function text({ file, bytes, content }: SavedReport): string {
  const rows = content.map((entry) => [`  ${entry.path}`, size(entry.bytes)]);
  return `${[`Wrote ${file}, ${size(bytes)}: without tokens, keys and names.`, ...table(rows, [1])].join("\n")}\n`;
}
