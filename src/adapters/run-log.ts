/**
 * The log of one run: `.notebox/logs/<time>-<command>.jsonl`, one JSON object a line, redacted.
 * A log that cannot be written never fails the command. What is written before a folder is known waits in memory.
 */
import fs from "node:fs";
import path from "node:path";
import type { Clock, RunLog } from "../ports.ts";
import { createRedactor } from "../redact.ts";

/** How many earlier logs stay in a folder. */
const KEPT = 40;
/** Records that wait for a folder; the oldest go first, the first few stay (they say what was run). */
const WAITING = 500;

export interface RunLogOptions {
  homeDir: string;
  clock: Clock;
  /** The verb, for the file's name. */
  command: string;
}

export function createRunLog(options: RunLogOptions): RunLog {
  const redactor = createRedactor(options.homeDir);
  const started = options.clock.now();
  const waiting: string[] = [];
  let file: string | undefined;

  const append = (line: string): void => {
    if (file === undefined) {
      waiting.push(line);
      if (waiting.length > WAITING) waiting.splice(10, 1);
      return;
    }
    try {
      fs.appendFileSync(file, line);
    } catch {
      // A full or vanished disk must not hide what the command has to say.
    }
  };

  return {
    get path() {
      return file;
    },
    open(folder) {
      if (file !== undefined) return;
      const logs = path.join(folder, ".notebox", "logs");
      const stamp = new Date(started)
        .toISOString()
        .replace(/\.\d+Z$/, "Z")
        .replaceAll(":", "");
      const name = `${stamp}-${options.command.replaceAll(" ", "-")}`;
      try {
        fs.mkdirSync(logs, { recursive: true });
        const chosen = create(logs, name);
        fs.appendFileSync(chosen, waiting.splice(0).join(""));
        file = chosen;
        prune(logs);
      } catch {
        file = undefined;
      }
    },
    write(kind, data) {
      append(record(options.clock.now(), kind, data, (text) => redactor.clean(text)));
    },
    redact: (secret) => redactor.add(secret),
  };
}

function record(now: number, kind: string, data: Readonly<Record<string, unknown>>, clean: (text: string) => string) {
  const safe = (key: string, value: unknown): unknown => {
    if (typeof value === "string") return clean(value);
    return key === "env" ? undefined : value;
  };
  try {
    return `${JSON.stringify({ time: new Date(now).toISOString(), kind, ...data }, safe)}\n`;
  } catch {
    return `${JSON.stringify({ time: new Date(now).toISOString(), kind, unloggable: true })}\n`;
  }
}

/** Two runs of one verb may start within a second: each gets its own file. */
function create(logs: string, name: string): string {
  for (let count = 1; ; count++) {
    const candidate = path.join(logs, `${name}${count === 1 ? "" : `-${count}`}.jsonl`);
    try {
      fs.closeSync(fs.openSync(candidate, "wx", 0o600));
      return candidate;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || count > 100) throw error;
    }
  }
}

function prune(logs: string): void {
  const old = fs
    .readdirSync(logs)
    .filter((name) => /^\d{4}-\d{2}-\d{2}T\d+Z-.*\.jsonl$/.test(name))
    .sort()
    .slice(0, -KEPT);
  for (const name of old) fs.rmSync(path.join(logs, name), { force: true });
}
