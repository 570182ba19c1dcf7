/**
 * `verify`: checks the running VM over SSH and HTTP. Finds out how the VM is reached and what it should be, and has
 * src/checks ask. `up` uses verifyWorkbench at its end.
 */
import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import { readAssets } from "../bundle/assets.ts";
import { readBrought } from "../bundle/own-file.ts";
import { sharedFolders, workbenchHash } from "../bundle/plan.ts";
import type { CheckResult, Report } from "../checks/check.ts";
import type { NotebookFile } from "../checks/gateway-list.ts";
import { runChecks } from "../checks/runner.ts";
import { type Round, type VerifyInputs, verifyRound } from "../checks/verify-list.ts";
import { type Problem, UserError } from "../errors.ts";
import { readNotebook, readNotebookBytes } from "../notebooks/notebook.ts";
import type { Deps, SshTarget } from "../ports.ts";
import { notebookOf, schemeOf } from "../services/index.ts";
import { readEndpoints } from "../vagrant/machine-files.ts";
import { findVm } from "../vagrant/ssh-target.ts";
import { loadWorkbench } from "../workbench/load.ts";
import type { Workbench } from "../workbench/model.ts";

export type { CheckResult, Report } from "../checks/check.ts";

export interface VerifyOptions {
  folder: string;
  /** Milliseconds. */
  wait?: number;
  only?: readonly string[];
  /** Call routes that may change something, too. */
  includeWrites?: boolean;
  /** For src/cli/text/verify.ts alone. */
  format?: "text" | "junit" | "tap";
}

/** Throws UserError `check-failed` with the report when a check failed. */
export async function verify(deps: Deps, options: VerifyOptions): Promise<Report> {
  // A broken notebook is one of the answers, not a reason to ask nothing.
  const workbench = await loadWorkbench(options.folder, { files: false });
  deps.log.open(options.folder);
  const report = await verifyWorkbench(deps, workbench, options);
  if (!report.passed) throw verifyFailure(report);
  return report;
}

/** Asks all checks and gives the report, whatever came out. */
export async function verifyWorkbench(
  deps: Deps,
  workbench: Workbench,
  options: Pick<VerifyOptions, "wait" | "only" | "includeWrites"> = {},
): Promise<Report> {
  const secrets = new Set<string>();
  const redact = (secret: string): void => {
    secrets.add(secret);
    deps.log.redact(secret);
  };
  const inputs = await gather(deps, workbench, { redact, includeWrites: options.includeWrites ?? false });
  const report = await ask(deps, inputs, options, secrets);
  deps.log.write("verify", { report });
  return report;
}

export function verifyFailure(report: Report): UserError {
  const failing = report.checks.filter(({ status }) => status === "failed");
  const first = failing[0];
  const blocked = report.counts.blocked;
  const following =
    blocked === 0
      ? ""
      : ` (${blocked} more ${blocked === 1 ? "follows" : "follow"} from ${failing.length === 1 ? "it" : "them"})`;
  return new UserError({
    code: "check-failed",
    message:
      failing.length === 1
        ? `One check failed: ${first?.title} – ${first?.seen}${following}`.replace(/\.?$/, ".")
        : `${failing.length} checks failed${following}; the first: ${first?.title} – ${first?.seen}.`,
    hint: "After a repair, `notebox verify` asks again; with --wait 2m it keeps asking for that long.",
    problems: failing.map(asProblem),
    result: report,
  });
}

function asProblem(check: CheckResult): Problem {
  return {
    id: check.id,
    message: `${check.title}: seen: ${check.seen}; expected: ${check.expected}`,
    ...(check.hint === undefined ? {} : { hint: check.hint }),
  };
}

async function ask(
  deps: Deps,
  inputs: VerifyInputs,
  { wait, only }: { wait?: number; only?: readonly string[] },
  secrets: ReadonlySet<string>,
): Promise<Report> {
  const id = "verify";
  let round: Round | undefined;
  let now = inputs;
  const run = async (patience: number | undefined): Promise<Report> =>
    await runChecks(
      async () => {
        await round?.close();
        round = verifyRound(deps, now);
        return round.checks;
      },
      {
        subject: "verify",
        name: inputs.workbench.name,
        clock: deps.clock,
        signal: deps.signal,
        hide: (text) => [...secrets].reduce((rest, secret) => rest.replaceAll(secret, "[token]"), text),
        ...(patience === undefined ? {} : { wait: patience }),
        ...(only === undefined ? {} : { only }),
        onRound: async (failing) => {
          if (now === inputs && isSilent(failing)) now = await lookAgain(deps, inputs);
          deps.reporter.emit({ type: "step-note", id, note: `waiting: ${failing[0]?.id}: ${failing[0]?.seen}` });
        },
      },
    );
  deps.reporter.emit({ type: "step-start", id, title: "Check the VM" });
  try {
    let report = await run(wait);
    if (now === inputs && isSilent(report.checks)) {
      now = await lookAgain(deps, inputs);
      if (now.target !== inputs.target) report = await run(undefined);
    }
    const { passed, failed } = report.counts;
    if (report.passed) deps.reporter.emit({ type: "step-done", id, note: `${passed} checks passed` });
    else
      deps.reporter.emit({
        type: "step-failed",
        id,
        lastLines: [`${failed} of ${report.checks.length} checks failed`],
      });
    return report;
  } catch (error) {
    deps.reporter.emit({ type: "step-failed", id });
    throw error;
  } finally {
    await round?.close();
  }
}

