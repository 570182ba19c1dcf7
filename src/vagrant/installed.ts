/** Whether Vagrant is there and new enough, and which VirtualBox it gets on with. */
import { UserError } from "../errors.ts";
import { faultTable } from "../faults.ts";
import type { Deps } from "../ports.ts";
import { commandLines, vagrantEnvironment } from "./command-lines.ts";

/** What the rendered Vagrantfile is tested with; Debian 12 ships it. */
export const OLDEST_VAGRANT = faultTable().oldestVagrant;

/** Negative, zero or positive, by the numbers of two versions; what follows the numbers ("-dev") is left out. */
export function compareVersions(a: string, b: string): number {
  const numbers = (text: string): number[] => (/\d+(?:\.\d+)*/.exec(text)?.[0] ?? "0").split(".").map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Vagrant's version. Throws `missing-program` when it is missing, broken or too old. */
export async function requireVagrant(deps: Pick<Deps, "processes" | "signal">, cwd: string): Promise<string> {
  const version = await installedVagrant(deps, cwd);
  if (compareVersions(version, OLDEST_VAGRANT) >= 0) return version;
  throw new UserError({
    code: "missing-program",
    message: `Vagrant ${version} is too old; notebox needs ${OLDEST_VAGRANT} or newer.`,
    hint: `Ask IT to install Vagrant ${OLDEST_VAGRANT} or newer.`,
  });
}

/** Whatever version is installed. Throws `missing-program` when there is none that works. */
export async function installedVagrant(deps: Pick<Deps, "processes" | "signal">, cwd: string): Promise<string> {
  if ((await deps.processes.which("vagrant")) === undefined)
    throw new UserError({
      code: "missing-program",
      message: "Vagrant is not installed, or not on this session's PATH.",
      hint: `Ask IT to install Vagrant ${OLDEST_VAGRANT} or newer and VirtualBox (once, as an administrator), then log out and in again.`,
    });
  const result = await deps.processes.run("vagrant", commandLines.version(), {
    cwd,
    env: vagrantEnvironment(),
    timeoutMs: 60_000,
    signal: deps.signal,
  });
  const version = /Vagrant (?:version )?v?(\d+\.\d+[^\s]*)/.exec(result.stdout)?.[1];
  if (version === undefined)
    throw new UserError({
      code: "missing-program",
      message: `Vagrant is installed but does not work: ${(result.stderr || result.stdout).trim().split("\n")[0] || `exit code ${result.exitCode}`}`,
      hint: "Ask IT to repair or to reinstall Vagrant.",
    });
  return version;
}

/** Throws `missing-program` when this Vagrant does not know this VirtualBox. */
export function requirePair(vagrant: string, virtualbox: string): void {
  const series = virtualbox.split(".").slice(0, 2).join(".");
  const needs = faultTable().pairs.find((pair) => pair.virtualbox === series)?.vagrant;
  if (needs === undefined || compareVersions(vagrant, needs) >= 0) return;
  throw new UserError({
    code: "missing-program",
    message: `VirtualBox ${virtualbox} needs Vagrant ${needs} or newer, but Vagrant ${vagrant} is installed.`,
    hint: `Ask IT to install Vagrant ${needs} or newer.`,
  });
}
