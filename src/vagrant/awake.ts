/** A VM that runs for as long as somebody needs it: one that was off is started as it is and stopped again. */
import { UserError } from "../errors.ts";
import type { Deps, SshTarget } from "../ports.ts";
import type { VagrantClient } from "./client.ts";
import { commandLines, type Provider } from "./command-lines.ts";
import { forgetAddresses, readEndpoints } from "./machine-files.ts";
import { findVm } from "./ssh-target.ts";

type Needs = Pick<Deps, "processes" | "reporter" | "signal" | "log" | "clock">;

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
  try {
    await vagrant.must(commandLines.wake(vm.provider), { steps: "wake" });
  } catch (error) {
    if (deps.signal.aborted) await stopAfterCtrlC(deps, vagrant, vm.folder);
    throw error;
  }
  try {
    return { result: await work(await targetOf(deps, vm.folder)), wasOff: true };
  } finally {
    if (deps.signal.aborted) await stopAfterCtrlC(deps, vagrant, vm.folder);
    else {
      await vagrant.must(commandLines.halt(false), { steps: "halt" });
      forgetAddresses(vm.folder);
    }
  }
}

/** Nothing else is run after Ctrl-C; but who has stopped a VM wants it to be off. Never throws, so that the interruption is told. */
async function stopAfterCtrlC(deps: Needs, vagrant: VagrantClient, folder: string): Promise<void> {
  const say = (level: "info" | "warning", text: string): void => deps.reporter.emit({ type: "say", level, text });
  say("info", "The VM was off before, so it is stopped again. Ctrl-C again hurries that.");
  // A signal of its own: the other has come already.
  const { signal } = new AbortController();
  try {
    await vagrant.must(commandLines.halt(false), { steps: "halt", signal });
    forgetAddresses(folder);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    say("warning", "The VM may still be on: `notebox down` stops it.");
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
