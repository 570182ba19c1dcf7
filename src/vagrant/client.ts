/**
 * Runs Vagrant in a workbench folder: every command machine-readable, its progress as named steps, its failures as
 * UserErrors with a hint. What to run when is decided by the commands.
 */

import { UserError } from "../errors.ts";
import type { Deps, ProcessIdentity } from "../ports.ts";
import { commandLines, vagrantEnvironment } from "./command-lines.ts";
import { type KnownError, knownError } from "./known-errors.ts";
import { requireVagrantfile } from "./machine-files.ts";
import { type ErrorExit, errorExit, parseMessage, shownText, type VagrantMessage } from "./machine-readable.ts";
import { createStepTracker } from "./steps.ts";

type Needs = Pick<Deps, "processes" | "reporter" | "signal" | "log" | "clock">;

/** How many of Vagrant's last lines a failure shows. */
const LAST_LINES = 12;

export interface VagrantRun {
  /** Text that Vagrant showed, without prefixes and colours, oldest first. */
  lines: readonly string[];
  messages: readonly VagrantMessage[];
  exitCode: number | null;
  error?: ErrorExit;
  /** Another Vagrant was at work on the VM at first; what was known of the VM before may be wrong now. */
  waited?: true;
}

export interface MachineStatus {
  /** Vagrant's word: not_created, running, poweroff, aborted, saved, shutoff, … */
  state: string;
  provider: string | undefined;
  /** For a person. */
  text: string;
}

export interface RunOptions {
  steps?: string;
  onLine?: (line: string) => void;
  /** Beside those that all of the client's runs have. */
  env?: Readonly<Record<string, string | undefined>>;
  /** In place of the command's own. */
  signal?: AbortSignal;
}

export interface VagrantClient {
  /** Runs one command; its steps are shown when `steps` names them. Resolves whatever the exit code is. */
  run(args: readonly string[], options?: RunOptions): Promise<VagrantRun>;
  /** Like run, but a failure is a UserError with what Vagrant said last. */
  must(args: readonly string[], options?: RunOptions): Promise<VagrantRun>;
  status(): Promise<MachineStatus>;
}

export interface ClientOptions {
  folder: string;
  /** Nothing of a workbench is asked, so the folder needs no Vagrantfile. */
  anywhere?: boolean;
  env?: Readonly<Record<string, string | undefined>>;
  /** Told which process works on the VM now, so that a later run can end it. */
  onStart?: (process: ProcessIdentity) => void;
  onEnd?: () => void;
}

/**
 * How long a run waits for another Vagrant that works on the VM: one whose notebox was killed before it could note that,
 * say, or one that somebody started by hand.
 */
const LOCKED_MS = 60_000;
const LOCKED_PAUSE_MS = 3000;
const LOCKED = "Another Vagrant is at work on this VM. Waiting until it has ended.";

export function createVagrant(deps: Needs, options: ClientOptions): VagrantClient {
  const run: VagrantClient["run"] = async (args, how = {}) => {
    const until = deps.clock.now() + LOCKED_MS;
    for (let turn = 1; ; turn++) {
      const result = await once(
        args,
        turn === 1 || how.steps === undefined ? how : { ...how, steps: `${how.steps}-${turn}` },
      );
      const isLocked = /::Machine(?:ActionLockedError|Locked)$/.test(result.error?.errorClass ?? "");
      if (!isLocked || deps.clock.now() > until) return turn === 1 ? result : { ...result, waited: true };
      if (turn === 1) deps.reporter.emit({ type: "say", level: "info", text: LOCKED });
      await deps.clock.sleep(LOCKED_PAUSE_MS, how.signal ?? deps.signal);
    }
  };
  const once: VagrantClient["run"] = async (args, how = {}) => {
    if (options.anywhere !== true) requireVagrantfile(options.folder);
    const tracker = how.steps === undefined ? undefined : createStepTracker(how.steps);
    const messages: VagrantMessage[] = [];
    const lines: string[] = [];
    const take = (line: string): void => {
      const message = parseMessage(line);
      if (message === undefined) {
        lines.push(line);
        how.onLine?.(line);
        return;
      }
      messages.push(message);
      for (const shown of shownText(message)?.lines ?? []) {
        lines.push(shown);
        how.onLine?.(shown);
      }
      for (const event of tracker?.take(message) ?? []) deps.reporter.emit(event);
    };
    const end = (ok: boolean): void => {
      for (const event of tracker?.end(ok ? "done" : "failed") ?? []) deps.reporter.emit(event);
      options.onEnd?.();
    };
    for (const event of tracker?.begin() ?? []) deps.reporter.emit(event);
    try {
      const result = await deps.processes.run("vagrant", args, {
        cwd: options.folder,
        env: vagrantEnvironment({ ...options.env, ...how.env }),
        onLine: take,
        signal: how.signal ?? deps.signal,
        ...(options.onStart === undefined ? {} : { onStart: options.onStart }),
      });
      const error = messages.map(errorExit).find((exit) => exit !== undefined);
      end(result.exitCode === 0);
      return { lines, messages, exitCode: result.exitCode, ...(error === undefined ? {} : { error }) };
    } catch (error) {
      end(false);
      throw error;
    }
  };
  const must: VagrantClient["must"] = async (args, how = {}) => {
    const result = await run(args, how);
    if (result.exitCode !== 0) throw vagrantFailure(args[0] ?? "", result);
    return result;
  };
  return {
    run,
    must,
    async status() {
      const { messages } = await must(commandLines.status());
      return readStatus(messages);
    },
  };
}

