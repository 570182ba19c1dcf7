/** What `notebox up` ends with: where the workbench is, how to open it, how to stop it. */
import type { UpResult } from "../../commands/up.ts";
import type { Report } from "../../commands/verify.ts";
import { reportText } from "./report.ts";

const DONE: Readonly<Record<string, string>> = {
  none: "runs already, as workbench.yaml says",
  provision: "runs; what is in it was brought up to date",
  reload: "was started again with the new settings",
};

/** Of a failure too: when a check has failed, the result is the checks' report, and is printed as `verify` prints it. */
export function text(result: UpResult | Report | object): string {
  if (!isUpResult(result)) return "counts" in result ? reportText(result as Report) : "";
  const width = Math.max(0, ...result.services.map(({ name }) => name.length));
  return [
    `${result.title} ${DONE[result.action] ?? "is running"}, and every check has passed (${duration(result.seconds)}).`,
    "",
    ...result.services.map(({ name, url }) => `  ${name.padEnd(width)}  ${url ?? "inside the VM"}`),
    "",
    "Open it in the browser:  notebox open",
    "Stop it:                 notebox down",
  ].join("\n");
}

function duration(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function isUpResult(result: object): result is UpResult {
  return "services" in result && "action" in result;
}
