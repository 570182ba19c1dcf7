/**
 * Runs a recipe's build.sh and turns the lines it prints for us into progress and results. What the scripts do is in
 * boxes/<recipe>/; what a box is prepared with is handed over as a folder.
 */
import path from "node:path";
import { UserError } from "../../errors.ts";
import type { Deps } from "../../ports.ts";
import type { Recipe } from "./recipe.ts";

export interface BuildOptions {
  recipe: Recipe;
  providers: readonly string[];
  /** An empty folder for this run. */
  work: string;
  out: string;
  cache: string;
  /** First part of the boxes' file names. */
  name: string;
  /** Names the base root in the cache. */
  rootKey: string;
  /** A folder with provision/ and perhaps wheels/. */
  prepare?: string;
  /** A file of certificates. */
  certificates?: string;
  /** Further settings for the scripts: pip's, a mirror. */
  env: Readonly<Record<string, string>>;
}

export interface BuildOutcome {
  boxes: { provider: string; file: string }[];
  /** The distribution's own version, such as 13.2. */
  system: string;
  steps: { id: string; title: string; seconds: number }[];
}

const LAST_LINES = 15;

/**
 * Throws UserError `unreachable`, `disk-full`, `interrupted`, `invalid` with the scripts' own reason, and `bug` when
 * they give none.
 */
export async function runBuild(deps: Deps, options: BuildOptions): Promise<BuildOutcome> {
  const watcher = watch(deps);
  const { recipe } = options;
  const run = deps.processes.run("bash", [path.join(recipe.folder, "build.sh")], {
    cwd: options.work,
    signal: deps.signal,
    env: {
      ...options.env,
      NOTEBOX_INSIDE: undefined,
      NOTEBOX_WORK: options.work,
      NOTEBOX_OUT: options.out,
      NOTEBOX_CACHE: options.cache,
      NOTEBOX_NAME: options.name,
      NOTEBOX_PROVIDERS: options.providers.join(" "),
      NOTEBOX_SUITE: recipe.suite,
      NOTEBOX_ARCH: recipe.arch,
      NOTEBOX_DISK_GIB: String(recipe.diskGiB),
      NOTEBOX_ROOT_KEY: options.rootKey,
      NOTEBOX_PREPARE: options.prepare,
      NOTEBOX_CA: options.certificates,
    },
    onLine: watcher.line,
  });
  try {
    const { exitCode } = await run;
    if (exitCode !== 0) throw failure(watcher);
    watcher.stepDone();
    return watcher.outcome;
  } catch (error) {
    watcher.stepFailed();
    throw error;
  }
}

/** Reads the lines that begin with @@; keeps the last others for when it fails. */
function watch(deps: Deps) {
  const outcome: BuildOutcome = { boxes: [], system: "", steps: [] };
  const errors: string[] = [];
  const last: string[] = [];
  let diskFull = false;
  let current: { id: string; title: string; started: number } | undefined;

  const stepDone = (): void => {
    if (!current) return;
    const { id, title, started } = current;
    outcome.steps.push({ id, title, seconds: Math.round((deps.clock.now() - started) / 100) / 10 });
    deps.reporter.emit({ type: "step-done", id });
    current = undefined;
  };
  return {
    outcome,
    errors,
    last,
    isDiskFull: () => diskFull,
    step: () => current?.title,
    stepDone,
    stepFailed(): void {
      if (current) deps.reporter.emit({ type: "step-failed", id: current.id, lastLines: [...last] });
      current = undefined;
    },
    line(text: string): void {
      const [word = "", rest = ""] = split(text);
      switch (word) {
        case "@@step": {
          stepDone();
          const [id = "", title = ""] = split(rest);
          current = { id, title, started: deps.clock.now() };
          deps.reporter.emit({ type: "step-start", id, title });
          return;
        }
        case "@@note":
          if (current) deps.reporter.emit({ type: "step-note", id: current.id, note: rest });
          return;
        case "@@error":
          errors.push(rest);
          return;
        case "@@system":
          outcome.system = rest;
          return;
        case "@@box": {
          const [provider = "", file = ""] = split(rest);
          outcome.boxes.push({ provider, file });
          return;
        }
        case "@@failed":
          last.push(`stopped at ${rest}`);
          return;
        default:
          diskFull ||= /No space left on device|Disk quota exceeded/i.test(text);
          last.push(text);
          if (last.length > LAST_LINES) last.shift();
      }
    },
  };
}

function split(text: string): [string, string] {
  const at = text.indexOf(" ");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function failure(watcher: ReturnType<typeof watch>): UserError {
  const step = watcher.step() ?? "Starting";
  if (watcher.isDiskFull())
    return new UserError({
      code: "disk-full",
      message: `The disk filled up at the step "${step}".`,
      hint: "Building takes about 4 GiB below /var/tmp (TMPDIR names another place), 1 GiB of cache and the boxes' own size.",
    });
  const network = watcher.last.some((line) =>
    /Could not resolve|Failed to fetch|Couldn't download|Connection timed out|Failed getting release file/i.test(line),
  );
  const [first] = watcher.errors;
  return new UserError({
    code: network ? "unreachable" : first === undefined ? "bug" : "invalid",
    message: first ?? `The build failed at the step "${step}".`,
    hint: network
      ? "Check the network and the proxy settings (http_proxy), or name a mirror: NOTEBOX_MIRROR=http://…/debian."
      : "The lines above and the log file say what went wrong.",
    problems: watcher.errors.slice(1).map((message) => ({ id: "build", message })),
  });
}
