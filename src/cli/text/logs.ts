/** The services' logs one after the other, then where notebox's own are. */
import type { LogsResult } from "../../commands/logs.ts";

export function text(result: LogsResult): string {
  const parts = result.services.map(({ name, lines }) =>
    [`== ${name}`, ...(lines.length === 0 ? ["(nothing written)"] : lines), ""].join("\n"),
  );
  if (result.note !== null) parts.push(`${result.note}\n`);
  if (result.files.length > 0)
    parts.push(["Logs of notebox and Vagrant, newest first:", ...result.files.map((file) => `  ${file}`)].join("\n"));
  else parts.push("There are no logs of notebox here yet.");
  if (result.faults.length > 0) {
    const known = result.faults.flatMap(({ code, cause, hint }) => [`  ${code}: ${cause}`, `    ${hint}`]);
    parts.push(["", "Known faults in the log of the last start:", ...known].join("\n"));
  }
  return parts.join("\n");
}
