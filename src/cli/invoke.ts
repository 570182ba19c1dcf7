/**
 * Runs one verb and turns what it gives back into standard output and an exit code.
 * The only place that knows the JSON envelope; every verb's text comes from its module in text/.
 */
import path from "node:path";
import { type ErrorCode, EXIT_CODES, UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { errorText } from "./text/error.ts";
import { visible } from "./visible.ts";

export interface Verb<O extends object> {
  command: () => Promise<(deps: Deps, options: O) => Promise<unknown>>;
  /** Text for a person; for `verify --format junit` and the like too. */
  text: () => Promise<(result: unknown, options: O) => string>;
  /** For the one verb that lends the terminal to another program: it must know that it may not. */
  knowsJson?: boolean;
  /** Of a success; 0 for all but the verb that passes on another program's. */
  exitCode?: (result: unknown) => number;
}

export type Invoke = (name: string, options: Record<string, unknown>, verb: Verb<object>) => Promise<void>;

export interface Output {
  /** Standard output: the result and nothing else. */
  out(text: string): void;
  /** Standard error: talk. */
  talk(text: string): void;
  /** Ends the progress display, so that text may follow it. */
  settle(): Promise<void>;
}

export type Outcome = { exitCode: number };

/**
 * `-C DIR` becomes an absolute `folder`; `json` and `quiet` are for the rim only and are taken out.
 */
export async function invokeVerb(
  name: string,
  options: Record<string, unknown>,
  verb: Verb<object>,
  deps: Deps,
  output: Output,
): Promise<Outcome> {
  const { json, quiet: _quiet, folder, ...rest } = options;
  const place = { folder: path.resolve(String(folder ?? ".")) };
  const commandOptions = { ...rest, ...place, ...(verb.knowsJson ? { json: Boolean(json) } : {}) };
  deps.log.write("start", { command: name, version: deps.version, platform: deps.platform });
  try {
    const result = await (await verb.command())(deps, commandOptions);
    await output.settle();
    if (json) output.out(`${JSON.stringify({ ok: true, command: name, result: result ?? null }, null, 2)}\n`);
    else {
      const text = (await verb.text())(result, commandOptions);
      if (text !== "") output.out(visible(text.endsWith("\n") ? text : `${text}\n`));
    }
    const exitCode = verb.exitCode?.(result) ?? 0;
    deps.log.write("end", { exitCode });
    return { exitCode };
  } catch (error) {
    return await failed(name, error, { json: Boolean(json), verb, commandOptions }, deps, output);
  }
}

async function failed(
  name: string,
  error: unknown,
  run: { json: boolean; verb: Verb<object>; commandOptions: { folder: string } },
  deps: Deps,
  output: Output,
): Promise<Outcome> {
  const told = asUserError(error, deps.signal);
  await output.settle();
  // A fault of notebox's is worth a log even where there is no workbench to keep it in.
  if (told.code === "bug") deps.log.open(deps.homeDir);
  const exitCode = EXIT_CODES[told.code];
  deps.log.write("error", { code: told.code, message: told.message, stack: stackOf(error), exitCode });
  if (run.json) output.out(`${JSON.stringify(errorEnvelope(name, told, deps.log.path), null, 2)}\n`);
  else {
    let shown = false;
    if (told.result !== undefined) {
      const text = (await run.verb.text())(told.result, run.commandOptions);
      if (text !== "") output.out(visible(text.endsWith("\n") ? text : `${text}\n`));
      shown = text !== "";
    }
    // A report has told every problem already.
    const { folder } = run.commandOptions;
    output.talk(visible(errorText(told, deps.log.path, { problems: !shown, folder })));
  }
  return { exitCode };
}

/** After Ctrl-C everything that breaks off is the interruption's doing. */
function asUserError(error: unknown, signal: AbortSignal): UserError {
  if (error instanceof UserError && (error.code === "interrupted" || !signal.aborted)) return error;
  if (signal.aborted) return new UserError({ code: "interrupted", message: "Interrupted.", cause: error });
  return bug(error);
}

/**
 * A failure outside of any verb: the command line is wrong (then `failure` is what is wrong with it), or notebox is.
 * `words` is the command line up to `--`.
 */
export function reportOutside(failure: unknown, words: readonly string[], output: Output, log?: string): Outcome {
  const hint = "`notebox --help` lists the commands, `notebox help COMMAND` explains one.";
  const usage = typeof failure === "string" ? new UserError({ code: "usage", message: failure, hint }) : undefined;
  const told = usage ?? (failure instanceof UserError ? failure : bug(failure));
  const verb = verbOf(words);
  if (words.includes("--json")) output.out(`${JSON.stringify(errorEnvelope(verb, told, log), null, 2)}\n`);
  else output.talk(visible(errorText(told, log)));
  return { exitCode: EXIT_CODES[told.code] };
}

/** The verb of a command line that could not be understood, as far as it can be told. */
function verbOf(words: readonly string[]): string {
  const plain = words.filter((word, at) => !word.startsWith("-") && !["-C", "--folder"].includes(words[at - 1] ?? ""));
  return plain.slice(0, ["api", "box", "config"].includes(plain[0] ?? "") ? 2 : 1).join(" ");
}

/** The envelope of a failure, as `--json` prints it. */
export function errorEnvelope(command: string, error: UserError, log?: string): object {
  return {
    ok: false,
    command,
    error: {
      code: error.code satisfies ErrorCode,
      message: error.message,
      hint: error.hint ?? null,
      problems: error.problems,
      ...(log === undefined ? {} : { log }),
    },
    ...(error.result === undefined ? {} : { result: error.result }),
  };
}

/** What a person reads when notebox itself is at fault. */
function bug(error: unknown): UserError {
  return new UserError({
    code: "bug",
    message: `This is a fault in notebox, not yours: ${error instanceof Error ? error.message : String(error)}`,
    hint: "Please report it, with the log file if one is named below.",
    cause: error,
  });
}

function stackOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `\ncaused by ${error.cause.stack}` : "";
  return `${error.stack}${cause}`;
}
