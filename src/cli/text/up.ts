/** What `notebox up` ends with: where the workbench is, how to open it, how to stop it. */
import type { UpResult } from "../../commands/up.ts";

const DONE: Readonly<Record<string, string>> = {
  none: "runs already, as workbench.yaml says",
  provision: "runs; what is in it was brought up to date",
  reload: "was started again with the new settings",
};

export function text(result: Partial<UpResult>): string {
  // `up` has no report of its own when it fails; the checks' is printed as `verify` would.
  if (result.services === undefined) return "";
  const width = Math.max(0, ...result.services.map(({ name }) => name.length));
  return [
    `${result.title} ${DONE[result.action ?? ""] ?? "is running"}, and every check has passed (${duration(result.seconds ?? 0)}).`,
    "",
    ...result.services.map(({ name, url }) => `  ${name.padEnd(width)}  ${url}`),
    "",
    "Open it in the browser:  notebox open",
    "Stop it:                 notebox down",
  ].join("\n");
}

function duration(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
