/**
 * The two providers of the vm tier, ready to use and put away again: VirtualBox through the stand-in, and libvirt
 * (started by hand where no init system runs). Machines themselves are the scenarios' business.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { WORKBENCH_NAME } from "./lab.ts";
import { checkout, standin } from "./places.ts";
import type { ProviderName } from "./prepared-boxes.ts";
import { run, signalOne } from "./programs.ts";

export interface Provider {
  name: ProviderName;
  env: Readonly<Record<string, string>>;
  /** Where the machine's console or the provider's own log ends up, for a failure's report. */
  evidence(): string[];
  /** Ends what was started and puts back what was changed. `version` is that of the box that was used. */
  close(version: string | undefined): Promise<void>;
}

interface LibvirtModule {
  ensureLibvirt(options: { stateDir: string; say: (text: string) => void }): Promise<{ own: boolean; version: string }>;
  releaseLibvirt(options: {
    stateDir: string;
    say: (text: string) => void;
    force: boolean;
  }): Promise<{ notes: string[] }>;
}

export async function openProvider(name: ProviderName): Promise<Provider> {
  return name === "virtualbox" ? openStandIn() : await openLibvirt();
}

function openStandIn(): Provider {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-standin-"));
  const machines = path.join(home, "machines");
  const folders = (): string[] =>
    fs.existsSync(machines) ? fs.readdirSync(machines).map((machine) => path.join(machines, machine)) : [];
  return {
    name: "virtualbox",
    env: { NOTEBOX_STANDIN_HOME: home, PATH: `${standin}${path.delimiter}${process.env["PATH"] ?? ""}` },
    evidence: () => folders().map((machine) => path.join(machine, "console.log")),
    close: async () => {
      for (const machine of folders()) endQemu(path.join(machine, "qemu.pid"));
      fs.rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Ends the QEMU that this file names, if it is still one of the stand-in's. */
function endQemu(file: string): void {
  if (!fs.existsSync(file)) return;
  const pid = Number(fs.readFileSync(file, "utf8").trim());
  const command = `/proc/${pid}/cmdline`;
  if (fs.existsSync(command) && fs.readFileSync(command, "utf8").includes("notebox-")) signalOne(pid, "SIGKILL");
}

async function openLibvirt(): Promise<Provider> {
  // Not bundled with the tier: the quickstart uses the same file, before any package is installed.
  const file = pathToFileURL(path.join(checkout, "scripts", "libvirt.mjs")).href;
  const { ensureLibvirt, releaseLibvirt } = (await import(file)) as LibvirtModule;
  const stateDir = path.join(os.tmpdir(), "notebox-test-libvirt");
  fs.mkdirSync(stateDir, { recursive: true });
  const say = (text: string): void => console.log(`     libvirt: ${text}`);
  const { own } = await ensureLibvirt({ stateDir, say });
  return {
    name: "libvirt",
    env: { LIBVIRT_DEFAULT_URI: "qemu:///system" },
    evidence: () => [],
    close: async (version) => {
      await deleteMachines();
      if (version !== undefined) await forgetImage(version);
      if (own) await releaseLibvirt({ stateDir, say, force: false });
    },
  };
}

const virsh = async (...args: string[]): Promise<string> =>
  (await run("virsh", ["-c", "qemu:///system", ...args])).stdout;

/** What a killed run may have left; only machines with the name of the tests' workbench. */
async function deleteMachines(): Promise<void> {
  for (const name of (await virsh("list", "--all", "--name")).split("\n").filter(isOurs)) {
    await virsh("destroy", name);
    await virsh("undefine", name, "--snapshots-metadata", "--managed-save");
  }
  for (const name of await volumes()) if (isOurs(name)) await virsh("vol-delete", name, "--pool", "default");
}

/** vagrant-libvirt keeps a copy of each box in its pool for ever; ours has a version of its own. */
async function forgetImage(version: string): Promise<void> {
  const image = `_vagrant_box_image_${version}`;
  for (const name of await volumes()) if (name.includes(image)) await virsh("vol-delete", name, "--pool", "default");
}

async function volumes(): Promise<string[]> {
  const rows = (await virsh("vol-list", "default")).split("\n").slice(2);
  return rows.map((row) => row.trim().split(/\s+/)[0] ?? "").filter((name) => name !== "");
}

function isOurs(name: string): boolean {
  return name.startsWith(`${WORKBENCH_NAME}_`);
}
