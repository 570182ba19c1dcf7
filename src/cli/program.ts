/**
 * The command line: which verbs there are, their arguments and options. No work is done here:
 * a verb's module, and with it every library, is loaded only when that verb runs.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { Deps } from "../ports.ts";
import type { Invoke, Verb } from "./invoke.ts";

const collect = (value: string, before: string[] = []): string[] => [...before, value];

const FORMATS = ["text", "junit", "tap"] as const;

function seconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(s|m)?$/.exec(text);
  if (!match) throw new InvalidArgumentError("Write a time like 300s or 5m.");
  return Number(match[1]) * (match[2] === "m" ? 60_000 : 1000);
}

function verb<O extends object>(
  command: () => Promise<(deps: Deps, options: O) => Promise<unknown>>,
  text: () => Promise<(result: never, options: O) => string>,
): Verb<O> {
  return { command, text: text as Verb<O>["text"] };
}

/**
 * The options that every verb knows. They stand on the program and on each verb, so that both
 * `notebox -C DIR up` and `notebox up -C DIR` work; a verb's own `--version` is then its own.
 */
function addCommonOptions(command: Command, onVerb: boolean): Command {
  const options = [
    new Option("-C, --folder <dir>", "the workbench folder (default: this one)"),
    new Option("--json", "print one JSON document on standard output, on failure too"),
    new Option("--quiet", "no progress, only the result"),
    new Option("--yes", "ask nothing; take the default of every question"),
  ];
  for (const option of options) command.addOption(onVerb ? option.hideHelp() : option);
  return command;
}

/** Options of the program, then of the group (`box`), then of the verb: the later one wins. */
function allOptions(command: Command): Record<string, unknown> {
  const above = command.parent === null ? {} : allOptions(command.parent);
  return { ...above, ...command.opts() };
}

