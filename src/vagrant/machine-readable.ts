/**
 * Vagrant's `--machine-readable` output, line by line, as messages. Pure. What a message means for a person is
 * decided in steps.ts (progress) and known-errors.ts (failures).
 *
 * A line is `timestamp,target,type,data…`; a comma inside data is `%!(VAGRANT_COMMA)`, a newline `\n`, a carriage
 * return `\r` (lib/vagrant/ui.rb, class MachineReadable). A backslash itself is not escaped there, so `\n` in a
 * Windows path cannot be told from a newline; such text is only ever shown.
 */

export interface VagrantMessage {
  /** The machine's name, or "" for what concerns none. */
  target: string;
  type: string;
  data: readonly string[];
}

/** undefined for what is not such a line (a plugin that prints by itself). */
export function parseMessage(line: string): VagrantMessage | undefined {
  const match = /^\d{9,},([^,]*),([^,]*)(?:,(.*))?$/s.exec(line);
  if (!match) return undefined;
  const [, target = "", type = "", rest] = match;
  return { target: plain(target), type, data: rest === undefined ? [] : rest.split(",").map(plain) };
}

function plain(text: string): string {
  return text.replaceAll("%!(VAGRANT_COMMA)", ",").replaceAll("\\n", "\n").replaceAll("\\r", "\r");
}

/** Text that Vagrant would show a person: the kind (`info`, `output`, `detail`, `error`, `warn`, …) and bare lines. */
export interface ShownText {
  kind: string;
  lines: readonly string[];
}

export function shownText(message: VagrantMessage): ShownText | undefined {
  if (message.type !== "ui") return undefined;
  const [kind = "", ...text] = message.data;
  const lines = text
    .join(",")
    .split(/\r\n|[\r\n]/)
    .map((line) => withoutPrefix(withoutColor(line), message.target).trimEnd())
    .filter((line) => line !== "");
  return lines.length === 0 ? undefined : { kind, lines };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with the escape character.
const COLORS = /\u001b\[[0-9;?]*[A-Za-z]/g;

/** Nor anything else that drives a terminal: some of these lines come from the VM. */
function withoutColor(text: string): string {
  return text.replace(COLORS, "").replace(/(?!\t)\p{Cc}/gu, "");
}

/** Vagrant begins each line with "==> default: " or "    default: ". */
function withoutPrefix(line: string, target: string): string {
  for (const prefix of [`==> ${target}: `, `    ${target}: `, `==> ${target}:`, `    ${target}:`])
    if (target !== "" && line.startsWith(prefix)) return line.slice(prefix.length);
  return line;
}

/** How Vagrant ended with a failure: the class of the error, which is stable, and its text, which is not. */
export interface ErrorExit {
  errorClass: string;
  text: string;
}

export function errorExit(message: VagrantMessage): ErrorExit | undefined {
  if (message.type !== "error-exit") return undefined;
  const [errorClass = "", ...text] = message.data;
  return { errorClass, text: text.join(",") };
}
