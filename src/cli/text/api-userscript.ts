/** `api userscript`: the script itself, or where it was written. */
import type { ApiUserscriptResult } from "../../commands/api-userscript.ts";

export function text({ script, origins, file }: ApiUserscriptResult): string {
  return file === undefined ? script : `${file} is written, for pages of ${origins.join(", ")}.`;
}
