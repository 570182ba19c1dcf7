/** `notebox restore FILE`: puts a backup's content back into the VM, which is made or started first if need be. */
import path from "node:path";
import { UserError } from "../errors.ts";
import { type Checked, checkBackup } from "../keep/check.ts";
import { type Loaded, loadIntoVm } from "../keep/load.ts";
import type { Deps, SshTarget } from "../ports.ts";
import type { VagrantClient } from "../vagrant/client.ts";
import { commandLines } from "../vagrant/command-lines.ts";
import { withVagrantHome } from "../vagrant/home.ts";
import { requireVagrant } from "../vagrant/installed.ts";
import { takeLock } from "../vagrant/lock.ts";
import { readEndpoints, requireEndpoints } from "../vagrant/machine-files.ts";
import { endPrevious } from "../vagrant/previous.ts";
import { findVm } from "../vagrant/ssh-target.ts";
import { loadWorkbench } from "../workbench/load.ts";
import { vagrantOf } from "./backup.ts";
import { settleUpgrade } from "./settle-upgrade.ts";
import { up } from "./up.ts";

export interface RestoreOptions {
  folder: string;
  file: string;
  /** Of another workbench, too; and do not ask. */
  force?: boolean;
  yes?: boolean;
}

export interface RestoreResult extends Loaded {
  file: string;
  /** ISO 8601: when the backup was made. */
  made: string;
  /** Services that are at another address than when the backup was made. */
  moved: { name: string; before: string; now: string }[];
}

/**
 * Everything in the file is checked before anything is changed. Throws UserError `usage` (no such file), `integrity`,
 * `refused` (another workbench's, nobody to ask), as `up` and as loadIntoVm.
 */
export async function restore(given: Deps, options: RestoreOptions): Promise<RestoreResult> {
  const { folder } = options;
  const workbench = await loadWorkbench(folder);
  given.log.open(folder);
  const checked = await checkedBackup(given, path.resolve(options.file));
  const of = checked.manifest.workbench;
  if (of.name !== workbench.name && options.force !== true)
    throw new UserError({
      code: "refused",
      message: `This is a backup of the workbench ${of.name} (“${of.title}”), and this one is ${workbench.name}.`,
      hint: "If it is meant for this one, say so with --force.",
    });
  if (options.force !== true && options.yes !== true) await ask(given, checked);
  if (!(await isUp(given, folder))) await up(given, { folder });
  const lock = await takeLock(given, folder, "restore");
  try {
    await endPrevious(given, lock);
    await settleUpgrade(given, folder, lock);
    const deps = await withVagrantHome(given, folder);
    await requireVagrant(deps, folder);
    const loaded = await putBack(deps, vagrantOf(deps, folder, lock), folder, checked);
    return { file: checked.file, made: checked.manifest.made, ...loaded, moved: moved(folder, checked) };
  } finally {
    lock.release();
  }
}

/** Addresses alone say nothing of a VM that was stopped in VirtualBox's window, or with this computer. */
async function isUp(given: Deps, folder: string): Promise<boolean> {
  if (readEndpoints(folder) === undefined) return false;
  const { state } = await findVm(await withVagrantHome(given, folder), folder);
  return state === "running";
}

/** Throws UserError as checkBackup. */
export async function checkedBackup(deps: Deps, file: string): Promise<Checked> {
  const id = "check-backup";
  deps.reporter.emit({ type: "step-start", id, title: "Checking the backup" });
  try {
    const checked = await checkBackup(file, deps.signal, (done) =>
      deps.reporter.emit({ type: "step-bytes", id, done }),
    );
    deps.reporter.emit({ type: "step-done", id });
    return checked;
  } catch (error) {
    deps.reporter.emit({ type: "step-failed", id });
    throw error;
  }
}

/** For whoever has the lock. The page with the token is written anew, since tokens may have changed. */
export async function putBack(deps: Deps, vagrant: VagrantClient, folder: string, checked: Checked): Promise<Loaded> {
  const target: SshTarget | undefined = requireEndpoints(folder).ssh;
  if (target === undefined)
    throw new UserError({ code: "vagrant", message: "The VM is not running.", hint: "Start it with `notebox up`." });
  const loaded = await loadIntoVm(deps, target, checked);
  // Vagrant's trigger writes the page; the steps of provisioning find nothing to do.
  await vagrant.must(commandLines.provision(), { steps: "page" });
  return loaded;
}

function moved(folder: string, { manifest }: Checked): RestoreResult["moved"] {
  const now = readEndpoints(folder)?.services ?? {};
  return manifest.services.flatMap(({ name, url }) => {
    const here = now[name]?.url;
    return here === undefined || url === undefined || here === url ? [] : [{ name, before: url, now: here }];
  });
}

async function ask(deps: Deps, { manifest }: Checked): Promise<void> {
  const made = manifest.made.replace("T", " ").replace(/\.\d+Z$/, " UTC");
  const what = `what is in the VM under the same name by that of the backup of ${made}`;
  if (!deps.prompts.interactive)
    throw new UserError({
      code: "refused",
      message: `\`restore\` replaces ${what}, and nobody can be asked here.`,
      hint: "If that is meant, say so: `notebox restore --yes FILE`.",
    });
  if (await deps.prompts.confirm({ message: `Replace ${what}?`, initial: false })) return;
  throw new UserError({ code: "refused", message: "Nothing was restored." });
}
