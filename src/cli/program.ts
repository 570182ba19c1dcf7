/** The command line as a whole: the program, its verbs by group, and what its complaints mean. No work is done here. */
import { Command, CommanderError } from "commander";
import { addApiVerbs } from "./api-verbs.ts";
import { addBoxVerbs } from "./box-verbs.ts";
import { addConfigVerbs } from "./config-verbs.ts";
import type { Invoke } from "./invoke.ts";
import { addCommonOptions, HELP_COMMAND, registrar } from "./verb.ts";
import { addWorkbenchVerbs } from "./workbench-verbs.ts";

/** Builds the commander tree. `invoke` runs one verb with the parsed options. */
export function buildProgram(version: string, invoke: Invoke): Command {
  const program = new Command("notebox")
    .description("Hand people a working Jupyter machine where Docker and administrator rights are not to be had.")
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(...HELP_COMMAND)
    .enablePositionalOptions()
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  addCommonOptions(program, false);
  const on = registrar(invoke);
  addWorkbenchVerbs(program, on);
  addBoxVerbs(program, on);
  addApiVerbs(program, on);
  addConfigVerbs(program, on);
  return program;
}

/** True for what commander throws after it has printed help or the version. */
export function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

/** Commander's complaint about the command line, or undefined for any other error. */
export function usageMessage(error: unknown): string | undefined {
  if (!(error instanceof CommanderError)) return undefined;
  // A group without a verb (`notebox box`): commander wants to print help and gives no words.
  if (error.code === "commander.help") return "A command is missing.";
  const words = error.message.replace(/^error: /, "");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}
