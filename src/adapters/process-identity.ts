/**
 * Processes that this notebox did not start: whether one still runs, and how to end it. A process id alone is not
 * enough, since numbers are used again; on Linux its start time goes with it.
 */
import fs from "node:fs";
import type { ProcessIdentity } from "../ports.ts";

export function identity(pid: number): ProcessIdentity {
  return { pid, started: startTime(pid) ?? "" };
}

export function isAlive(process_: ProcessIdentity): boolean {
  if (!Number.isSafeInteger(process_.pid) || process_.pid <= 0) return false;
  try {
    process.kill(process_.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const now = startTime(process_.pid);
  return process_.started === "" || now === undefined || now === process_.started;
}

/** SIGINT first, since that is what Vagrant tidies up after; then SIGTERM, then SIGKILL. */
export async function endGroup(
  process_: ProcessIdentity,
  options: { graceMs: number; signal?: AbortSignal },
): Promise<void> {
  const stages: readonly (readonly [NodeJS.Signals, number])[] = [
    ["SIGINT", options.graceMs],
    ["SIGTERM", 10_000],
    ["SIGKILL", 5000],
  ];
  for (const [signal, patience] of stages) {
    if (!isAlive(process_)) return;
    send(process_.pid, signal);
    const until = Date.now() + patience;
    while (isAlive(process_) && Date.now() < until && options.signal?.aborted !== true)
      await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  for (const target of process.platform === "win32" ? [pid] : [-pid, pid])
    try {
      process.kill(target, signal);
      return;
    } catch {
      // No group of that number: the process itself is tried next; or it has ended.
    }
}

/** Field 22 of /proc/PID/stat (proc(5)), counted after the program's name, which may hold blanks; a zombie is dead. */
function startTime(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "ended" : fields[19];
  } catch {
    return undefined;
  }
}
