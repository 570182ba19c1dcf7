/** `api call`: the answer's body as it came. Its status and headers are in the JSON result. */
import type { ApiCallResult } from "../../commands/api-call.ts";

export function text({ body }: ApiCallResult): string {
  return body;
}
