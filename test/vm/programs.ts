/**
 * Runs programs for the vm tier: with a time limit, with everything they print kept, and killable at any moment.
 * What is run, and what its output should be, is left to the scenarios.
 */
import { spawn } from "node:child_process";

export interface Outcome {
  /** null when a signal ended the program. */
  code: number | null;
  stdout: string;
  stderr: string;
  seconds: number;
}

export interface RunOptions {
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  input?: string;
  seconds?: number;
}

export interface Running {
  pid: number;
  done: Promise<Outcome>;
  /** Everything printed so far, both streams. */
  printed(): string;
}

const DEFAULT_SECONDS = 120;

const running = new Set<number>();

/** Starts a program at the head of a process group of its own. */
export function start(file: string, args: readonly string[], options: RunOptions = {}): Running {
  const began = performance.now();
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const pid = child.pid ?? 0;
  running.add(pid);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  const limit = options.seconds ?? DEFAULT_SECONDS;
  const timer = setTimeout(() => {
    stderr += `\n(ended by the tests after ${limit} s)\n`;
    signalGroup(pid, "SIGKILL");
  }, limit * 1000);
  const done = new Promise<Outcome>((resolve) => {
    const settle = (code: number | null): void => {
      clearTimeout(timer);
      running.delete(pid);
      resolve({ code, stdout, stderr, seconds: (performance.now() - began) / 1000 });
    };
    child.on("error", (error) => {
      stderr += `${error.message}\n`;
      settle(127);
    });
    // Not "close": what a killed program leaves behind may hold its pipes for as long as the VM runs.
    child.on("exit", (code) => setTimeout(() => settle(code), 200));
  });
  return { pid, done, printed: () => stdout + stderr };
}

/** Ends all that runs now, at Ctrl-C: the groups of their own do not hear the terminal. */
export function endAll(): void {
  for (const pid of running) signalGroup(pid, "SIGTERM");
}

/** Runs a program to its end, whatever its exit code is. */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return await start(file, args, options).done;
}

/** Runs a program that must succeed; returns its standard output. Throws with its last lines. */
export async function must(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const outcome = await run(file, args, options);
  if (outcome.code !== 0) throw new Error(told(`${file} ${args.join(" ")}`, outcome));
  return outcome.stdout;
}

/** What went wrong, with the last lines. */
export function told(command: string, outcome: Outcome): string {
  const lines = `${outcome.stdout}\n${outcome.stderr}`.trim().split("\n").slice(-30).join("\n  ");
  return `${command}: exit code ${outcome.code} after ${outcome.seconds.toFixed(0)} s\n  ${lines}`;
}

/** Signals the whole process group that `start` made; one that has ended already is fine. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  signalOne(-pid, signal);
}

export function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

export function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
