/** `api openapi`: the document or the page itself, or where it was written. */
import type { ApiOpenapiResult } from "../../commands/api-openapi.ts";

export function text({ document, file, page }: ApiOpenapiResult): string {
  if (file !== undefined) return `${file} is written.`;
  return page ?? JSON.stringify(document, null, 2);
}
