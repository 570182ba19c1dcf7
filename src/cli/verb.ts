/**
 * How a verb stands in the command line: its options, those that every verb knows, and what runs it. Its module, and
 * with it every library, is loaded only when that verb runs.
 */
import { type Command, Option } from "commander";
import type { Deps } from "../ports.ts";
import type { Invoke, Verb } from "./invoke.ts";

/** Makes a command run a verb; `names` are those of its arguments, in their order. */
export type On = <O extends object>(command: Command, name: string, entry: Verb<O>, ...names: string[]) => Command;

export function verb<O extends object>(
  command: () => Promise<(deps: Deps, options: O) => Promise<unknown>>,
  text: () => Promise<(result: never, options: O) => string>,
): Verb<O> {
  return { command, text: text as Verb<O>["text"] };
}

/**
 * The options that every verb knows. They stand on the program and on each verb, so that both
 * `notebox -C DIR up` and `notebox up -C DIR` work; a verb's own `--version` is then its own.
 */
export function addCommonOptions(command: Command, onVerb: boolean): Command {
  const options = [
    new Option("-C, --folder <dir>", "the workbench folder (default: this one)"),
    new Option("--json", "print one JSON document on standard output, on failure too"),
    new Option("--quiet", "no progress, only the result"),
    new Option("--yes", "ask nothing; the answer is yes, or what is suggested"),
  ];
  for (const option of options) command.addOption(onVerb ? option.hideHelp() : option);
  return command;
}

/** In the words of the option --help. */
export const HELP_COMMAND = ["help [command]", "print help for a command"] as const;

/** A group of verbs, such as `box`. */
export function addGroup(program: Command, name: string, description: string): Command {
  return addCommonOptions(program.command(name), true)
    .description(description)
    .helpCommand(...HELP_COMMAND);
}

export function registrar(invoke: Invoke): On {
  return (command, name, entry, ...names) =>
    addCommonOptions(command, true).action(async (...given: unknown[]) => {
      refuseSwallowed(command);
      const args = Object.fromEntries(names.map((argument, index) => [argument, given[index]]));
      await invoke(name, { ...allOptions(command), ...args }, entry as Verb<object>);
    });
}

/** `--share --json`: commander takes the second for the first's value, and the answer would have another form. */
function refuseSwallowed(command: Command): void {
  const flags = command.options.flatMap(({ long, short }) => [long, short]);
  for (let at: Command | null = command; at !== null; at = at.parent)
    for (const option of at.options)
      for (const value of [at.getOptionValue(option.attributeName())].flat())
        if (typeof value === "string" && flags.includes(value))
          command.error(`error: option '${option.flags}' argument missing, before ${value}`);
}

/** Options of the program, then of the group (`box`), then of the verb: the later one wins. */
function allOptions(command: Command): Record<string, unknown> {
  const above = command.parent === null ? {} : allOptions(command.parent);
  return { ...above, ...command.opts() };
}
