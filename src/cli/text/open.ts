/** What `notebox open` says. */
import type { OpenResult } from "../../commands/open.ts";

export function text(result: OpenResult): string {
  return `${result.program} was asked to show ${result.page}`;
}
