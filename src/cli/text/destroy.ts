/** What `notebox destroy` says. */
import type { DestroyResult } from "../../commands/destroy.ts";

export function text(result: DestroyResult): string {
  if (!result.destroyed) return "There is no VM here; nothing had to be deleted.";
  return "The VM is deleted. notebooks/ and api/ are where they were; `notebox up` makes a new VM.";
}
