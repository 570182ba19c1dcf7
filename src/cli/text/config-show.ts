/** `config show` as a table: setting, value, origin. */
import path from "node:path";
import type { ConfigShowResult } from "../../commands/config-show.ts";

export function text(result: ConfigShowResult): string {
  const rows = result.settings.map(({ key, value, origin }) => [
    key,
    shown(value),
    origin.from === "file" ? `${path.basename(result.file)}:${origin.line}` : "default",
  ]);
  const widths = [0, 1].map((column) => Math.min(60, Math.max(...rows.map((row) => (row[column] ?? "").length))));
  const lines = rows.map(([key = "", value = "", origin = ""]) =>
    `${key.padEnd(widths[0] ?? 0)}  ${value.padEnd(widths[1] ?? 0)}  ${origin}`.trimEnd(),
  );
  return [result.file, ...lines].join("\n");
}

function shown(value: unknown): string {
  if (value === null) return "-";
  return typeof value === "string" ? value : JSON.stringify(value);
}
