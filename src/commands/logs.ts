/** `notebox logs`: what the VM's services wrote, without tokens, and where notebox's own logs lie. */
import fs from "node:fs";
import path from "node:path";
import { UserError } from "../errors.ts";
import { faultsIn } from "../faults.ts";
import type { Deps } from "../ports.ts";
import { createRedactor } from "../redact.ts";
import { askGuest } from "../vagrant/guest.ts";
import { readEndpoints, requireWorkbenchFolder } from "../vagrant/machine-files.ts";

export interface LogsOptions {
  folder: string;
  service?: string;
  /** How many lines of each service, as the command line has it. */
  lines?: string;
}

export interface LogsResult {
  services: { name: string; lines: string[] }[];
  /** Why there is nothing of the services, if there is nothing. */
  note: string | null;
  /** notebox's and the launchers' own logs, newest first; Vagrant's output is in them. */
  files: string[];
  /** What is known about in the log of the last start. */
  faults: { code: string; cause: string; hint: string }[];
}

const MARK = "--notebox-logs--";

export async function logs(deps: Deps, options: LogsOptions): Promise<LogsResult> {
  const { folder } = options;
  requireWorkbenchFolder(folder);
  const count = wanted(options.lines);
  const files = ownLogs(folder);
  const faults = knownIn(lastStart(folder));
  const endpoints = readEndpoints(folder);
  if (endpoints?.ssh === undefined)
    return { services: [], note: "The VM is not running, so its services cannot be asked.", files, faults };
  const names = choose(endpoints.services, options.service);
  const answer = await askGuest(deps, endpoints.ssh, script(names, count), 30_000);
  if (answer === undefined)
    return { services: [], note: "The VM does not answer, so its services cannot be asked.", files, faults };
  const [tokens = "", ...journals] = answer.stdout.split(`${MARK}\n`);
  const redactor = createRedactor(deps.homeDir);
  for (const token of tokens.split("\n")) redactor.add(token.trim());
  const services = names.map(({ name }, at) => ({
    name,
    lines: (journals[at] ?? "")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => redactor.clean(line)),
  }));
  return { services, note: null, files, faults };
}

function wanted(lines: string | undefined): number {
  const count = Number(lines ?? "50");
  if (Number.isInteger(count) && count > 0 && count <= 100_000) return count;
  throw new UserError({ code: "usage", message: `--lines takes a whole number from 1 to 100000, not “${lines}”.` });
}

function choose(services: Readonly<Record<string, { kind: string }>>, asked: string | undefined) {
  const all = Object.entries(services).map(([name, { kind }]) => ({ name, kind }));
  // They come from a file and go into a command.
  const sound = all.filter(({ name, kind }) => /^[a-z][a-z0-9-]*$/.test(name) && /^[a-z][a-z0-9-]*$/.test(kind));
  if (asked === undefined) return sound;
  const found = sound.filter(({ name }) => name === asked);
  if (found.length > 0) return found;
  throw new UserError({
    code: "usage",
    message: `This workbench has no service “${asked}”.`,
    hint: `It has ${sound.map(({ name }) => name).join(", ") || "none"}.`,
  });
}

/** First the tokens, so that they can be taken out of what follows; then one journal after the other. */
function script(services: readonly { name: string; kind: string }[], count: number): string {
  const journals = services.map(
    ({ name, kind }) =>
      `echo '${MARK}'\nsudo -n journalctl --no-pager -q -o short-iso -n ${count} -u '${kind}@${name}.service'`,
  );
  return `sudo -n sh -c 'for f in /var/lib/notebox/tokens/*; do [ ! -f "$f" ] || { cat "$f"; echo; }; done'\n${journals.join("\n")}\nexit 0\n`;
}

function ownLogs(folder: string): string[] {
  return logNames(folder)
    .reverse()
    .slice(0, 5)
    .map((name) => path.join(logFolder(folder), name));
}

const logFolder = (folder: string): string => path.join(folder, ".notebox", "logs");

/** notebox's and the launchers', oldest first: their names begin with the time. */
function logNames(folder: string): string[] {
  try {
    return fs
      .readdirSync(logFolder(folder))
      .filter((name) => /\.(jsonl|log)$/.test(name))
      .sort();
  } catch {
    return [];
  }
}

/** What was printed at the last start, by whichever of the two. */
function lastStart(folder: string): string {
  const name = logNames(folder).findLast((one) => /-(up\.jsonl|start\.log)$/.test(one));
  return name === undefined ? "" : fs.readFileSync(path.join(logFolder(folder), name), "utf8");
}

function knownIn(text: string): LogsResult["faults"] {
  return faultsIn(text).map(({ code, cause, author, user }) => ({ code, cause, hint: author ?? user }));
}
