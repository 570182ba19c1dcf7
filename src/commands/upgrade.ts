/**
 * `notebox upgrade`: a new VM from the box and the workbench.yaml of today, with what was in the old one. The old VM is
 * saved, stopped and kept until the new one is filled and every check has passed; else it is in use again.
 */
import path from "node:path";
import { keepBundle } from "../bundle/way-back.ts";
import { asDiskFull, systemErrorCode, UserError } from "../errors.ts";
import { finishSwitch, upgradeFolder, vagrantBeside, writeUpgradeStep } from "../keep/beside.ts";
import type { Loaded } from "../keep/load.ts";
import type { Deps } from "../ports.ts";
import type { VagrantClient } from "../vagrant/client.ts";
import { commandLines, type Provider } from "../vagrant/command-lines.ts";
import { withVagrantHome } from "../vagrant/home.ts";
import { requireVagrant } from "../vagrant/installed.ts";
import { type Lock, takeLock } from "../vagrant/lock.ts";
import { machineHash } from "../vagrant/look.ts";
import { existingProvider, forgetAddresses, forgetMade, machineId, writeMade } from "../vagrant/machine-files.ts";
import { networkMark } from "../vagrant/network-settings.ts";
import { endPrevious } from "../vagrant/previous.ts";
import { startVm } from "../vagrant/start.ts";
import { loadWorkbench } from "../workbench/load.ts";
import type { Workbench } from "../workbench/model.ts";
import { type BackupResult, backUp, vagrantOf } from "./backup.ts";
import { bringBox } from "./bring-box.ts";
import { checkBeforeStart } from "./doctor.ts";
import { render } from "./render.ts";
import { checkedBackup, putBack } from "./restore.ts";
import { removeFormer, settleUpgrade, undoUpgrade } from "./settle-upgrade.ts";
import { refuseLacking } from "./up.ts";
import { verify } from "./verify.ts";

export interface UpgradeOptions {
  folder: string;
  /** Overwrite rendered files that were changed by hand. */
  force?: boolean;
  /** Milliseconds that the services of the new VM may take. */
  wait?: number;
}

export interface UpgradeResult extends Loaded {
  title: string;
  /** What was in the old VM; the file stays. */
  backup: BackupResult;
  checks: unknown;
}

const PATIENCE_MS = 900_000;

/**
 * Throws UserError `vagrant` (there is no VM, or a start fails), `check-failed`, and as `backup`, `render`, `restore`; the
 * old VM is in use then.
 */
export async function upgrade(given: Deps, options: UpgradeOptions): Promise<UpgradeResult> {
  const { folder } = options;
  const workbench = await loadWorkbench(folder, { lint: true });
  refuseLacking(workbench);
  given.log.open(folder);
  const lock = await takeLock(given, folder, "upgrade");
  try {
    await endPrevious(given, lock);
    const deps = await withVagrantHome(given, folder);
    const vagrantVersion = await requireVagrant(deps, folder);
    await settleUpgrade(deps, folder, lock);
    const provider = existingProvider(folder);
    const vagrant = vagrantOf(deps, folder, lock);
    const saved = provider === undefined ? undefined : await backUp(deps, vagrant, { folder, last: true });
    if (provider === undefined || saved === undefined) throw nothingThere();
    const wasRunning = !saved.wasOff;
    const vm = { workbench, provider, vagrantVersion };
    const ready = async () => {
      const filled = await build(deps, options, vagrant, lock, saved, vm);
      await writeUpgradeStep(folder, "switching");
      return filled;
    };
    const filled = await ready().catch(async (error: unknown) => {
      throw await goBack(deps, folder, lock, error, { vagrant, provider, wasRunning, saved });
    });
    await changeOver(deps, folder, workbench, provider, lock);
    return { title: workbench.title, backup: saved, ...filled };
  } finally {
    lock.release();
  }
}

