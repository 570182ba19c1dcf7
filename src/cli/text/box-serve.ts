/** `box serve` when it has been stopped, or the configuration that was asked for. */
import type { BoxServeResult } from "../../commands/box-serve.ts";

export function text(result: BoxServeResult): string {
  if ("configuration" in result) return result.configuration;
  const size =
    result.bytes < 1024 ** 3
      ? `${Math.round(result.bytes / 1024 ** 2)} MiB`
      : `${(result.bytes / 1024 ** 3).toFixed(1)} GiB`;
  return `${result.share} is no longer served: ${result.requests} requests, ${size}.`;
}
