/** `notebox destroy`: deletes the VM. notebooks/, api/ and the other shared folders lie on this computer and stay. */
import fs from "node:fs";
import path from "node:path";
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { createVagrant } from "../vagrant/client.ts";
import { commandLines } from "../vagrant/command-lines.ts";
import { withVagrantHome } from "../vagrant/home.ts";
import { requireVagrant } from "../vagrant/installed.ts";
import { takeLock } from "../vagrant/lock.ts";
import { existingProvider, forgetAddresses, forgetMade, requireWorkbenchFolder } from "../vagrant/machine-files.ts";
import { endPrevious } from "../vagrant/previous.ts";
import { removeLeftovers } from "../vagrant/recover.ts";

export interface DestroyOptions {
  folder: string;
  force?: boolean;
  yes?: boolean;
}

export interface DestroyResult {
  destroyed: boolean;
}

export async function destroy(given: Deps, options: DestroyOptions): Promise<DestroyResult> {
  const { folder } = options;
  requireWorkbenchFolder(folder);
  given.log.open(folder);
  const there = existingProvider(folder) !== undefined;
  if (there && options.force !== true && options.yes !== true) await ask(given);
  const lock = await takeLock(given, folder, "destroy");
  try {
    await endPrevious(given, lock);
    const deps = await withVagrantHome(given, folder);
    if (there) {
      await requireVagrant(deps, folder);
      const vagrant = createVagrant(deps, { folder, onStart: (child) => lock.setChild(child) });
      await vagrant.must(commandLines.destroy(), { steps: "destroy" });
    }
    const name = workbenchName(folder);
    if (name !== undefined) await removeLeftovers(deps, folder, name);
    forgetAddresses(folder);
    forgetMade(folder);
    return { destroyed: there };
  } finally {
    lock.release();
  }
}

/** As it was rendered, since workbench.yaml may be broken by now. */
function workbenchName(folder: string): string | undefined {
  try {
    const name = fs.readFileSync(path.join(folder, "provision", "workbench", "name"), "utf8").trim();
    return /^[a-z][a-z0-9-]{0,39}$/.test(name) ? name : undefined;
  } catch {
    return undefined;
  }
}

async function ask(deps: Deps): Promise<void> {
  if (!deps.prompts.interactive)
    throw new UserError({
      code: "refused",
      message: "`destroy` deletes the VM with everything in it but the shared folders, and nobody can be asked here.",
      hint: "If that is meant, say so: `notebox destroy --yes`.",
    });
  const sure = await deps.prompts.confirm({
    message: "Delete the VM? notebooks/ and api/ stay; packages and files inside the VM are lost.",
    initial: false,
  });
  if (!sure) throw new UserError({ code: "refused", message: "The VM was not deleted." });
}
