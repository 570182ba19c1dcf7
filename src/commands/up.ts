/**
 * `notebox up`: from a workbench file to a VM that was checked. It puts the parts in order; what each does is in
 * src/vagrant, src/bundle and src/checks.
 */
import fs from "node:fs";
import path from "node:path";
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { lackOf } from "../services/index.ts";
import { createVagrant } from "../vagrant/client.ts";
import type { Provider } from "../vagrant/command-lines.ts";
import { withVagrantHome } from "../vagrant/home.ts";
import { requireVagrant } from "../vagrant/installed.ts";
import { type Lock, takeLock } from "../vagrant/lock.ts";
import { lookAtVm, machineHash } from "../vagrant/look.ts";
import { machineId, readEndpoints, writeMade } from "../vagrant/machine-files.ts";
import { networkMark } from "../vagrant/network-settings.ts";
import { ownPorts } from "../vagrant/own-ports.ts";
import { type Action, planUp } from "../vagrant/plan.ts";
import { endPrevious } from "../vagrant/previous.ts";
import { chooseProvider } from "../vagrant/providers.ts";
import { startVm } from "../vagrant/start.ts";
import { loadWorkbench } from "../workbench/load.ts";
import type { Workbench } from "../workbench/model.ts";
import { bringBox } from "./bring-box.ts";
import { checkBeforeStart } from "./doctor.ts";
import { render } from "./render.ts";
import { settleUpgrade } from "./settle-upgrade.ts";
import { verify } from "./verify.ts";

export interface UpOptions {
  folder: string;
  provider?: string;
  force?: boolean;
}

export interface UpResult {
  name: string;
  title: string;
  provider: Provider;
  /** What had to be done; "none" when everything was as it should be. */
  action: Action;
  /** Without any token: `notebox open` knows it. */
  services: { name: string; kind: string; url?: string }[];
  /** The report of the checks. */
  checks: unknown;
  seconds: number;
}

/** How long the services of a VM that has just started may take: on a slow computer twice what its start took. */
function patience(startMs: number): number {
  return Math.min(Math.max(300_000, 2 * startMs), 900_000);
}

export async function up(given: Deps, options: UpOptions): Promise<UpResult> {
  const started = given.clock.now();
  const workbench = await loadWorkbench(options.folder, { lint: true });
  refuseLacking(workbench);
  given.log.open(options.folder);
  const lock = await takeLock(given, options.folder, "up");
  try {
    await endPrevious(given, lock);
    await settleUpgrade(given, options.folder, lock);
    const deps = await withVagrantHome(given, options.folder);
    const outcome = await bringUp(deps, options, workbench, lock);
    const checks = await verify(deps, { folder: options.folder, wait: patience(deps.clock.now() - started) });
    const endpoints = readEndpoints(options.folder);
    return {
      name: workbench.name,
      title: workbench.title,
      ...outcome,
      services: Object.entries(endpoints?.services ?? {}).map(([name, service]) => ({ name, ...service })),
      checks,
      seconds: Math.round((deps.clock.now() - started) / 1000),
    };
  } catch (error) {
    throw howToGoOn(error, given.signal);
  } finally {
    lock.release();
  }
}

/** Before anything is made: provisioning would fail in the end. */
export function refuseLacking(workbench: Workbench): void {
  for (const service of workbench.services) {
    const lack = lackOf(service);
    if (lack === undefined) continue;
    const message = `services.${service.name} cannot start: ${lack.message}`;
    throw new UserError({ code: "invalid", message, hint: lack.hint });
  }
}

async function bringUp(deps: Deps, options: UpOptions, workbench: Workbench, lock: Lock) {
  const { folder } = options;
  const vagrant = createVagrant(deps, {
    folder,
    onStart: (child) => lock.setChild(child),
    onEnd: () => lock.setChild(undefined),
  });
  const { provider, vagrantVersion } = await checkComputer(deps, options, workbench);
  await renderBundle(deps, options);
  const found = await lookAtVm(deps, vagrant, workbench, provider);
  await checkRoom(deps, workbench, { folder, provider, ...found });
  const hash = readHash(folder);
  const action = planUp(found, hash);
  if (!found.existed) await bringBox(deps, workbench, { provider, vagrantVersion });
  await startVm(deps, vagrant, {
    ...{ folder, provider, action, finished: found.finished, existed: found.existed },
    ...{ name: workbench.name, box: workbench.box.name },
  });
  const id = machineId(folder, provider);
  const machine = machineHash(workbench);
  if (id !== undefined) writeMade(folder, { id, provider, machine, network: networkMark(deps.env) });
  return { provider, action };
}

async function step<T>(deps: Deps, id: string, title: string, work: () => Promise<T>): Promise<T> {
  deps.reporter.emit({ type: "step-start", id, title });
  try {
    const result = await work();
    deps.reporter.emit({ type: "step-done", id });
    return result;
  } catch (error) {
    deps.reporter.emit({ type: "step-failed", id });
    throw error;
  }
}

async function checkComputer(
  deps: Deps,
  options: UpOptions,
  workbench: Workbench,
): Promise<{ provider: Provider; vagrantVersion: string }> {
  return await step(deps, "programs", "Looking for Vagrant and a provider", async () => {
    const vagrantVersion = await requireVagrant(deps, workbench.folder);
    const provider = await chooseProvider(deps, { folder: options.folder, asked: options.provider, vagrantVersion });
    return { provider, vagrantVersion };
  });
}

async function renderBundle(deps: Deps, options: UpOptions): Promise<void> {
  await step(deps, "render", "Writing the bundle", async () => {
    await render(deps, { folder: options.folder, force: options.force === true });
  });
}

async function checkRoom(
  deps: Deps,
  workbench: Workbench,
  vm: { folder: string; provider: Provider; state: string; existed: boolean },
): Promise<void> {
  await step(deps, "room", "Checking disk, memory and ports", async () => {
    const running = vm.state === "running";
    const ports = await ownPorts(deps, vm.folder, vm.provider, running);
    const { folder, provider, existed: exists } = vm;
    await checkBeforeStart(deps, { folder, workbench, provider, vm: { exists, running, ports } });
  });
}

function readHash(folder: string): string {
  return fs.readFileSync(path.join(folder, "provision", "workbench", "hash"), "utf8").trim();
}

function howToGoOn(error: unknown, signal: AbortSignal): unknown {
  if (!signal.aborted) return error;
  return new UserError({
    code: "interrupted",
    message: "Interrupted. What was done so far is kept, and notebooks/ and api/ are untouched.",
    hint: "`notebox up` goes on where it stopped; `notebox destroy` removes the VM.",
    cause: error,
  });
}
