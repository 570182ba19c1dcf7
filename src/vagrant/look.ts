/**
 * How the VM is found at the beginning of `up`: Vagrant's word for it, the notes on disk, and what the guest itself
 * says it was set up for. What follows from it is plan.ts's.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { Deps } from "../ports.ts";
import type { Workbench } from "../workbench/model.ts";
import type { VagrantClient } from "./client.ts";
import type { Provider } from "./command-lines.ts";
import { askProvisioned } from "./guest.ts";
import { machineId, provisioningBegun, readEndpoints, readMade } from "./machine-files.ts";
import { networkMark } from "./network-settings.ts";
import type { Found } from "./plan.ts";
import { findVm } from "./ssh-target.ts";

/** `existed`: there is a VM, in whatever state. */
export type Seen = Found & { existed: boolean };

/** Vagrant, which takes a second or two, is asked only where its own files say that there is a VM. */
export async function lookAtVm(
  deps: Deps,
  vagrant: VagrantClient,
  workbench: Workbench,
  provider: Provider,
): Promise<Seen> {
  const { folder } = workbench;
  const id = machineId(folder, provider);
  const made = readMade(folder);
  // Of a VM that a launcher started nothing is noted; each of its starts brings in the settings of that time.
  const sameNetwork = made === undefined || made.network === networkMark(deps.env);
  const none: Seen = {
    ...{ state: "not_created", begun: false, finished: false, sameMachine: false, hasEndpoints: false },
    ...{ provisioned: undefined, sameNetwork, answers: false, existed: false },
  };
  if (id === undefined) return none;
  const stepId = "state";
  deps.reporter.emit({ type: "step-start", id: stepId, title: "Looking at the VM" });
  try {
    const state = await stateOf(deps, vagrant, provider);
    const endpoints = readEndpoints(folder);
    const noted = made?.id === id;
    const begun = noted || endpoints !== undefined || provisioningBegun(folder, provider);
    // A guest that was never set up has nothing to say, and waiting for its address can take half a minute.
    const target = state === "running" && begun ? (endpoints?.ssh ?? (await findVm(deps, folder)).ssh) : undefined;
    const { answers, hash } = await askProvisioned(deps, target);
    deps.reporter.emit({ type: "step-done", id: stepId });
    if (state === "not_created") return none;
    return {
      state,
      begun,
      // A launcher starts the VM without notebox; then the guest's own word counts.
      finished: noted || (endpoints !== undefined && hash !== undefined),
      sameMachine: noted ? made.machine === machineHash(workbench) : startedSince(folder),
      hasEndpoints: endpoints !== undefined,
      provisioned: hash,
      sameNetwork,
      answers,
      existed: true,
    };
  } catch (error) {
    deps.reporter.emit({ type: "step-failed", id: stepId });
    throw error;
  }
}

/**
 * vagrant-libvirt calls a VM `inaccessible` when libvirt has not named its address within two seconds; on a busy computer that
 * happens to one that runs, and whoever believed it would switch that off by force.
 */
async function stateOf(
  deps: Pick<Deps, "clock" | "signal">,
  vagrant: VagrantClient,
  provider: Provider,
): Promise<string> {
  for (let turn = 1; ; turn++) {
    const { state } = await vagrant.status();
    if (provider !== "libvirt" || state !== "inaccessible" || turn === 5) return state;
    await deps.clock.sleep(2000, deps.signal);
  }
}

/** What of the workbench the VM gets when it starts; the rest of it is brought in by provisioning. */
export function machineHash(workbench: Workbench): string {
  const ports = workbench.services.map(({ name, port }) => [name, port]);
  const { machine, folders } = workbench;
  return createHash("sha256").update(JSON.stringify({ machine, folders, ports })).digest("hex");
}

/** Whether the VM was started after the Vagrantfile was last written. */
function startedSince(folder: string): boolean {
  const [started, written] = [path.join(".notebox", "endpoints.json"), "Vagrantfile"].map(
    (name) => fs.statSync(path.join(folder, name), { throwIfNoEntry: false })?.mtimeMs,
  );
  return started !== undefined && written !== undefined && started >= written;
}
