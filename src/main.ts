/**
 * Composition root: makes the real adapters, runs one verb, sets the exit code. The one top-level catch.
 * Whatever `--version` and `--help` do not need is imported when it is first used.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { ExecaProcesses } from "./adapters/execa.ts";
import type { ClosableReporter } from "./adapters/listr2.ts";
import type { Output } from "./cli/invoke.ts";
import { buildProgram, isHelp, usageMessage } from "./cli/program.ts";
import { EXIT_CODES } from "./errors.ts";
import type { Deps, RunLog } from "./ports.ts";

// dist/notebox.cjs lies one folder below the package's root; esbuild keeps __dirname in CommonJS output.
const assets = path.resolve(__dirname, "..");

/** What Ctrl-C has to reach while a verb runs. */
interface Running {
  processes: ExecaProcesses;
  reporter: ClosableReporter;
  log: RunLog;
}

let running: Running | undefined;
/** Standard output goes to a file whose disk is full. */
let outputLost = false;

const output: Output = {
  out: (text) => writeAll(1, text),
  talk: (text) => writeAll(2, text),
  settle: async () => await running?.reporter.settle(),
};

/** Writes synchronously, so that nothing is lost when the process ends right after; a closed pipe ends quietly. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOSPC" && fd === 1) outputLost = true;
      if (code !== "EAGAIN") return;
      // The reader is slow: give it a moment.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** An account without an entry in the list of users, and without HOME, has no home: then the folder for temporary files. */
function homeDir(): string {
  try {
    return os.homedir();
  } catch {
    return os.tmpdir();
  }
}

function readVersion(): string {
  const manifest = JSON.parse(fs.readFileSync(path.join(assets, "package.json"), "utf8")) as { version: string };
  return manifest.version;
}

async function createDeps(
  command: string,
  options: Record<string, unknown>,
  version: string,
  signal: AbortSignal,
): Promise<Deps> {
  const [
    { createPrompts },
    { createClock },
    { createProcesses },
    { createHashThreads },
    { createReporter },
    { createRunLog },
  ] = await Promise.all([
    import("./adapters/clack.ts"),
    import("./adapters/clock.ts"),
    import("./adapters/execa.ts"),
    import("./adapters/hash-worker.ts"),
    import("./adapters/listr2.ts"),
    import("./adapters/run-log.ts"),
  ]);
  const { env } = process;
  const human = process.stderr.isTTY === true && env["CI"] === undefined && env["TERM"] !== "dumb";
  const clock = createClock();
  const log = createRunLog({ homeDir: homeDir(), clock, command });
  const processes = createProcesses(env, log);
  const silent = Boolean(options["json"]) || Boolean(options["quiet"]);
  const reporter = createReporter({ style: silent ? "silent" : human ? "animated" : "lines", log });
  running = { processes, reporter, log };
  return {
    processes,
    ssh: {
      connect: async (target, how) => await (await import("./adapters/node-ssh.ts")).createSsh().connect(target, how),
    },
    http: { request: async (request) => await (await import("./adapters/got.ts")).createHttp(env).request(request) },
    hashThreads: createHashThreads(),
    downloads: {
      open: async (request) => await (await import("./adapters/download.ts")).createDownloads(env).open(request),
    },
    servers: {
      listen: async (options) => await (await import("./adapters/http-server.ts")).createHttpServers().listen(options),
    },
    webSockets: {
      connect: async (url, how) => await (await import("./adapters/ws.ts")).createWebSockets().connect(url, how),
    },
    prompts: createPrompts({
      interactive: human && process.stdin.isTTY === true && !options["json"] && !options["yes"],
    }),
    reporter,
    clock,
    log,
    signal,
    env,
    platform: process.platform,
    arch: process.arch,
    homeDir: homeDir(),
    assets,
    version,
  };
}

/** The first Ctrl-C asks everything to stop tidily; the next ones hurry it; the last one leaves. */
function listenForSignals(abort: AbortController): void {
  let count = 0;
  const stop = (): void => {
    count += 1;
    if (count === 1) {
      abort.abort();
      if (running?.processes.busy())
        running.reporter.emit({
          type: "say",
          level: "warning",
          text: "Stopping; what is running tidies up first, which can take a minute. Ctrl-C again hurries it.",
        });
      return;
    }
    if (count > 3) process.exit(EXIT_CODES.interrupted);
    running?.processes.hurry();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, stop);
}

async function main(argv: readonly string[]): Promise<number> {
  const version = readVersion();
  const abort = new AbortController();
  let exitCode = 0;
  const program = buildProgram(version, async (name, options, verb) => {
    listenForSignals(abort);
    const deps = await createDeps(name, options, version, abort.signal);
    deps.log.write("argv", { argv });
    const { invokeVerb } = await import("./cli/invoke.ts");
    exitCode = (await invokeVerb(name, options, verb, deps, output)).exitCode;
  });
  const end = argv.indexOf("--");
  const words = end < 0 ? argv : argv.slice(0, end);
  // Commander's own complaints are silenced: every failure is worded and printed in one way, below.
  for (const command of [program, ...program.commands, ...program.commands.flatMap((c) => c.commands)])
    command.exitOverride().configureOutput({ writeOut: output.out, writeErr: () => {} });
  try {
    if (words.length === 0) {
      output.out(program.helpInformation());
      return 0;
    }
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (isHelp(error)) return 0;
    const { reportOutside } = await import("./cli/invoke.ts");
    return reportOutside(usageMessage(error) ?? error, words, output).exitCode;
  }
}

/** What is thrown where nobody waits for it: still no stack on the terminal, but one in the log. */
async function fatal(error: unknown): Promise<void> {
  running?.log.open(homeDir());
  running?.log.write("error", { code: "bug", stack: error instanceof Error ? error.stack : String(error) });
  const { reportOutside } = await import("./cli/invoke.ts");
  process.exit(reportOutside(error, process.argv.slice(2), output, running?.log.path).exitCode);
}

// A reader that has gone away (`2>&1 | head`, a closed terminal) is no fault: what is under way goes on to its tidy end.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
process.on("uncaughtException", (error) => void fatal(error));
process.on("unhandledRejection", (error) => void fatal(error));

void main(process.argv.slice(2)).then((ended) => {
  const code = outputLost ? EXIT_CODES["disk-full"] : ended;
  if (outputLost) output.talk("Error: The disk is full: the result could not be written.\n");
  process.exitCode = code;
  // A connection that somebody forgot to close must not keep the person waiting.
  setTimeout(() => process.exit(code), 2000).unref();
});
