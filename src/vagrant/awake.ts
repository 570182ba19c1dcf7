/** A VM that runs for as long as somebody needs it: one that was off is started as it is and stopped again. */
import { UserError } from "../errors.ts";
import type { Deps, SshTarget } from "../ports.ts";
import type { VagrantClient } from "./client.ts";
import { commandLines, type Provider } from "./command-lines.ts";
import { forgetAddresses, readEndpoints } from "./machine-files.ts";
import { findVm } from "./ssh-target.ts";

type Needs = Pick<Deps, "processes" | "reporter" | "signal" | "log">;

export interface Awake<T> {
  result: T;
  /** It was off, and is off again. */
  wasOff: boolean;
}

/** Throws UserError `vagrant` when it cannot be started or reached, and what the work throws. */
export async function withRunningVm<T>(
  deps: Needs,
  vagrant: VagrantClient,
  vm: { folder: string; provider: Provider },
  work: (target: SshTarget) => Promise<T>,
): Promise<Awake<T>> {
  const { state } = await vagrant.status();
  if (state === "not_created")
    throw new UserError({
      code: "vagrant",
      message: "There is no VM here: Vagrant knows of one that the provider does not have any more.",
      hint: "`notebox up` makes a new one.",
    });
  if (state === "running") return { result: await work(await targetOf(deps, vm.folder)), wasOff: false };
  const text = "The VM is off. It is started for this, and stopped again afterwards.";
  deps.reporter.emit({ type: "say", level: "info", text });
  await vagrant.must(commandLines.wake(vm.provider), { steps: "wake" });
  try {
    return { result: await work(await targetOf(deps, vm.folder)), wasOff: true };
  } finally {
    // After Ctrl-C nothing is run any more: then it stays on, which harms nothing.
    if (!deps.signal.aborted) {
      await vagrant.must(commandLines.halt(false), { steps: "halt" });
      forgetAddresses(vm.folder);
    }
  }
}

async function targetOf(deps: Needs, folder: string): Promise<SshTarget> {
  const target = readEndpoints(folder)?.ssh ?? (await findVm(deps, folder)).ssh;
  if (target !== undefined) return target;
  throw new UserError({
    code: "vagrant",
    message: "Vagrant does not say how the VM is reached over SSH.",
    hint: "`notebox down`, then `notebox up` starts it afresh.",
  });
}
