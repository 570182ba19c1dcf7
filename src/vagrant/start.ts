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
  /** It was set up to its end once, so nothing of a start that was broken off can lie about. */
  finished: boolean;
  /** It was there before this run. */
  existed: boolean;
}

/** Throws what Vagrant's failure means when every attempt has failed. */
export async function startVm(deps: Deps, vagrant: VagrantClient, options: StartOptions): Promise<void> {
  const { folder, provider, action } = options;
  if (action === "none") return;
  if (provider === "libvirt" && !options.finished) await tidyLibvirt(deps, options);
  if (provider === "libvirt" && action === "up") await endStaleForwards(deps, folder);
  let run = await attempt(deps, vagrant, options, action, "vm");
  // A broken-off upgrade's Vagrant was switching it off; provisioning does nothing then, and calls that well.
  if (run.waited && action === "provision" && (await vagrant.status()).state !== "running")
    run = await attempt(deps, vagrant, options, "up", "vm-again");
  if (run.error?.errorClass.endsWith("::VMBootTimeout")) {
    deps.reporter.emit({ type: "say", level: "warning", text: AGAIN });
    run = await attempt(deps, vagrant, options, "restart", "vm-again");
  }
  if (run.exitCode !== 0) run = (await mendIndex(deps, vagrant, options, run)) ?? run;
  if (run.exitCode !== 0) throw guestFailure(run) ?? vagrantFailure(action, run);
}

const REMADE =
  "The VM that an interrupted start left behind was never set up; it is made anew. Notebooks are not touched.";

// What a person would be told to do. A computer that was busy may be free by now.
const AGAIN = "The VM did not answer in time. It is switched off and started once more.";

async function attempt(
  deps: Deps,
  vagrant: VagrantClient,
  options: StartOptions,
  action: Action,
  steps: string,
): Promise<VagrantRun> {
  if (action === "provision") return await vagrant.run(commandLines.provision(), { steps });
  if (action === "reload") return await vagrant.run(commandLines.reload(), { steps });
  if (action === "remake") {
    deps.reporter.emit({ type: "say", level: "info", text: REMADE });
    const destroyed = await vagrant.run(commandLines.destroy(), { steps: `${steps}-remove` });
    if (destroyed.exitCode !== 0) return destroyed;
  }
  if (action === "restart") {
    const halted = await vagrant.run(commandLines.halt(true), { steps: `${steps}-halt` });
    if (halted.exitCode !== 0) return halted;
  }
  return await vagrant.run(commandLines.up(options.provider), { steps });
}

async function tidyLibvirt(deps: Deps, options: StartOptions): Promise<void> {
  const boxes = options.existed && options.action !== "remake" ? 0 : await removeHalfCopiedBoxes(deps, options.box);
  const parts = await removeLeftovers(deps, options.folder, options.name);
  if (boxes + parts > 0)
    deps.reporter.emit({
      type: "say",
      level: "info",
      text: "Removed what an interrupted start had left behind in libvirt.",
    });
}

/** The guest has no way to the Python index, but this computer may have one. */
async function mendIndex(
  deps: Deps,
  vagrant: VagrantClient,
  options: StartOptions,
  run: VagrantRun,
): Promise<VagrantRun | undefined> {
  const line = run.lines.findLast((text) => text.startsWith("notebox: failed: "));
  const unreachable = run.lines.some((text) => text.trim() === "notebox: index unreachable");
  const incomplete =
    line !== undefined && /the folder wheels\/ lacks a wheel/.test(line) && hasOwnWheels(options.folder);
  if (!unreachable && !incomplete) return undefined;
  const guest = /Python (3\.\d+)(?: on|,) ([a-z0-9_]+)/.exec(line ?? "");
  await downloadWheels(deps, { folder: options.folder, python: guest?.[1] ?? "3.13", machine: guest?.[2] ?? "x86_64" });
  return await attempt(deps, vagrant, options, "provision", "vm-wheels");
}

function hasOwnWheels(folder: string): boolean {
  return !fs.existsSync(path.join(folder, "wheels")) && fs.existsSync(path.join(folder, ".notebox", "wheels"));
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
