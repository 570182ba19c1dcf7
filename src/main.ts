/**
 * Composition root: makes the real adapters, runs one verb, sets the exit code. The one top-level catch.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createPrompts } from "./adapters/clack.ts";
import { createClock } from "./adapters/clock.ts";
import { createProcesses } from "./adapters/execa.ts";
import { createHttp } from "./adapters/got.ts";
import { createReporter } from "./adapters/listr2.ts";
import { createSsh } from "./adapters/node-ssh.ts";
import { createRunLog } from "./adapters/run-log.ts";
import { createWebSockets } from "./adapters/ws.ts";
import { bug, errorEnvelope, invokeVerb, type Output } from "./cli/invoke.ts";
import { buildProgram, isHelp, usageMessage } from "./cli/program.ts";
import { errorText } from "./cli/text/error.ts";
import { EXIT_CODES, UserError } from "./errors.ts";
import type { Deps } from "./ports.ts";

// dist/notebox.cjs lies one folder below the package's root; esbuild keeps __dirname in CommonJS output.
const assets = path.resolve(__dirname, "..");

const output: Output = {
  out: (text) => writeAll(1, text),
  talk: (text) => writeAll(2, text),
};

/** Writes synchronously, so that nothing is lost when the process ends right after; a closed pipe ends quietly. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(fd, bytes, at);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EAGAIN") continue;
      return;
    }
  }
}

function readVersion(): string {
  const manifest = JSON.parse(fs.readFileSync(path.join(assets, "package.json"), "utf8")) as { version: string };
  return manifest.version;
}

function createDeps(options: Record<string, unknown>, version: string, signal: AbortSignal): Deps {
  const human = process.stderr.isTTY === true && process.env["CI"] === undefined;
  const log = createRunLog({ homeDir: os.homedir(), clock: createClock() });
  const processes = createProcesses(process.env, log);
  return {
    processes,
    ssh: createSsh(),
    http: createHttp(),
    webSockets: createWebSockets(),
    prompts: createPrompts({
      interactive: human && process.stdin.isTTY === true && !options["json"] && !options["yes"],
    }),
    reporter: createReporter({
      style: options["json"] || options["quiet"] ? "silent" : human ? "animated" : "lines",
      log,
    }),
    clock: createClock(),
    log,
    signal,
    env: process.env,
    platform: process.platform,
    arch: process.arch,
    homeDir: os.homedir(),
    assets,
    version,
  };
}

async function main(argv: readonly string[]): Promise<number> {
  const version = readVersion();
  const abort = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => abort.abort());
  let exitCode = 0;
  const program = buildProgram(version, async (name, options, verb) => {
    const deps = createDeps(options, version, abort.signal);
    deps.log.write("argv", { argv });
    exitCode = (await invokeVerb(name, options, verb, deps, output)).exitCode;
  });
  const asksJson = argv.includes("--json");
  configureOutput(program, asksJson);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (isHelp(error)) return 0;
    const usage = usageMessage(error);
    if (usage !== undefined) {
      const told = new UserError({ code: "usage", message: usage });
      if (asksJson) output.out(`${JSON.stringify(errorEnvelope("", told), null, 2)}\n`);
      return EXIT_CODES.usage;
    }
    const told = error instanceof UserError ? error : bug(error);
    if (asksJson) output.out(`${JSON.stringify(errorEnvelope("", told), null, 2)}\n`);
    else output.talk(errorText(told, undefined));
    return EXIT_CODES[told.code];
  }
}

function configureOutput(program: ReturnType<typeof buildProgram>, silent: boolean): void {
  for (const command of [program, ...program.commands, ...program.commands.flatMap((c) => c.commands)])
    command.exitOverride().configureOutput({ writeOut: output.out, writeErr: silent ? () => {} : output.talk });
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
