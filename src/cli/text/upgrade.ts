/** What `notebox upgrade` did, for a person. After a failed check: the checks, as `verify` prints them. */
import type { UpgradeResult } from "../../commands/upgrade.ts";
import type { Report } from "../../commands/verify.ts";
import { unread } from "./backup.ts";
import { reportText } from "./report.ts";

export function text(result: UpgradeResult | Report): string {
  if (!("backup" in result)) return "counts" in result ? reportText(result) : "";
  const { title, backup, restored, left } = result;
  return [
    `${title} runs in a new VM, and every check has passed. Brought over: ${restored.join(", ") || "nothing"}.`,
    ...left,
    `The old VM is gone; what was in it is kept in ${backup.file}, which holds tokens: keep it to yourself.`,
    ...unread(backup),
    ...backup.left.map((name) => `What ${name}, which is no service any more, left is in that file alone.`),
  ].join("\n");
}
