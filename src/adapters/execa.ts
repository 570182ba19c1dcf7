/**
 * Other programs, by execa: never through a shell, every line to the run's log, and ended in a way that lets
 * Vagrant tidy up. What the programs are told and what their output means is decided elsewhere.
 */
import fs from "node:fs";
import path from "node:path";
import { StringDecoder } from "node:string_decoder";
import type { ResultPromise } from "execa";
import { systemErrorCode, UserError } from "../errors.ts";
import type { Processes, RunLog, RunOptions, RunResult } from "../ports.ts";
import { endGroup, identity, isAlive } from "./process-identity.ts";

/** Vagrant halts its work at the first SIGINT and removes what is half-made; that takes as long as the provider. */
const INTERRUPT_GRACE_MS = 120_000;
const TERM_GRACE_MS = 10_000;
/** A daemon that a program has started may hold its output open for ever; what the program itself wrote is here by then. */
const DRAIN_MS = 2000;

type Child = ResultPromise<{ reject: false; buffer: false; encoding: "buffer" }>;
type Env = Readonly<Record<string, string | undefined>>;

export interface ExecaProcesses extends Processes {
  /** Somebody pressed Ctrl-C again: asks every child once more, and ends it for good the time after that. */
  hurry(): void;
  /** Whether a child is running. */
  busy(): boolean;
}

export function createProcesses(env: Env, log: RunLog): ExecaProcesses {
  const running = new Map<Child, number>();
  return {
    async run(file, args, options = {}) {
      if (options.signal?.aborted) throw interrupted(file);
      log.write("run", { file, args, cwd: options.cwd });
      const { execa } = await import("execa");
      const environment = merged(env, options.env);
      // By its place on PATH: Windows would look into the current folder first, and the VM may write there.
      const program = findProgram(file, environment);
      if (program === undefined) throw notFound(file);
      const ownGroup = options.terminal !== true && process.platform !== "win32";
      const child = execa(program, [...args], {
        reject: false,
        buffer: false,
        encoding: "buffer",
        cleanup: false,
        // A group of its own: a terminal's Ctrl-C would else reach Vagrant twice, which means "at once, untidily".
        detached: ownGroup,
        // Windows delivers Ctrl-C to whatever shares the console, so the console must be shared there.
        windowsHide: false,
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        env: environment,
        extendEnv: false,
        ...(options.terminal ? { stdio: "inherit" as const } : stdio(options.input)),
      }) as unknown as Child;
      running.set(child, 0);
      if (child.pid !== undefined) options.onStart?.(identity(child.pid));
      try {
        return await outcome(file, child, ownGroup, options, log);
      } finally {
        running.delete(child);
      }
    },
    which: async (name) => findProgram(name, env),
    self: () => identity(process.pid),
    isAlive,
    end: endGroup,
    busy: () => running.size > 0,
    hurry() {
      for (const [child, asked] of running) {
        send(child, asked === 0 ? "SIGINT" : "SIGKILL", true);
        running.set(child, asked + 1);
      }
    },
  };
}

async function outcome(file: string, child: Child, ownGroup: boolean, options: RunOptions, log: RunLog) {
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    collect(child[stream], (text, lines) => {
      output[stream] += text;
      for (const line of lines) {
        log.write("output", { from: path.basename(file), stream, line });
        options.onLine?.(line, stream);
      }
    });
  const timers: NodeJS.Timeout[] = [];
  const later = (ms: number, action: () => void): void => {
    timers.push(setTimeout(action, ms));
  };
  child.once("exit", () =>
    later(DRAIN_MS, () => [child.stdout, child.stderr].forEach((stream) => void stream?.destroy())),
  );
  let timedOut = false;
  const onAbort = (): void => {
    if (!options.terminal) send(child, "SIGINT", ownGroup);
    later(options.terminal ? 2000 : INTERRUPT_GRACE_MS, () => send(child, "SIGTERM", ownGroup));
    later((options.terminal ? 2000 : INTERRUPT_GRACE_MS) + TERM_GRACE_MS, () => send(child, "SIGKILL", ownGroup));
  };
  options.signal?.addEventListener("abort", onAbort, { once: true });
  if (options.timeoutMs !== undefined)
    later(options.timeoutMs, () => {
      timedOut = true;
      send(child, "SIGTERM", ownGroup);
      later(TERM_GRACE_MS / 2, () => send(child, "SIGKILL", ownGroup));
    });
  try {
    const ended = await child;
    if (ended.failed && ended.exitCode === undefined && ended.signal === undefined)
      throw notStarted(file, ended.cause ?? ended, options);
    const result: RunResult = { exitCode: ended.exitCode ?? null, signal: ended.signal ?? null, ...output, timedOut };
    log.write("ran", { file, exitCode: result.exitCode, signal: result.signal, timedOut });
    if (options.signal?.aborted && !options.terminal) throw interrupted(file);
    return result;
  } finally {
    for (const timer of timers) clearTimeout(timer);
    options.signal?.removeEventListener("abort", onAbort);
  }
}