function isSilent(checks: readonly CheckResult[]): boolean {
  return checks.some(({ id, status }) => id === "ssh" && status === "failed");
}

/**
 * Nobody answers at the address that the last start wrote down: perhaps the VM was stopped behind notebox's back, or
 * has another port by now. Vagrant knows.
 */
async function lookAgain(deps: Deps, inputs: VerifyInputs): Promise<VerifyInputs> {
  if (inputs.target instanceof UserError) return inputs;
  const found = await findVm(deps, inputs.workbench.folder).catch((error: unknown) => {
    if (deps.signal.aborted) throw error;
    return undefined;
  });
  if (found === undefined) return { ...inputs };
  if (found.state !== "running") return { ...inputs, target: notRunning(found.text) };
  if (found.ssh === undefined || same(found.ssh, inputs.target)) return { ...inputs };
  return {
    ...inputs,
    target: found.ssh,
    urls: found.ports.size > 0 ? urlsOf(inputs.workbench, found.ports) : inputs.urls,
  };
}

async function gather(
  deps: Deps,
  workbench: Workbench,
  given: Pick<VerifyInputs, "redact" | "includeWrites">,
): Promise<VerifyInputs> {
  const known = {
    ...given,
    workbench,
    folders: sharedFolders(workbench),
    notebooks: await notebooksByService(workbench),
    hashes: await hashes(deps, workbench),
  };
  const endpoints = readEndpoints(workbench.folder);
  if (endpoints?.ssh !== undefined) {
    const urls = Object.entries(endpoints.services).flatMap(([name, { url }]): [string, string][] =>
      url === undefined ? [] : [[name, withSlash(url)]],
    );
    return { ...known, target: endpoints.ssh, urls: new Map(urls) };
  }
  const found = await findVm(deps, workbench.folder);
  if (found.state !== "running")
    return { ...known, target: notRunning(found.text), urls: urlsOf(workbench, new Map()) };
  const unknown = new UserError({
    code: "unreachable",
    message: "Vagrant does not say how the VM is reached over SSH.",
    hint: "`notebox down`, then `notebox up` starts the VM afresh.",
  });
  return { ...known, target: found.ssh ?? unknown, urls: urlsOf(workbench, found.ports) };
}

/** What the VM should have been provisioned from, and what the bundle in the folder would make of it. */
async function hashes(deps: Deps, workbench: Workbench): Promise<VerifyInputs["hashes"]> {
  const file = path.join(workbench.folder, "provision", "workbench", "hash");
  const rendered = await fs.readFile(file, "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
  return {
    current: workbenchHash({ workbench, assets: readAssets(deps.assets), files: await readBrought(workbench) }),
    rendered,
  };
}

async function notebooksByService(workbench: Workbench): Promise<VerifyInputs["notebooks"]> {
  const files = workbench.services.flatMap((service) => {
    const notebook = notebookOf(service);
    return notebook === undefined
      ? []
      : [{ name: service.name, file: path.join(workbench.folder, ...notebook.split("/")) }];
  });
  return new Map(await Promise.all(files.map(async ({ name, file }) => [name, await notebookFile(file)] as const)));
}

async function notebookFile(file: string): Promise<NotebookFile | UserError> {
  try {
    const notebook = await readNotebook(file);
    const sha256 = createHash("sha256")
      .update(await readNotebookBytes(file))
      .digest("hex");
    return { notebook, sha256 };
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

function urlsOf(workbench: Workbench, ports: ReadonlyMap<number, number>): ReadonlyMap<string, string> {
  return new Map(
    workbench.services.flatMap((service) => {
      const { name, port } = service;
      return port === undefined ? [] : [[name, `${schemeOf(service)}://127.0.0.1:${ports.get(port) ?? port}/`]];
    }),
  );
}

function notRunning(text: string): UserError {
  return new UserError({
    code: "unreachable",
    message: `The VM is not running (${text}).`,
    hint: "Start it with `notebox up`, or by a double click on Start.",
  });
}

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}

function same(a: SshTarget, b: SshTarget): boolean {
  return a.host === b.host && a.port === b.port && a.username === b.username && a.privateKeyPath === b.privateKeyPath;
}