/** Everything up to the change-over: until then a start is one of the old VM. */
async function build(
  deps: Deps,
  { folder, force = false, wait = PATIENCE_MS }: UpgradeOptions,
  vagrant: VagrantClient,
  lock: Lock,
  saved: BackupResult,
  { workbench, provider, vagrantVersion }: { workbench: Workbench; provider: Provider; vagrantVersion: string },
): Promise<Loaded & { checks: unknown }> {
  // Its services rest already, so that nothing comes to be in it that is not in the backup; whatever fails from here on,
  // its next start starts them. Two VMs at once would need twice the memory, and the same ports.
  if (!saved.wasOff) await vagrant.must(commandLines.halt(false), { steps: "halt" });
  forgetAddresses(folder);
  const checked = await checkedBackup(deps, saved.file);
  await writeUpgradeStep(folder, "building");
  keepBundle(folder, path.join(upgradeFolder(folder), "bundle"));
  await render(deps, { folder, force });
  await checkBeforeStart(deps, {
    ...{ folder, workbench, provider },
    vm: { exists: false, running: false, ports: new Set<number>() },
  });
  await bringBox(deps, workbench, { provider, vagrantVersion });
  const beside = vagrantBeside(deps, folder, "new", lock);
  await startVm(deps, beside, {
    ...{ folder, provider, action: "up", finished: false, existed: false },
    ...{ name: workbench.name, box: workbench.box.name },
  });
  const loaded = await putBack(deps, beside, folder, checked);
  return { ...loaded, checks: await verify(deps, { folder, wait }) };
}

async function changeOver(
  deps: Deps,
  folder: string,
  workbench: Workbench,
  provider: Provider,
  lock: Lock,
): Promise<void> {
  await finishSwitch(folder).catch((error: unknown) => {
    throw error instanceof UserError ? error : halfSwitched(folder, error);
  });
  const id = machineId(folder, provider);
  forgetMade(folder);
  if (id !== undefined)
    writeMade(folder, { id, provider, machine: machineHash(workbench), network: networkMark(deps.env) });
  // The new one is in use, whatever becomes of the old one; a later start tries again.
  await removeFormer(deps, folder, lock).catch((error: unknown) => {
    if (deps.signal.aborted) throw error;
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
    const text = `The old VM could not be deleted yet (${why}); the next \`notebox up\` tries again.`;
    deps.reporter.emit({ type: "say", level: "warning", text });
  });
}

/** The error that the person gets. After Ctrl-C no program is run any more; the next verb undoes it. */
async function goBack(
  deps: Deps,
  folder: string,
  lock: Lock,
  thrown: unknown,
  old: { vagrant: VagrantClient; provider: Provider; wasRunning: boolean; saved: BackupResult },
): Promise<unknown> {
  const error = asDiskFull(thrown, folder, "nothing of the new VM was kept");
  if (deps.signal.aborted)
    return new UserError({
      code: "interrupted",
      message: `Interrupted. The VM as it was is kept, and what is in it is saved, too: ${old.saved.file}`,
      hint: "`notebox up` removes what was begun and starts it; `notebox upgrade` begins anew.",
      cause: error,
    });
  const back = await backInUse(deps, folder, lock, old);
  if (!(error instanceof UserError)) return error;
  return new UserError({
    code: error.code,
    message: `The upgrade did not succeed, and the VM as it was is ${back ? "in use again" : "kept, but off"}: ${error.message}`,
    hint: [
      error.hint ?? "",
      back ? "" : "`notebox up` removes what was begun and starts it.",
      "workbench.yaml still says what the new VM was to be: once that is mended, `notebox upgrade` tries again, while `notebox up` " +
        "sets up the VM that is there by it (on its old box). To go on as before, give workbench.yaml its earlier text.",
      `Saved: ${old.saved.file}`,
    ]
      .filter((line) => line !== "")
      .join("\n"),
    problems: error.problems,
    result: error.result,
    cause: error,
  });
}

/** Whether that went well; if not, the next verb tries again. */
async function backInUse(
  deps: Deps,
  folder: string,
  lock: Lock,
  old: { vagrant: VagrantClient; provider: Provider; wasRunning: boolean },
): Promise<boolean> {
  try {
    await undoUpgrade(deps, folder, lock);
    if (old.wasRunning) await old.vagrant.must(commandLines.wake(old.provider), { steps: "back" });
    return true;
  } catch (error) {
    deps.log.write("upgrade", { back: error instanceof Error ? error.message : String(error) });
    return false;
  }
}

function halfSwitched(folder: string, error: unknown): UserError {
  return new UserError({
    code: "vagrant",
    message: `The new VM is ready and has the work, but it could not be put in the place of the old one in ${path.join(folder, ".vagrant")} (${systemErrorCode(error) ?? String(error)}).`,
    hint: "End other programs that hold files there, or make room on the disk; then `notebox up` goes on with the new VM.",
    cause: error,
  });
}

function nothingThere(): UserError {
  return new UserError({
    code: "vagrant",
    message: "There is no VM here that was ever set up, so there is nothing to upgrade.",
    hint: "`notebox up` makes one from the newest box that workbench.yaml allows.",
  });
}
