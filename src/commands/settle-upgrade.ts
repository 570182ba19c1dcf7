/**
 * What an upgrade that was broken off left: before the change-over it is undone, after it it is finished. Asked by every
 * verb that works on the VM, once it has the lock.
 */
import path from "node:path";
import { putBundleBack } from "../bundle/way-back.ts";
import { dropUpgrade, finishSwitch, isBeside, upgradeFolder, upgradeStep, vagrantBeside } from "../keep/beside.ts";
import type { Deps } from "../ports.ts";
import { commandLines } from "../vagrant/command-lines.ts";
import { withVagrantHome } from "../vagrant/home.ts";
import type { Lock } from "../vagrant/lock.ts";
import { forgetAddresses } from "../vagrant/machine-files.ts";

/** Throws UserError `vagrant` when the VM that goes cannot be deleted; then the next call tries again. */
export async function settleUpgrade(given: Deps, folder: string, lock: Lock): Promise<void> {
  const step = upgradeStep(folder);
  if (step === undefined) return;
  const deps = await withVagrantHome(given, folder);
  if (step === "building") {
    deps.reporter.emit({ type: "say", level: "info", text: "An upgrade was broken off: the VM as it was is in use." });
    await undoUpgrade(deps, folder, lock);
    return;
  }
  deps.reporter.emit({
    type: "say",
    level: "info",
    text: "An upgrade was broken off at its end: the new VM is in use.",
  });
  if (step === "switching") await finishSwitch(folder);
  await removeFormer(deps, folder, lock);
}

/** Before the change-over: the new VM goes, the bundle is the old one's again. */
export async function undoUpgrade(deps: Deps, folder: string, lock: Lock): Promise<void> {
  if (isBeside(folder, "new")) {
    const vagrant = vagrantBeside(deps, folder, "new", lock);
    await vagrant.must(commandLines.destroy(), { steps: "undo" });
    // They were the new one's, if they were anybody's.
    forgetAddresses(folder);
  }
  putBundleBack(folder, path.join(upgradeFolder(folder), "bundle"));
  dropUpgrade(folder);
}

/** After the change-over. */
export async function removeFormer(deps: Deps, folder: string, lock: Lock): Promise<void> {
  if (isBeside(folder, "old"))
    await vagrantBeside(deps, folder, "old", lock).must(commandLines.destroy(), { steps: "remove" });
  dropUpgrade(folder);
}
