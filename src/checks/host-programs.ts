/** Doctor's checks of the programs: Vagrant, VirtualBox, its driver and what may stand in its way, plugins. */
import fs from "node:fs";
import path from "node:path";
import { UserError } from "../errors.ts";
import { faultTable, lineWith } from "../faults.ts";
import type { Provider } from "../vagrant/command-lines.ts";
import { compareVersions, installedVagrant, OLDEST_VAGRANT, requirePair } from "../vagrant/installed.ts";
import { machineFolder } from "../vagrant/machine-files.ts";
import type { Check } from "./check.ts";
import type { Computer } from "./computer.ts";
import { askTable, elsewhere, fails, type HostAnswer, hostCheck, notApplicable, passed } from "./host-answers.ts";

export function programChecks(computer: Computer): Record<string, Check> {
  const version = once(async () => await vagrantVersion(computer));
  return {
    vagrant: hostCheck("vagrant", async () => {
      const found = await version();
      if ("fault" in found) return fails(found.fault);
      if (compareVersions(found.version, OLDEST_VAGRANT) >= 0) return passed(`Vagrant ${found.version}`);
      return fails(`Vagrant ${found.version}`, { found: ` ${found.version} is installed` });
    }),
    virtualbox: hostCheck("virtualbox", async () => await virtualbox(computer, version)),
    ...fromTable(computer, "virtualbox-folder", "hypervisor", "powershell"),
    ...fromTable(computer, "virtualbox-driver", "virtualisation"),
    hardening: hostCheck("hardening", async (fault) => {
      const reason = elsewhere(computer, fault);
      return reason === undefined ? await hardening(computer) : notApplicable(reason);
    }),
    policy: hostCheck("policy", async (fault) => {
      const reason = elsewhere(computer, fault);
      return reason === undefined ? await policy(computer, fault) : notApplicable(reason);
    }),
    plugins: hostCheck("plugins", () => plugins(computer)),
  };
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return async () => {
    running ??= work();
    return await running;
  };
}

type Version = { version: string } | { fault: string };

async function vagrantVersion(computer: Computer): Promise<Version> {
  try {
    return { version: await installedVagrant(computer.deps, computer.subject.folder) };
  } catch (error) {
    if (error instanceof UserError && error.code === "missing-program") return { fault: error.message };
    throw error;
  }
}

async function virtualbox(computer: Computer, version: () => Promise<Version>): Promise<HostAnswer> {
  if ((await computer.provider()) !== "virtualbox") return notApplicable("libvirt is used here");
  if ((await computer.vboxmanage()) === undefined)
    return fails("no VBoxManage", { found: " is missing on this computer" });
  // In a line of its own: a missing driver is complained of before or after it.
  const found = /^\d+\.\d+\.\d+\S*$/m.exec((await computer.vbox("--version"))?.text ?? "")?.[0];
  if (found === undefined) return fails("VBoxManage tells no version", { found: " is installed, but does not work" });
  const mine = await version();
  if ("fault" in mine) return passed(`VirtualBox ${found}`);
  try {
    requirePair(mine.version, found);
    return passed(`VirtualBox ${found}`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return fails(error.message, { found: ` ${found} does not fit Vagrant ${mine.version}` });
  }
}

const OF_VIRTUALBOX = ["virtualbox-driver", "virtualisation"];

function fromTable(computer: Computer, ...ids: string[]): Record<string, Check> {
  const checks = ids.map((id) =>
    hostCheck(id, async (fault) => {
      const reason = elsewhere(computer, fault);
      if (reason !== undefined) return notApplicable(reason);
      if (OF_VIRTUALBOX.includes(id) && (await computer.provider()) !== "virtualbox")
        return notApplicable("libvirt is used here");
      return await askTable(computer, fault, {
        virtualbox: computer.virtualboxFolder(),
        vboxmanage: await computer.vboxmanage(),
      });
    }),
  );
  return Object.fromEntries(checks.map((check) => [check.id, check]));
}

async function hardening(computer: Computer): Promise<HostAnswer> {
  const folder = await computer.defaultMachineFolder();
  const newest = newestOf(folder === undefined ? [] : hardeningLogs(folder));
  if (newest === undefined) return notApplicable("VirtualBox has written no VBoxHardening.log yet");
  const line = lineWith("VERR_SUP_VP_|Error -?\\d+ in supR3Hardened", computer.read(newest) ?? "");
  const vm = path.basename(path.dirname(path.dirname(newest)));
  return line === undefined ? passed(`${vm}: nothing against it`) : fails(line);
}

function hardeningLogs(folder: string): string[] {
  const vms = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  return vms.map((vm) => path.join(folder, vm, "Logs", "VBoxHardening.log")).filter((file) => fs.existsSync(file));
}

function newestOf(files: readonly string[]): string | undefined {
  return [...files].sort((a, b) => fs.statSync(b).mtimeMs - fs.statSync(a).mtimeMs)[0];
}

/** A policy that forbids scripts shows only when one is run; by its name from here, as cmd would read a path's & as code. */
async function policy(computer: Computer, fault: Parameters<typeof askTable>[1]): Promise<HostAnswer> {
  const { folder } = computer.subject;
  let probe: string | undefined;
  try {
    const place = fs.mkdtempSync(path.join(folder, ".notebox-probe-"));
    probe = place;
    fs.writeFileSync(path.join(place, "probe.cmd"), "@echo notebox-probe-ran\r\n");
    return await askTable(computer, fault, { probe: `${path.basename(place)}\\probe.cmd` });
  } catch (error) {
    if (error instanceof UserError) throw error;
    return notApplicable("nothing can be written here");
  } finally {
    if (probe !== undefined) fs.rmSync(probe, { recursive: true, force: true });
  }
}

function plugins(computer: Computer): HostAnswer {
  const text = computer.read(computer.vagrantHome(), "plugins.json");
  if (text === undefined) return passed("none");
  let names: string[];
  try {
    names = Object.keys((JSON.parse(text) as { installed?: object }).installed ?? {});
  } catch {
    return fails("plugins.json cannot be read");
  }
  const dead = names.filter((name) => faultTable().deadPlugins.includes(name));
  return dead[0] === undefined ? passed(names.join(", ") || "none") : fails(dead.join(", "), { plugin: dead[0] });
}

/** The VM's key, where there is a VM. */
export async function keyFile(computer: Computer): Promise<string | undefined> {
  const provider = (await computer.provider()) as Provider;
  const file = path.join(machineFolder(computer.subject.folder, provider), "private_key");
  return fs.existsSync(file) ? file : undefined;
}
