/**
 * Brings the VM to where the workbench wants it: the right Vagrant command for what was found, and the second
 * attempts that mend what an interrupted run left behind. What is found and what is said afterwards is `up`'s.
 */
import fs from "node:fs";
import path from "node:path";
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { type VagrantClient, type VagrantRun, vagrantFailure } from "./client.ts";
import { commandLines, type Provider } from "./command-lines.ts";
import { downloadWheels } from "./host-wheels.ts";
import { machineFolder, machineId, readMade } from "./machine-files.ts";
import { endStaleForwards } from "./own-ports.ts";
import type { Action } from "./plan.ts";
import { removeHalfCopiedBoxes, removeLeftovers } from "./recover.ts";

export interface StartOptions {
  folder: string;
  /** The workbench's name and its box. */
  name: string;
  box: string;
  provider: Provider;
  action: Action;
  /** `up` once finished with this VM, so it must not be made anew behind the person's back. */
  finished: boolean;
  /** It was there before this run: what this very run made and failed with is not made again at once. */
  existed: boolean;
}

/** Throws what Vagrant's failure means when every attempt has failed. */
export async function startVm(deps: Deps, vagrant: VagrantClient, options: StartOptions): Promise<void> {
  const { folder, provider, action } = options;
  if (action === "none") return;
  dropEmptyKey(folder, provider);
  if (provider === "libvirt" && !options.finished) await tidyLibvirt(deps, options);
  if (provider === "libvirt" && action === "up") await endStaleForwards(deps, folder);
  let run = await attempt(vagrant, options, action, "vm");
  for (const mend of [mendIndex, mendHalfMade]) {
    if (run.exitCode === 0) return;
    const again = await mend(deps, vagrant, options, run);
    if (again !== undefined) run = again;
  }
  if (run.exitCode !== 0) throw guestFailure(run) ?? vagrantFailure(action, run);
}

async function attempt(
  vagrant: VagrantClient,
  options: StartOptions,
  action: Action,
  steps: string,
): Promise<VagrantRun> {
  if (action === "provision") return await vagrant.run(commandLines.provision(), { steps });
  if (action === "reload") return await vagrant.run(commandLines.reload(), { steps });
  if (action === "restart") {
    const halted = await vagrant.run(commandLines.halt(true), { steps: `${steps}-halt` });
    if (halted.exitCode !== 0) return halted;
  }
  return await vagrant.run(commandLines.up(options.provider), { steps });
}

/** A run that was killed just when Vagrant made its key leaves an empty one, which ssh refuses for ever. */
function dropEmptyKey(folder: string, provider: Provider): void {
  const key = path.join(machineFolder(folder, provider), "private_key");
  if (fs.existsSync(key) && fs.statSync(key).size === 0) fs.rmSync(key);
}

async function tidyLibvirt(deps: Deps, options: StartOptions): Promise<void> {
  const boxes = options.existed ? 0 : await removeHalfCopiedBoxes(deps, options.box);
  const parts = await removeLeftovers(deps, options.folder, options.name);
  if (boxes + parts > 0)
    deps.reporter.emit({
      type: "say",
      level: "info",
      text: "Removed what an interrupted start had left behind in libvirt.",
    });
}

type Mend = (
  deps: Deps,
  vagrant: VagrantClient,
  options: StartOptions,
  run: VagrantRun,
) => Promise<VagrantRun | undefined>;

/** The guest has no way to the Python index, but this computer may have one. */
const mendIndex: Mend = async (deps, vagrant, options, run) => {
  const line = run.lines.findLast((text) => text.startsWith("notebox: failed: "));
  const unreachable = run.lines.some((text) => text.trim() === "notebox: index unreachable");
  const incomplete =
    line !== undefined && /the folder wheels\/ lacks a wheel/.test(line) && hasOwnWheels(options.folder);
  if (!unreachable && !incomplete) return undefined;
  const guest = /Python (3\.\d+)(?: on|,) ([a-z0-9_]+)/.exec(line ?? "");
  await downloadWheels(deps, { folder: options.folder, python: guest?.[1] ?? "3.13", machine: guest?.[2] ?? "x86_64" });
  return await attempt(vagrant, options, "provision", "vm-wheels");
};

function hasOwnWheels(folder: string): boolean {
  return !fs.existsSync(path.join(folder, "wheels")) && fs.existsSync(path.join(folder, ".notebox", "wheels"));
}

/** A VM whose set-up never came to its end holds nothing of anybody's; if it does not start, it is made anew. */
const mendHalfMade: Mend = async (deps, vagrant, options, run) => {
  const id = machineId(options.folder, options.provider);
  const halfMade = !options.finished && readMade(options.folder) === undefined && id !== undefined;
  if (!halfMade || !options.existed || guestFailure(run) !== undefined || !isVmsFault(run)) return undefined;
  deps.reporter.emit({
    type: "say",
    level: "warning",
    text: "The VM that an interrupted start left behind cannot be started; it is made anew. Notebooks are not touched.",
  });
  const destroyed = await vagrant.run(commandLines.destroy(), { steps: "vm-remove" });
  return destroyed.exitCode === 0 ? await attempt(vagrant, options, "up", "vm-anew") : undefined;
};

/** Faults of the VM itself; a share that is offline or a full disk would only meet a new VM as well. */
function isVmsFault(run: VagrantRun): boolean {
  return vagrantFailure("up", run).code === "vagrant";
}

/** A step of provisioning that failed says so in its last line: "notebox: failed: <step>: <what to do>". */
export function guestFailure(run: VagrantRun): UserError | undefined {
  const at = run.lines.findLastIndex((line) => line.startsWith("notebox: failed: "));
  const match = /^notebox: failed: ([^:]+): (.*)$/.exec(run.lines[at] ?? "");
  if (!match) return undefined;
  const [, step = "", advice = ""] = match;
  const before = run.lines
    .slice(0, at)
    .filter((line) => line.startsWith("notebox|"))
    .map((line) => `    ${line.replace(/^notebox\| {0,3}/, "")}`)
    .slice(-12);
  const tail = before.length === 0 ? "" : `\nIts last lines:\n${before.join("\n")}`;
  return new UserError({
    code: /index cannot be reached/.test(advice)
      ? "unreachable"
      : /disk is full/.test(advice)
        ? "disk-full"
        : "vagrant",
    message: `Setting up the VM failed at “${step}”.${tail}`,
    hint: `${advice.slice(0, 1).toUpperCase()}${advice.slice(1)}.\nThen run \`notebox up\` again; steps that were done are skipped.`,
    cause: run.error,
  });
}
