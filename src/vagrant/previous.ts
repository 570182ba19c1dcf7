/** Ends the Vagrant that a killed notebox left at work: it goes on by itself, and two at once would spoil the VM. */
import type { Deps } from "../ports.ts";
import type { Lock } from "./lock.ts";

/** Vagrant halts at the first SIGINT and tidies up; that takes as long as the provider needs. */
const GRACE_MS = 120_000;

export async function endPrevious(deps: Pick<Deps, "processes" | "reporter" | "signal">, lock: Lock): Promise<void> {
  const child = lock.previous?.child;
  // Where a process's start cannot be known (Windows, macOS) its number may be another program's by now.
  if (child === undefined || child.started === "" || !deps.processes.isAlive(child)) return;
  const id = "previous";
  deps.reporter.emit({ type: "step-start", id, title: "Ending what an interrupted run left at work" });
  await deps.processes.end(child, { graceMs: GRACE_MS, signal: deps.signal });
  deps.reporter.emit({ type: "step-done", id });
}
