/** What `restore` did, for a person. */
import type { RestoreResult } from "../../commands/restore.ts";

export function text({ file, made, restored, left, moved }: RestoreResult): string {
  return [
    `Restored from ${file}, made ${made.replace("T", " ").replace(/\.\d+Z$/, " UTC")}: ${restored.join(", ") || "nothing"}.`,
    ...left,
    ...moved.map(({ name, before, now }) => `${name} is at ${now} now; it was at ${before}.`),
  ].join("\n");
}
