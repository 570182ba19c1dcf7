/** `notebox backup`: what is in the VM alone, into one file: home folder, tokens, what the services hold. */
import fs from "node:fs";
import path from "node:path";
import { UserError } from "../errors.ts";
import { type Saved, saveVm } from "../keep/save.ts";
import type { Deps } from "../ports.ts";
import { withRunningVm } from "../vagrant/awake.ts";
import { createVagrant, type VagrantClient } from "../vagrant/client.ts";
import { withVagrantHome } from "../vagrant/home.ts";
import { requireVagrant } from "../vagrant/installed.ts";
import { type Lock, takeLock } from "../vagrant/lock.ts";
import {
  existingProvider,
  readEndpoints,
  renderedName,
  renderedTitle,
  requireWorkbenchFolder,
} from "../vagrant/machine-files.ts";
import { endPrevious } from "../vagrant/previous.ts";
import { settleUpgrade } from "./settle-upgrade.ts";

export interface BackupOptions {
  folder: string;
  /** The file; relative to the current folder. Else backups/NAME-TIME.tar in the workbench folder. */
  to?: string;
  /** The VM goes afterwards, or stops: its services rest from before on (see saveVm). */
  last?: boolean;
}

export interface BackupResult extends Saved {
  /** The VM was off, was started for this, and is off again. */
  wasOff: boolean;
}

/** Throws UserError `vagrant` (no VM, or it cannot be started), `refused` (the file is there), and as saveVm. */
export async function backup(given: Deps, options: BackupOptions): Promise<BackupResult> {
  const { folder } = options;
  requireWorkbenchFolder(folder);
  given.log.open(folder);
  const lock = await takeLock(given, folder, "backup");
  try {
    await endPrevious(given, lock);
    await settleUpgrade(given, folder, lock);
    if (existingProvider(folder) === undefined) throw nothingThere("There is no VM here yet.");
    const deps = await withVagrantHome(given, folder);
    await requireVagrant(deps, folder);
    const saved = await backUp(deps, vagrantOf(deps, folder, lock), options);
    if (saved === undefined) throw nothingThere("The VM was never set up.");
    return saved;
  } finally {
    lock.release();
  }
}

export function vagrantOf(deps: Deps, folder: string, lock: Lock): VagrantClient {
  return createVagrant(deps, {
    folder,
    onStart: (child) => lock.setChild(child),
    onEnd: () => lock.setChild(undefined),
  });
}

/** For whoever has the lock; there is a VM. undefined when it was never set up, so that nothing is in it. */
export async function backUp(
  deps: Deps,
  vagrant: VagrantClient,
  { folder, to, last = false }: BackupOptions,
): Promise<BackupResult | undefined> {
  const provider = existingProvider(folder);
  if (provider === undefined) return undefined;
  const name = renderedName(folder) ?? "workbench";
  const own = path.join(folder, "backups");
  if (to === undefined) sweep(own);
  const file = to === undefined ? path.join(own, `${name}-${stamp(deps)}.tar`) : path.resolve(to);
  const { result, wasOff } = await withRunningVm(deps, vagrant, { folder, provider }, async (target) => {
    const services = Object.entries(readEndpoints(folder)?.services ?? {});
    return await saveVm(deps, {
      ...{ target, file, last, workbench: { name, title: renderedTitle(folder) } },
      services: services.map(([service, { kind, url }]) => ({ name: service, kind, ...(url ? { url } : {}) })),
    });
  });
  return result === undefined ? undefined : { ...result, wasOff };
}

/** What a backup that was killed left there; whoever is here has the lock. */
function sweep(own: string): void {
  for (const name of fs.existsSync(own) ? fs.readdirSync(own) : [])
    if (name.endsWith(".tar.part")) fs.rmSync(path.join(own, name), { force: true });
}

/** Without characters that a file's name may not have on Windows. */
function stamp(deps: Deps): string {
  return new Date(deps.clock.now())
    .toISOString()
    .replace(/\.\d+Z$/, "")
    .replaceAll(":", "-");
}

function nothingThere(message: string): UserError {
  return new UserError({
    code: "vagrant",
    message: `${message} Nothing is in it that could be saved.`,
    hint: "notebooks/ and api/ lie on this computer and need no backup of this kind. `notebox up` makes the VM.",
  });
}
