/** What `notebox destroy` says. */
import type { DestroyResult } from "../../commands/destroy.ts";
import { holds, unread } from "./backup.ts";

export function text({ destroyed, backup }: DestroyResult): string {
  if (!destroyed) return "There is no VM here; nothing had to be deleted.";
  const deleted = "The VM is deleted. notebooks/ and api/ are where they were; `notebox up` makes a new VM.";
  if (backup === null) return deleted;
  return [
    deleted,
    `Saved before: ${backup.file}`,
    `It holds ${holds(backup)}: keep it to yourself.`,
    ...unread(backup),
    "After `notebox up`, `notebox restore FILE` brings it back.",
  ].join("\n");
}
