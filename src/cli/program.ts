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

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError("Write a number from 0 to 65535.");
  return port;
}

/** "12h", "90d", "4w" → milliseconds. */
function span(text: string): number {
  const match = /^(\d{1,6})\s*([hdw])$/.exec(text);
  if (!match) throw new InvalidArgumentError("Write a time like 12h, 90d or 4w.");
  const hours = { h: 1, d: 24, w: 168 }[match[2] as "h" | "d" | "w"];
  return Number(match[1]) * hours * 3_600_000;
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

  const on = <O extends object>(command: Command, name: string, entry: Verb<O>, argument?: string): Command =>
    addCommonOptions(command, true).action(async (...given: unknown[]) => {
      const first = argument === undefined ? {} : { [argument]: given[0] };
      await invoke(name, { ...allOptions(command), ...first }, entry as Verb<object>);
    });

  on(
    program
      .command("init [dir]")
      .description("write a workbench that starts as it is")
      .addOption(new Option("--template <name>", "what to start from").choices(["hello", "api"]))
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
      .command("build [recipe]")
      .description("make a base box from a distribution's signed packages (Linux, as root), or a box of a verified VM")
      .option("--out <dir>", "where the .box files go", ".")
      .option("--provider <name>", "virtualbox or libvirt; both when not given", collect)
      .option("--with <dir>", "prepare the box for the workbench in this folder")
      .option("--from-vm", "pack the running VM of the workbench in -C, without its keys, tokens and logs"),
    "box build",
    verb(
      async () => (await import("../commands/box-build.ts")).boxBuild,
      async () => (await import("./text/box-build.ts")).text,
    ),
    "recipe",
  );
  on(
    box
      .command("archive <source>")
      .description("fetch boxes into a share: from a registry (owner/name), a catalog or a box's address")
      .requiredOption("--share <dir>", "the share's folder")
      .option("--version <constraint>", "which versions, as Vagrant writes it; the newest when not given")
      .option("--all-versions", "all that fit, not only the newest")
      .option("--provider <name>", "only this provider; may be given several times", collect)
      .option("--arch <name>", "only this architecture; may be given several times", collect)
      .option("--name <owner/name>", "the name of a box that has no catalog"),
    "box archive",
    verb(
      async () => (await import("../commands/box-archive.ts")).boxArchive,
      async () => (await import("./text/box-archive.ts")).text,
    ),
    "source",
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

  on(
    box
      .command("install <name>")
      .description("put a box of a share into Vagrant's folder of boxes, in one pass")
      .requiredOption("--share <dir>", "the share's folder or address")
      .option("--version <constraint>", "such as 13.1.0 or '~> 13.1'; the newest when not given")
      .option("--provider <name>", "virtualbox or libvirt; needed where the share has both")
      .option("--arch <name>", "amd64 or arm64; this computer's when not given"),
    "box install",
    verb(
      async () => (await import("../commands/box-install.ts")).boxInstall,
      async () => (await import("./text/box-install.ts")).text,
    ),
    "name",
  );
  on(
    box
      .command("serve")
      .description("a share over HTTP, read-only, for a classroom; this computer only, unless --host says otherwise")
      .requiredOption("--share <dir>", "the share's folder")
      .option("--port <n>", "the port to listen on; 0 is any that is free", portNumber, 8480)
      .option("--host <address>", "the address to listen on; 0.0.0.0 is all of this computer's", "127.0.0.1")
      .addOption(new Option("--print <server>", "print a web server's configuration instead").choices(["nginx"])),
    "box serve",
    verb(
      async () => (await import("../commands/box-serve.ts")).boxServe,
      async () => (await import("./text/box-serve.ts")).text,
    ),
  );

  on(
    box
      .command("list [name]")
      .description("what a share holds: versions, providers, sizes, age, source, doors")
      .requiredOption("--share <dir>", "the share's folder")
      .option("--provider <name>", "only this one")
      .option("--arch <name>", "only this one")
      .option("--version <version>", "only this one"),
    "box list",
    verb(
      async () => (await import("../commands/box-list.ts")).boxList,
      async () => (await import("./text/box-list.ts")).text,
    ),
    "name",
  );

  on(
    box
      .command("verify [name]")
      .description(
        "read every byte of a share's boxes, take out what is wrong, set catalogs right; goes on where it was broken off",
      )
      .requiredOption("--share <dir>", "the share's folder")
      .option("--provider <name>", "only this one")
      .option("--arch <name>", "only this one")
      .option("--version <version>", "only this one")
      .option("--dry-run", "say what is wrong and change nothing"),
    "box verify",
    verb(
      async () => (await import("../commands/box-verify.ts")).boxVerify,
      async () => (await import("./text/box-verify.ts")).text,
    ),
    "name",
  );

  on(
    box
      .command("prune")
      .description("remove versions that nobody needs, and what killed writers left; the newest of each box stays")
      .requiredOption("--share <dir>", "the share's folder")
      .option("--keep <n>", "so many newest versions of each box stay", Number)
      .option("--older-than <time>", "only what was published longer ago, such as 90d", span)
      .option("--unused-by <dir...>", "only what none of these workbench folders would take")
      .option("--parts-older-than <time>", "half-received boxes (default: 1d)", span)
      .option("--quarantine-older-than <time>", "what verify took out (default: 30d)", span)
      .option("--take-over", "take over the lock of a computer that gives no sign of life")
      .option("--dry-run", "say what would go, with sizes, and change nothing"),
    "box prune",
    verb(
      async () => (await import("../commands/box-prune.ts")).boxPrune,
      async () => (await import("./text/box-prune.ts")).text,
    ),
  );
  on(
    box
      .command("rebase")
      .description("change the ways to reach a share, and write all its catalogs anew")
      .requiredOption("--share <dir>", "the share's folder")
      .option("--add <door>", "a further way; may be given several times", collect)
      .option("--remove <door>", "one that is no more, with its catalogs; may be given several times", collect)
      .option("--replace <old new...>", "the old way, then the new one"),
    "box rebase",
    verb(
      async () => (await import("../commands/box-rebase.ts")).boxRebase,
      async () => (await import("./text/box-rebase.ts")).text,
    ),
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
