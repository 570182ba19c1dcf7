/** `box rebase` for people. */
import type { BoxRebaseResult } from "../../commands/box-rebase.ts";

export function text({ doors, added, removed, catalogs }: BoxRebaseResult): string {
  return [
    `${catalogs.length} ${catalogs.length === 1 ? "catalog" : "catalogs"} written.`,
    ...doors.map((door) => `  door     ${door}${added.includes(door) ? " (new)" : ""}`),
    ...removed.map((door) => `  removed  ${door}`),
  ].join("\n");
}
