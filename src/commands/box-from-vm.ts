/** `box build --from-vm`: a workbench's running, verified VM → a prepared box, without Linux or root. */
import fs from "node:fs/promises";
import path from "node:path";
import { digestFile } from "../boxes/digest.ts";
import { exists } from "../boxes/durable.ts";
import { asDiskFull, UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { hostArchitecture } from "../vagrant/box-home.ts";
import { createVagrant } from "../vagrant/client.ts";
import type { Provider } from "../vagrant/command-lines.ts";
import { withVagrantHome } from "../vagrant/home.ts";
import { requireVagrant } from "../vagrant/installed.ts";
import { takeLock } from "../vagrant/lock.ts";
import { existingProvider, requireEndpoints } from "../vagrant/machine-files.ts";
import { packVm, requirePackers, sealVm } from "../vagrant/pack.ts";
import { endPrevious } from "../vagrant/previous.ts";
import { loadWorkbench } from "../workbench/load.ts";
import { verifyFailure, verifyWorkbench } from "./verify.ts";

export interface BoxFromVmOptions {
  folder: string;
  out?: string;
}

export interface BoxFromVmResult {
  fromVm: true;
  preparedFor: string;
  provider: Provider;
  /** Vagrant's word; \`vagrant package\` does not write it into the box. */
  arch: string;
  files: { provider: string; file: string; size: number; sha256: string }[];
}

/**
 * The VM is off afterwards and has forgotten its keys and tokens; notebooks/ and api/ are never in it.
 * Throws UserError `invalid`, `missing-program`, `busy`, `vagrant` (it does not run), `check-failed` (it is not sound),
 * `refused` (the file is there), `disk-full`, `interrupted`.
 */
export async function boxFromVm(given: Deps, options: BoxFromVmOptions): Promise<BoxFromVmResult> {
  const { folder } = options;
  const workbench = await loadWorkbench(folder);
  given.log.open(folder);
  const deps = await withVagrantHome(given, folder);
  const endpoints = requireEndpoints(folder);
  const provider = existingProvider(folder);
  if (provider === undefined || endpoints.ssh === undefined)
    throw new UserError({ code: "vagrant", message: "The VM is not running.", hint: "Start it with `notebox up`." });
  const file = path.join(path.resolve(options.out ?? "."), `${workbench.name}-${provider}.box`);
  await refuseExisting(file);
  await requirePackers(deps, provider);
  const lock = await takeLock(deps, folder, "box build --from-vm");
  const part = `${file}.part`;
  try {
    await endPrevious(deps, lock);
    await requireVagrant(deps, folder);
    const vagrant = createVagrant(deps, { folder, onStart: (child) => lock.setChild(child) });
    await step(deps, "verify", "Checking the VM", async () => {
      const report = await verifyWorkbench(deps, workbench, {});
      if (!report.passed) throw verifyFailure(report);
    });
    const { ssh } = endpoints;
    await step(deps, "seal", "Taking keys, tokens and logs out of the VM", () => sealVm(deps, vagrant, ssh));
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.rm(part, { force: true });
    await packVm(deps, vagrant, { folder, provider, file: part });
    await fs.rename(part, file);
    const { size, sha256 } = await digestFile(file, deps.signal);
    // Both providers run the computer's own kind of machine.
    const arch = hostArchitecture(deps);
    return { fromVm: true, preparedFor: workbench.name, provider, arch, files: [{ provider, file, size, sha256 }] };
  } catch (error) {
    throw asDiskFull(error, file);
  } finally {
    await fs.rm(part, { force: true });
    lock.release();
  }
}

async function step(deps: Deps, id: string, title: string, work: () => Promise<void>): Promise<void> {
  deps.reporter.emit({ type: "step-start", id, title });
  try {
    await work();
    deps.reporter.emit({ type: "step-done", id });
  } catch (error) {
    deps.reporter.emit({ type: "step-failed", id });
    throw error;
  }
}

async function refuseExisting(file: string): Promise<void> {
  if (!(await exists(file))) return;
  throw new UserError({
    code: "refused",
    message: `${file} is there already.`,
    hint: "Move it away, or name another folder with --out.",
  });
}
