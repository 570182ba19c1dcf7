/** `api routes` for people: one route a line, in the gateway's order. */
import type { ApiRoutesResult } from "../../commands/api-routes.ts";

export function text(result: ApiRoutesResult): string {
  const lines: string[] = [];
  if (!result.starts) {
    lines.push("The kernel gateway does not start with this notebook:");
    for (const { message, hint, cell } of result.reasons)
      lines.push(`  ${cell === undefined ? "" : `cell ${cell}: `}${message}`, `    ${hint}`);
    lines.push("");
  }
  const width = (values: readonly string[]): number => Math.max(0, ...values.map((value) => value.length));
  const paths = width(result.routes.map((route) => route.path));
  for (const { method, path, cells, responseInfo } of result.routes) {
    const info = responseInfo.length === 0 ? "no ResponseInfo" : `ResponseInfo ${named(responseInfo)}`;
    lines.push(`${method.padEnd(6)} ${path.padEnd(paths)}  ${named(cells)}, ${info}`);
  }
  if (result.routes.length === 0) lines.push("No routes.");
  lines.push(
    result.seedCells.length === 0
      ? "No cell runs at the start."
      : `At the start: ${named(result.seedCells)}. Cells count from 0.`,
  );
  return lines.join("\n");
}

function named(cells: readonly number[]): string {
  return `${cells.length === 1 ? "cell" : "cells"} ${cells.join(", ")}`;
}
