/** What `notebox down` says. */
import type { DownResult } from "../../commands/down.ts";

export function text(result: DownResult): string {
  if (result.before === "not-created") return "There is no VM here yet; nothing had to be stopped.";
  if (result.before === "off") return "The VM was off already.";
  return "The VM is off. `notebox up` starts it again, with everything that was in it.";
}
