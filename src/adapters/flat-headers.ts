/** An answer's headers as notebox looks at them: names in lower case, one text for each. */
import type { IncomingHttpHeaders } from "node:http";

export function flat(headers: IncomingHttpHeaders): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(", ") : value,
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
