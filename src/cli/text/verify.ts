/** `verify` in the format that was asked for. JSON is the rim's business. */
import type { Report, VerifyOptions } from "../../commands/verify.ts";
import { junit } from "./junit.ts";
import { reportText } from "./report.ts";
import { tap } from "./tap.ts";

export function text(report: Report, options: VerifyOptions): string {
  if (options.format === "junit") return junit(report);
  return options.format === "tap" ? tap(report) : reportText(report);
}
