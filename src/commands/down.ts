/** `notebox down`: stops the VM; all that is in it is kept, and the pages with tokens are removed. */
import type { Deps } from "../ports.ts";
import { createVagrant } from "../vagrant/client.ts";
import { commandLines } from "../vagrant/command-lines.ts";
import { withVagrantHome } from "../vagrant/home.ts";
import { requireVagrant } from "../vagrant/installed.ts";
import { takeLock } from "../vagrant/lock.ts";
import { existingProvider, forgetAddresses, requireWorkbenchFolder } from "../vagrant/machine-files.ts";
import { endPrevious } from "../vagrant/previous.ts";
import { settleUpgrade } from "./settle-upgrade.ts";

export interface DownOptions {
  folder: string;
}

export interface DownResult {
  /** What the VM was before. */
  before: "running" | "off" | "not-created";
}

export async function down(given: Deps, options: DownOptions): Promise<DownResult> {
  const { folder } = options;
  requireWorkbenchFolder(folder);
  given.log.open(folder);
  const lock = await takeLock(given, folder, "down");
  try {
    await endPrevious(given, lock);
    await settleUpgrade(given, folder, lock);
    if (existingProvider(folder) === undefined) {
      forgetAddresses(folder);
      return { before: "not-created" };
    }
    const deps = await withVagrantHome(given, folder);
    await requireVagrant(deps, folder);
    const vagrant = createVagrant(deps, { folder, onStart: (child) => lock.setChild(child) });
    const { state } = await vagrant.status();
    const off = ["not_created", "poweroff", "shutoff", "aborted"].includes(state);
    if (!off) await vagrant.must(commandLines.halt(false), { steps: "halt" });
    forgetAddresses(folder);
    return { before: state === "not_created" ? "not-created" : off ? "off" : "running" };
  } finally {
    lock.release();
  }
}
