/** What `backup` did, for a person. */
import type { BackupResult } from "../../commands/backup.ts";

export function text(result: BackupResult): string {
  return [
    `Saved: ${result.file}`,
    `It holds ${holds(result)}. Work in notebooks/ and api/ lies on this computer and is not in it.`,
    ...unread(result),
    "It holds tokens and your work: keep it to yourself. `notebox restore FILE` brings it back.",
    ...(result.wasOff ? ["The VM was off; it was started for this and is off again."] : []),
  ].join("\n");
}

/** Also told by those that back up before they do something else. */
export function holds({ home, python, services, left, tokens }: BackupResult): string {
  const parts = [
    `the home folder (${home} ${home === 1 ? "entry" : "entries"})`,
    ...(python > 0 ? ["what pip installed in notebooks"] : []),
    ...services.map((name) => `what ${name} holds`),
    ...left.map((name) => `what ${name}, which is no service any more, left`),
    `${tokens} ${tokens === 1 ? "token" : "tokens"}`,
  ];
  return `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

export function unread({ without }: BackupResult): string[] {
  return without.length === 0
    ? []
    : ["Not whole, because it could not be read:", ...without.map((line) => `  ${line}`)];
}