function stdio(input: string | undefined) {
  return input === undefined ? { stdin: "ignore" as const } : { input };
}

function merged(base: Env, extra: Env | undefined): Record<string, string> {
  const all = { ...base, ...extra };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Gives whole lines as they come; a carriage return counts as an end too, as progress meters use it. */
function collect(
  stream: NodeJS.ReadableStream | null | undefined,
  take: (text: string, lines: string[]) => void,
): void {
  if (!stream) return;
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const add = (text: string, last: boolean): void => {
    const pieces = (rest + text).split(/\r\n|[\r\n]/);
    rest = last ? "" : (pieces.pop() ?? "");
    take(
      text,
      pieces.filter((line) => line !== ""),
    );
  };
  stream.on("data", (chunk: Buffer) => add(decoder.write(chunk), false));
  stream.on("end", () => add(decoder.end(), true));
  // The child's exit tells the story; a broken pipe adds nothing to it.
  stream.on("error", () => {});
}

function send(child: Child, signal: NodeJS.Signals, group: boolean): void {
  if (child.pid === undefined) return;
  try {
    if (group && process.platform !== "win32") process.kill(-child.pid, signal);
    else if (process.platform !== "win32" || signal !== "SIGINT") process.kill(child.pid, signal);
  } catch {
    // It has ended by itself in the meantime.
  }
}

function interrupted(file: string): UserError {
  return new UserError({ code: "interrupted", message: `Interrupted; ${path.basename(file)} was asked to stop.` });
}

function notStarted(file: string, cause: unknown, options: RunOptions): UserError {
  const name = path.basename(file);
  const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
  if (options.cwd !== undefined && !fs.existsSync(options.cwd))
    return new UserError({ code: "invalid", message: `The folder ${options.cwd} does not exist.`, cause });
  if (systemErrorCode(inner) === "ENOENT") return notFound(file, cause);
  const reason = inner instanceof Error ? inner.message.split("\n")[0] : String(inner);
  return new UserError({
    code: "missing-program",
    message: `The program ${name} could not be started: ${reason}`,
    cause,
  });
}

function notFound(file: string, cause?: unknown): UserError {
  const name = path.basename(file);
  return new UserError({
    code: "missing-program",
    message: `The program ${name} was not found.`,
    hint: `Ask whoever looks after this computer to install ${name}, then open a new terminal.`,
    cause,
  });
}

function findProgram(name: string, env: Env): string | undefined {
  const windows = process.platform === "win32";
  const folders = (env["PATH"] ?? env["Path"] ?? "").split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  const endings = windows && path.extname(name) === "" ? (env["PATHEXT"] ?? ".COM;.EXE;.BAT;.CMD").split(";") : [""];
  const places = path.isAbsolute(name) ? [""] : folders;
  for (const folder of places)
    for (const ending of endings) {
      const candidate = path.resolve(folder, name + ending);
      try {
        fs.accessSync(candidate, windows ? fs.constants.F_OK : fs.constants.X_OK);
        if (fs.statSync(candidate).isFile()) return candidate;
      } catch {
        // Not here.
      }
    }
  return undefined;
}
