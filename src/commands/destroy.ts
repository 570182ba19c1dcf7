/**
 * `notebox destroy`: deletes the VM, after what is in it alone was saved. notebooks/, api/ and the other shared folders
 * lie on this computer and stay.
 */
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import type { VagrantClient } from "../vagrant/client.ts";
import { commandLines } from "../vagrant/command-lines.ts";
import { withVagrantHome } from "../vagrant/home.ts";
import { requireVagrant } from "../vagrant/installed.ts";
import { takeLock } from "../vagrant/lock.ts";
import {
  existingProvider,
  forgetAddresses,
  forgetMade,
  provisioningBegun,
  readEndpoints,
  readMade,
  renderedName,
  requireWorkbenchFolder,
} from "../vagrant/machine-files.ts";
import { endPrevious } from "../vagrant/previous.ts";
import { removeLeftovers } from "../vagrant/recover.ts";
import { type BackupResult, backUp, vagrantOf } from "./backup.ts";
import { settleUpgrade } from "./settle-upgrade.ts";

export interface DestroyOptions {
  folder: string;
  force?: boolean;
  yes?: boolean;
  /** False with --no-backup: what is in the VM goes with it. */
  backup?: boolean;
}

export interface DestroyResult {
  destroyed: boolean;
  /** null when nothing was saved: there was nothing, or nobody wanted it. */
  backup: BackupResult | null;
}

/** Throws UserError `refused` when the VM's work cannot be saved (exit 10) or nobody can be asked. */
export async function destroy(given: Deps, options: DestroyOptions): Promise<DestroyResult> {
  const { folder } = options;
  requireWorkbenchFolder(folder);
  given.log.open(folder);
  const saves = options.backup !== false;
  if (existingProvider(folder) !== undefined && options.force !== true && options.yes !== true) await ask(given, saves);
  const lock = await takeLock(given, folder, "destroy");
  try {
    await endPrevious(given, lock);
    await settleUpgrade(given, folder, lock);
    const there = existingProvider(folder) !== undefined;
    const deps = await withVagrantHome(given, folder);
    let saved: BackupResult | undefined;
    if (there) {
      await requireVagrant(deps, folder);
      const vagrant = vagrantOf(deps, folder, lock);
      if (saves) saved = await saveFirst(deps, vagrant, folder);
      await vagrant.must(commandLines.destroy(), { steps: "destroy" });
    }
    const name = renderedName(folder);
    if (name !== undefined) await removeLeftovers(deps, folder, name);
    forgetAddresses(folder);
    forgetMade(folder);
    return { destroyed: there, backup: saved ?? null };
  } finally {
    lock.release();
  }
}

async function saveFirst(deps: Deps, vagrant: VagrantClient, folder: string): Promise<BackupResult | undefined> {
  // Before that nothing of anybody's can be in it, and a half-made VM may not even start again.
  const provider = existingProvider(folder);
  const begun = provider !== undefined && provisioningBegun(folder, provider);
  if (!begun && readMade(folder) === undefined && readEndpoints(folder) === undefined) return undefined;
  const { state } = await vagrant.status();
  if (state === "not_created") return undefined;
  try {
    return await backUp(deps, vagrant, { folder, last: true });
  } catch (error) {
    if (!(error instanceof UserError) || error.code === "interrupted") throw error;
    throw new UserError({
      code: "refused",
      message: `The VM was not deleted, because what is in it could not be saved: ${error.message}`,
      hint: `${error.hint ?? ""}\nIf nothing in the VM matters, \`notebox destroy --no-backup\` deletes it without.`.trim(),
      problems: error.problems,
      cause: error,
    });
  }
}

async function ask(deps: Deps, saves: boolean): Promise<void> {
  if (!deps.prompts.interactive)
    throw new UserError({
      code: "refused",
      message: "`destroy` deletes the VM with everything in it but the shared folders, and nobody can be asked here.",
      hint: "If that is meant, say so: `notebox destroy --yes`.",
    });
  const rest = saves
    ? "what is in the VM alone is saved to backups/ first"
    : "packages and files inside the VM are lost";
  const sure = await deps.prompts.confirm({
    message: `Delete the VM? notebooks/ and api/ stay; ${rest}.`,
    initial: false,
  });
  if (!sure) throw new UserError({ code: "refused", message: "The VM was not deleted." });
}
