/**
 * Progress for a pipe, a file or a CI job: one plain line when a step starts and one when it ends, and in between
 * only now and then one, so that a log stays readable. Also the words and figures that both styles share.
 */
import type { ProgressEvent, Reporter } from "../ports.ts";

/** A running step says something new at most this often. */
const NOTE_EVERY_MS = 15_000;

export interface LineSink {
  write(line: string): void;
  color: boolean;
  now(): number;
}

interface Step {
  title: string;
  started: number;
  spoke: number;
}

export function createLineReporter(sink: LineSink): Reporter {
  const steps = new Map<string, Step>();
  const paint = painter(sink.color);

  const finished = (id: string, mark: string, note: string | undefined): void => {
    const step = steps.get(id);
    steps.delete(id);
    if (step !== undefined)
      sink.write(`${mark} ${step.title} (${elapsed(sink.now() - step.started)})${note ? `: ${note}` : ""}`);
  };
  const sometimes = (id: string, note: string): void => {
    const step = steps.get(id);
    const now = sink.now();
    if (step === undefined || now - step.spoke < NOTE_EVERY_MS) return;
    step.spoke = now;
    sink.write(paint.dim(`  ${elapsed(now - step.started).padStart(5)}  ${note}`));
  };

  return {
    emit(event: ProgressEvent) {
      switch (event.type) {
        case "step-start":
          steps.set(event.id, { title: event.title, started: sink.now(), spoke: sink.now() });
          sink.write(`- ${event.title} ...`);
          return;
        case "step-note":
          sometimes(event.id, event.note);
          return;
        case "step-bytes":
          sometimes(event.id, bytesText(event.done, event.total));
          return;
        case "step-done":
          finished(event.id, paint.green("+"), event.note);
          return;
        case "step-skipped":
          sink.write(paint.dim(`= ${event.title}: ${event.note}`));
          return;
        case "step-failed":
          finished(event.id, paint.red("x"), undefined);
          for (const line of event.lastLines ?? []) sink.write(`    ${line}`);
          return;
        case "say":
          sink.write(event.level === "warning" ? paint.yellow(`! ${event.text}`) : event.text);
      }
    },
  };
}

/** "12 s", "1:05" (minutes and seconds), "1:02:03". */
export function elapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const two = (n: number): string => String(n).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

export function bytesText(done: number, total: number | undefined): string {
  if (total === undefined || total <= 0) return size(done);
  const share = Math.min(1, done / total);
  const bar = "#".repeat(Math.floor(share * 20)).padEnd(20, ".");
  return `[${bar}] ${String(Math.floor(share * 100)).padStart(3)} %  ${size(done)} of ${size(total)}`;
}

function size(bytes: number): string {
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KiB`;
  if (bytes < 1024 ** 3) return `${Math.round(bytes / 1024 / 1024)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const CONTROLS = /\u001b\[[0-9;?]*[A-Za-z]|[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Much of what is shown comes from the VM or from other programs, which must not steer the person's terminal. */
export function withoutControls<T extends object>(event: T): T {
  const clean = (value: unknown): unknown => {
    if (typeof value === "string") return value.replace(CONTROLS, "");
    return Array.isArray(value) ? value.map(clean) : value;
  };
  return Object.fromEntries(Object.entries(event).map(([key, value]) => [key, clean(value)])) as T;
}

export interface Painter {
  green(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
  dim(text: string): string;
}

export function painter(color: boolean): Painter {
  const code = (open: number, close: number) => (text: string) =>
    color ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return { green: code(32, 39), red: code(31, 39), yellow: code(33, 39), dim: code(2, 22) };
}

/** NO_COLOR (no-color.org) wins over the terminal, FORCE_COLOR over both. */
export function wantsColor(env: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean {
  const force = env["FORCE_COLOR"];
  if (force !== undefined) return force !== "0" && force !== "false";
  if (env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "") return false;
  return isTerminal && env["TERM"] !== "dumb";
}
