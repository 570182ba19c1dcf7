/** `box serve` when it has been stopped, or the configuration that was asked for. */
import type { BoxServeResult } from "../../commands/box-serve.ts";
import { size } from "./table.ts";

export function text(result: BoxServeResult): string {
  if ("configuration" in result) return result.configuration;
  return `${result.share} is no longer served: ${result.requests} requests, ${size(result.bytes)}.`;
}
