/**
 * A second VM of the same workbench, beside the one in use: Vagrant's notes about it lie in `.notebox/upgrade/new`
 * instead of `.vagrant`, so that until the change-over every start, whoever makes it, is one of the old VM. The
 * change-over is two renames; `state.json` says how far it is, and templates/vagrant/upgrade.rb finishes it, too.
 */
import fs from "node:fs";
import path from "node:path";
import { syncFolder } from "../boxes/durable.ts";
import { systemErrorCode, UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { createVagrant, type VagrantClient } from "../vagrant/client.ts";
import type { Lock } from "../vagrant/lock.ts";

/**
 * building: the new VM is made and filled; the old one is in use.
 * switching: the new one was checked; either may stand in `.vagrant`, or none.
 * removing: the new one is in use; the old one goes.
 */
export type UpgradeStep = "building" | "switching" | "removing";

export const upgradeFolder = (folder: string): string => path.join(folder, ".notebox", "upgrade");
const stateFile = (folder: string): string => path.join(upgradeFolder(folder), "state.json");
const notes = (folder: string, which: "new" | "old"): string => path.join(upgradeFolder(folder), which);

/** undefined where no upgrade was begun; "building" where it cannot be read, for then nothing was changed over. */
export function upgradeStep(folder: string): UpgradeStep | undefined {
  try {
    const { step } = JSON.parse(fs.readFileSync(stateFile(folder), "utf8")) as { step?: unknown };
    return step === "switching" || step === "removing" ? step : "building";
  } catch (error) {
    const absent = systemErrorCode(error) === "ENOENT" && !fs.existsSync(upgradeFolder(folder));
    return absent ? undefined : "building";
  }
}

export async function writeUpgradeStep(folder: string, step: UpgradeStep): Promise<void> {
  fs.mkdirSync(upgradeFolder(folder), { recursive: true });
  const part = `${stateFile(folder)}.part`;
  const fd = fs.openSync(part, "w");
  try {
    fs.writeSync(fd, `${JSON.stringify({ version: 1, step })}\n`);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
  fs.renameSync(part, stateFile(folder));
  await syncFolder(upgradeFolder(folder));
}

/** Vagrant for the VM that is not in use. */
export function vagrantBeside(
  deps: Pick<Deps, "processes" | "reporter" | "signal" | "log" | "clock">,
  folder: string,
  which: "new" | "old",
  lock: Lock,
): VagrantClient {
  return createVagrant(deps, {
    folder,
    // The trigger of its deletion must leave the addresses of the VM in use alone.
    env: { VAGRANT_DOTFILE_PATH: notes(folder, which), NOTEBOX_BESIDE: "1", NOTEBOX_SEPARATE: "1" },
    onStart: (child) => lock.setChild(child),
    onEnd: () => lock.setChild(undefined),
  });
}

/** Whether there is such a VM, as far as Vagrant has noted. */
export function isBeside(folder: string, which: "new" | "old"): boolean {
  return hasVm(path.join(notes(folder, which), "machines"));
}

function hasVm(machines: string): boolean {
  return ["virtualbox", "libvirt"].some((provider) => {
    const id = path.join(machines, "default", provider, "id");
    return fs.existsSync(id) && fs.statSync(id).size > 0;
  });
}

function thirdVm(folder: string): UserError {
  return new UserError({
    code: "refused",
    message: `An upgrade was broken off while it changed over, and since then a further VM was made in ${folder}.`,
    hint: "Delete that one with `vagrant destroy`, if nothing in it matters; the next `notebox up` then goes on with the upgraded VM.",
  });
}

/** From "switching" on, wherever it was broken off. */
export async function finishSwitch(folder: string): Promise<void> {
  const here = path.join(folder, ".vagrant", "machines");
  const [fresh, former] = [path.join(notes(folder, "new"), "machines"), path.join(notes(folder, "old"), "machines")];
  if (fs.existsSync(fresh)) {
    fs.mkdirSync(path.dirname(former), { recursive: true });
    if (fs.existsSync(here) && !fs.existsSync(former)) rename(here, former);
    // Notes without a VM: Vagrant was asked something in between, by a Vagrantfile that knew nothing of this.
    if (fs.existsSync(here) && !hasVm(here)) fs.rmSync(here, { recursive: true });
    if (fs.existsSync(here)) throw thirdVm(folder);
    fs.mkdirSync(path.dirname(here), { recursive: true });
    rename(fresh, here);
    await syncFolder(path.dirname(here));
  }
  followKey(folder);
  await writeUpgradeStep(folder, "removing");
}

export function dropUpgrade(folder: string): void {
  // The state last: what is left without it would be taken for an upgrade that was only begun.
  for (const name of ["new", "old", "bundle", "bundle.part"])
    fs.rmSync(path.join(upgradeFolder(folder), name), { recursive: true, force: true });
  fs.rmSync(upgradeFolder(folder), { recursive: true, force: true });
}

/** The start of the new VM noted where its key lay then. */
function followKey(folder: string): void {
  const file = path.join(folder, ".notebox", "endpoints.json");
  try {
    const data = JSON.parse(fs.readFileSync(file, "utf8")) as { ssh?: { key?: unknown } };
    const key = path.resolve(String(data.ssh?.key ?? ""));
    const inside = path.relative(notes(folder, "new"), key);
    if (data.ssh === undefined || inside.startsWith("..") || path.isAbsolute(inside)) return;
    data.ssh.key = path.join(folder, ".vagrant", inside);
    fs.writeFileSync(`${file}.part`, `${JSON.stringify(data, null, 2)}\n`, { mode: 0o600 });
    fs.renameSync(`${file}.part`, file);
  } catch {
    // Not there, or cut: the next start writes it.
  }
}

/** On Windows a program that has just ended, or a scanner, may hold a folder for a moment. */
function rename(from: string, to: string): void {
  for (let tries = 0; ; tries++) {
    try {
      fs.renameSync(from, to);
      return;
    } catch (error) {
      if (!["EPERM", "EACCES", "EBUSY"].includes(systemErrorCode(error) ?? "") || tries === 20) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
}
