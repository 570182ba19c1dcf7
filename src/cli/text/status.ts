/** What `notebox status` says. */
import type { StatusResult } from "../../commands/status.ts";

const VM: Readonly<Record<string, string>> = {
  running: "running",
  not_created: "there is none yet; `notebox up` makes it",
  poweroff: "off; `notebox up` starts it",
  shutoff: "off; `notebox up` starts it",
  aborted: "it was cut off; `notebox up` starts it again",
  saved: "suspended; `notebox up` wakes it",
};

export function text(result: StatusResult): string {
  const silent = result.answers === false ? ", but it does not answer (is it still starting?)" : "";
  const state = result.busy && result.vm === "not_created" ? "being made" : (VM[result.vm] ?? result.vm);
  const lines = [`VM: ${state}${silent}`];
  if (result.busy) lines.push(`  \`notebox ${result.busy}\` is at work on it.`);
  const width = Math.max(0, ...result.services.map(({ name }) => name.length));
  for (const { name, url, state } of result.services)
    lines.push(`  ${name.padEnd(width)}  ${state ?? "unknown"}  ${url ?? "inside the VM"}`);
  if (result.services.some(({ state }) => state === "failed"))
    lines.push("`notebox logs` shows what the services wrote.");
  return lines.join("\n");
}