/** Builds the commander tree. `invoke` runs one verb with the parsed options. */
export function buildProgram(version: string, invoke: Invoke): Command {
  const program = new Command("notebox")
    .description("Hand people a working Jupyter machine where Docker and administrator rights are not to be had.")
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "print help")
    .enablePositionalOptions()
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  addCommonOptions(program, false);

  const on = <O extends object>(command: Command, name: string, entry: Verb<O>, ...names: string[]): Command =>
    addCommonOptions(command, true).action(async (...given: unknown[]) => {
      const args = Object.fromEntries(names.map((argument, index) => [argument, given[index]]));
      await invoke(name, { ...allOptions(command), ...args }, entry as Verb<object>);
    });

  on(
    program
      .command("init [dir]")
      .description("write a workbench that starts as it is")
      .addOption(new Option("--template <name>", "what to start from").choices(["hello", "api", "scotch", "activity"]))
      .option("--name <name>", "the workbench's name: a-z, 0-9 and -")
      .option("--title <title>", "the name that people read")
      .option("--share <door>", "a share with boxes: a folder, a UNC path or a URL", collect)
      .option("--force", "write into a folder that already has a workbench"),
    "init",
    verb(
      async () => (await import("../commands/init.ts")).init,
      async () => (await import("./text/init.ts")).text,
    ),
    "dir",
  );
  on(
    program.command("validate").description("check the workbench and its notebooks, all errors at once"),
    "validate",
    verb(
      async () => (await import("../commands/validate.ts")).validate,
      async () => (await import("./text/validate.ts")).text,
    ),
  );
  on(
    program
      .command("render")
      .description("write the bundle: Vagrantfile, provision/, launchers")
      .option("--out <dir>", "write into this folder instead of the workbench folder")
      .option("--zip <file>", "write the hand-out, a zip, instead")
      .option("--dry-run", "say what would change and write nothing")
      .option("--force", "overwrite files that were changed by hand"),
    "render",
    verb(
      async () => (await import("../commands/render.ts")).render,
      async () => (await import("./text/render.ts")).text,
    ),
  );
  on(
    program
      .command("up")
      .description("start the VM, check it, and print the addresses")
      .option("--provider <name>", "virtualbox or libvirt; found out when not given")
      .option("--force", "overwrite rendered files that were changed by hand"),
    "up",
    verb(
      async () => (await import("../commands/up.ts")).up,
      async () => (await import("./text/up.ts")).text,
    ),
  );
  on(
    program.command("down").description("stop the VM; everything in it is kept"),
    "down",
    verb(
      async () => (await import("../commands/down.ts")).down,
      async () => (await import("./text/down.ts")).text,
    ),
  );
  on(
    program
      .command("destroy")
      .description("delete the VM; notebooks/ and api/ on this computer are kept")
      .option("--force", "do not ask"),
    "destroy",
    verb(
      async () => (await import("../commands/destroy.ts")).destroy,
      async () => (await import("./text/destroy.ts")).text,
    ),
  );
  on(
    program.command("status").description("say how the VM and its services are"),
    "status",
    verb(
      async () => (await import("../commands/status.ts")).status,
      async () => (await import("./text/status.ts")).text,
    ),
  );
  on(
    program
      .command("ssh [command...]")
      .description("a shell in the VM, or one command (after --), whose exit code notebox then ends with"),
    "ssh",
    {
      ...verb(
        async () => (await import("../commands/ssh.ts")).ssh,
        async () => (await import("./text/ssh.ts")).text,
      ),
      knowsJson: true,
      exitCode: (result) => (result as { exitCode: number }).exitCode,
    },
    "command",
  );
  on(
    program
      .command("logs [service]")
      .description("what the VM's services wrote")
      .option("--lines <n>", "how many lines of each", "50"),
    "logs",
    verb(
      async () => (await import("../commands/logs.ts")).logs,
      async () => (await import("./text/logs.ts")).text,
    ),
    "service",
  );
  on(
    program.command("open").description("open the workbench in the browser"),
    "open",
    verb(
      async () => (await import("../commands/open.ts")).open,
      async () => (await import("./text/open.ts")).text,
    ),
  );
  on(
    program
      .command("verify")
      .description("check the running VM over SSH and HTTP")
      .option("--wait <time>", "keep trying this long before a check counts as failed", seconds)
      .option("--only <id>", "only this check (and what it needs); may be given several times", collect)
      .addOption(new Option("--format <format>", "of the report").choices(FORMATS).default("text")),
    "verify",
    verb(
      async () => (await import("../commands/verify.ts")).verify,
      async () => (await import("./text/verify.ts")).text,
    ),
  );

  const box = addCommonOptions(program.command("box"), true).description("boxes and the share that holds them");
  on(
    box
      .command("build <recipe>")
      .description("make a base box from a distribution's signed packages (Linux, as root)")
      .option("--out <dir>", "where the .box files go", ".")
      .option("--provider <name>", "virtualbox or libvirt; both when not given", collect)
      .option("--with <dir>", "prepare the box for the workbench in this folder"),
    "box build",
    verb(
      async () => (await import("../commands/box-build.ts")).boxBuild,
      async () => (await import("./text/box-build.ts")).text,
    ),
    "recipe",
  );
  on(
    box
      .command("publish <file>")
      .description("put a box into a share, with its catalogs")
      .requiredOption("--share <dir>", "the share's folder")
      .requiredOption("--name <owner/name>", "the box's name")
      .requiredOption("--version <version>", "its version, such as 13.1.0")
      .option("--provider <name>", "virtualbox or libvirt; read from the box when not given")
      .option("--arch <name>", "amd64 or arm64; read from the box when not given")
      .option("--door <url>", "a further way to reach the share; may be given several times", collect),
    "box publish",
    verb(
      async () => (await import("../commands/box-publish.ts")).boxPublish,
      async () => (await import("./text/box-publish.ts")).text,
    ),
    "file",
  );

  const api = addCommonOptions(program.command("api"), true).description("notebooks as APIs");
  on(
    api.command("routes <notebook>").description("the routes that the kernel gateway sees, in its order"),
    "api routes",
    verb(
      async () => (await import("../commands/api-routes.ts")).apiRoutes,
      async () => (await import("./text/api-routes.ts")).text,
    ),
    "notebook",
  );
  on(
    api
      .command("lint <notebooks...>")
      .description("what will not work in a notebook that is to be an API, and what will surprise")
      .option("--fix", "mend what is mechanical, after showing the difference")
      .option("--dry-run", "with --fix: show the difference and write nothing"),
    "api lint",
    verb(
      async () => (await import("../commands/api-lint.ts")).apiLint,
      async () => (await import("./text/api-lint.ts")).text,
    ),
    "notebooks",
  );

  on(
    api
      .command("openapi <notebook>")
      .description("the API as OpenAPI 3.1, or as a page on which each route can be tried")
      .option("--html [file]", "a self-contained page instead")
      .option("--out <file>", "write into this file instead of standard output")
      .option("--no-examples", "leave out saved outputs and examples"),
    "api openapi",
    verb(
      async () => (await import("../commands/api-openapi.ts")).apiOpenapi,
      async () => (await import("./text/api-openapi.ts")).text,
    ),
    "notebook",
  );

  on(
    api
      .command("userscript <notebook>")
      .description("a script for Tampermonkey and its kin that calls the API from pages of the learning platform")
      .option("--origin <url>", "pages on which it runs, such as https://lms.example.edu; repeatable", collect)
      .addOption(new Option("--template <name>", "what it does on the page").choices(["sample", "activity"]))
      .addOption(new Option("--transport <name>", "how it calls").choices(["auto", "gm", "fetch"]).default("auto"))
      .option("--out <file>", "write into this file instead of standard output"),
    "api userscript",
    verb(
      async () => (await import("../commands/api-userscript.ts")).apiUserscript,
      async () => (await import("./text/api-userscript.ts")).text,
    ),
    "notebook",
  );
  on(
    api
      .command("call <notebook> <request>")
      .description("call a route in the running VM: notebox api call api/marks.ipynb 'GET /marks?course=statistics'")
      .option("--body <text>", "what to send; @FILE sends a file")
      .option("--type <type>", "of the body; JSON is recognised"),
    "api call",
    verb(
      async () => (await import("../commands/api-call.ts")).apiCall,
      async () => (await import("./text/api-call.ts")).text,
    ),
    "notebook",
    "request",
  );

  const config = addCommonOptions(program.command("config"), true).description("what notebox makes of workbench.yaml");
  on(
    config.command("show").description("the resolved workbench, with the origin of each value"),
    "config show",
    verb(
      async () => (await import("../commands/config-show.ts")).configShow,
      async () => (await import("./text/config-show.ts")).text,
    ),
  );
  on(
    config.command("schema").description("the JSON Schema of workbench.yaml"),
    "config schema",
    verb(
      async () => (await import("../commands/config-schema.ts")).configSchema,
      async () => (await import("./text/config-schema.ts")).text,
    ),
  );
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