export function readStatus(messages: readonly VagrantMessage[]): MachineStatus {
  const value = (type: string): string | undefined => messages.find((message) => message.type === type)?.data[0];
  const state = value("state") ?? "unknown";
  return { state, provider: value("provider-name"), text: value("state-human-short") ?? state };
}

/** A failed run of Vagrant as a person reads it: the cause if it is known, Vagrant's own words, what to do. */
export function vagrantFailure(verb: string, run: VagrantRun): UserError {
  const output = [...run.lines, run.error?.text ?? ""].join("\n");
  const known = knownError(run.error?.errorClass ?? "", output);
  const written = run.error?.errorClass === "Notebox::Failure";
  const own = written ? (run.error?.text ?? "").trim() : firstParagraph(run.error?.text ?? "");
  if (written) return ownFailure(own, known);
  const last = lastLines(run, own);
  const cause = known?.cause ?? (own === "" ? `vagrant ${verb} failed (exit code ${run.exitCode ?? "none"}).` : own);
  const quoted = known !== undefined && own !== "" ? `\nVagrant says: ${own}` : "";
  const tail = last.length === 0 ? "" : `\nIts last lines:\n${last.map((line) => `    ${line}`).join("\n")}`;
  return new UserError({
    code: known?.code ?? "vagrant",
    message: `${cause}${quoted}${tail}`,
    hint: known?.hint ?? "Run the command again. If it fails the same way, the log file holds all that Vagrant said.",
    cause: run.error,
  });
}

/** The Vagrantfile's own words: what happened, then one indented line for each door, then what to do. */
function ownFailure(text: string, known: KnownError | undefined): UserError {
  const lines = text.split("\n");
  const faults = lines.filter((line) => /^ +\S/.test(line)).map((line) => line.trim());
  const [message = "", ...advice] = lines.filter((line) => /^\S/.test(line));
  return new UserError({
    code: known?.code ?? "vagrant",
    message,
    problems: faults.map((fault) => ({ id: "door", message: fault })),
    hint: [...advice, known?.hint ?? ""].filter((line) => line !== "").join("\n"),
  });
}

/** Vagrant begins with what went wrong; but where it only passes another program's error on, that is the point. */
function firstParagraph(text: string): string {
  const passedOn = /^Stderr:\s*(\S[\s\S]*)/m.exec(text)?.[1];
  const paragraph = (passedOn ?? text).trim().split(/\n\s*\n/)[0] ?? "";
  const joined = paragraph.replace(/\s*\n\s*/g, " ").trim();
  return joined.length > 400 ? `${joined.slice(0, 400)} …` : joined;
}

/** What came before the error's own text, which Vagrant prints last. */
function lastLines(run: VagrantRun, own: string): readonly string[] {
  const text = new Set((run.error?.text ?? own).split("\n").map((line) => line.trimEnd()));
  return run.lines.filter((line) => !text.has(line)).slice(-LAST_LINES);
}
