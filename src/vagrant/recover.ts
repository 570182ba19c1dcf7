/**
 * What a killed `vagrant up` leaves in libvirt without a trace in .vagrant: a half-copied box image, a VM's disk or a
 * VM that Vagrant had no time to note. Only what is provably this folder's, or provably useless, is removed.
 * VirtualBox needs none of this: Vagrant notes the VM's id as soon as it exists.
 */
import fs from "node:fs";
import path from "node:path";
import type { Deps } from "../ports.ts";
import { machineId } from "./machine-files.ts";

type Needs = Pick<Deps, "processes" | "signal" | "log" | "env" | "homeDir">;

const SYSTEM = "qemu:///system";

async function virsh(deps: Needs, ...args: string[]): Promise<string | undefined> {
  if ((await deps.processes.which("virsh")) === undefined) return undefined;
  const result = await deps.processes.run("virsh", ["-q", "-c", SYSTEM, ...args], {
    env: { LC_ALL: "C" },
    timeoutMs: 60_000,
    signal: deps.signal,
  });
  return result.exitCode === 0 ? result.stdout : undefined;
}

/**
 * Box images in libvirt's pool that are shorter than the box they were copied from: such a copy was broken off, and
 * vagrant-libvirt would use it as it is (it looks at the name alone). Call before the VM is made.
 */
export async function removeHalfCopiedBoxes(deps: Needs, boxName: string): Promise<number> {
  const home = deps.env["VAGRANT_HOME"] || path.join(deps.homeDir, ".vagrant.d");
  const folderName = boxName.replaceAll("/", "-VAGRANTSLASH-");
  let removed = 0;
  for (const image of boxImages(path.join(home, "boxes", folderName))) {
    // vagrant-libvirt, handle_box_image.rb: <name>_vagrant_box_image_<version>_<disk>.img
    const disk = path.basename(image.file, path.extname(image.file));
    const volume = `${folderName}_vagrant_box_image_${image.version}_${disk}.img`;
    const info = await virsh(deps, "vol-info", "--pool", "default", "--bytes", "--physical", volume);
    const size = Number(/^(?:Physical|Allocation):\s+(\d+)/m.exec(info ?? "")?.[1] ?? Number.NaN);
    if (!(size < fs.statSync(image.file).size)) continue;
    deps.log.write("recover", { halfCopied: volume, size });
    if ((await virsh(deps, "vol-delete", "--pool", "default", volume)) !== undefined) removed += 1;
  }
  return removed;
}

/** boxes/NAME/VERSION/libvirt/box.img, since Vagrant 2.4 with the architecture in between. */
function boxImages(folder: string): { version: string; file: string }[] {
  const found: { version: string; file: string }[] = [];
  for (const version of names(folder))
    for (const place of ["libvirt", ...names(path.join(folder, version)).map((arch) => path.join(arch, "libvirt"))])
      for (const name of names(path.join(folder, version, place)))
        if (/^box.*\.(?:img|qcow2)$/.test(name)) found.push({ version, file: path.join(folder, version, place, name) });
  return found;
}

function names(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * VMs and disks of this workbench that Vagrant does not know of (any more), because it was killed between making and
 * noting them. Call before the VM is made or started.
 */
export async function removeLeftovers(deps: Needs, folder: string, workbench: string): Promise<number> {
  const all = await virsh(deps, "list", "--all", "--name");
  if (all === undefined) return 0;
  const domains = lines(all);
  const own = machineId(folder, "libvirt");
  let removed = 0;
  // Vagrantfile: default_prefix "<workbench>_", then "default_", seconds since 1970, "_", twenty hexadecimal digits.
  const ours = new RegExp(`^${workbench}_default_[0-9]+_[0-9a-f]{20}(?:_[0-9]+)?$`);
  const gone = new Set<string>();
  for (const domain of domains.filter((name) => ours.test(name))) {
    if ((await virsh(deps, "domuuid", domain))?.trim() === own) continue;
    if (!(await isOfThisFolder(deps, folder, domain))) continue;
    deps.log.write("recover", { domain });
    await virsh(deps, "destroy", domain);
    if ((await virsh(deps, "undefine", domain, "--nvram")) === undefined) continue;
    gone.add(domain);
    removed += 1;
  }
  const volumes = lines((await virsh(deps, "vol-list", "--pool", "default")) ?? "").map(
    (line) => line.split(/\s+/)[0] ?? "",
  );
  for (const volume of volumes) {
    const domain = volume.replace(/\.img$/, "");
    if (!ours.test(domain) || (domains.includes(domain) && !gone.has(domain))) continue;
    if (!gone.has(domain) && !(await isOld(deps, volume))) continue;
    deps.log.write("recover", { volume });
    if ((await virsh(deps, "vol-delete", "--pool", "default", volume)) !== undefined && !gone.has(domain)) removed += 1;
  }
  return removed;
}

/** vagrant-libvirt (create_domain.rb) writes "Source: <path of the Vagrantfile>" into the VM's description. */
async function isOfThisFolder(deps: Needs, folder: string, domain: string): Promise<boolean> {
  const description = (await virsh(deps, "desc", domain))?.trim();
  return [folder, fs.realpathSync(folder)].some(
    (place) => description === `Source: ${path.join(place, "Vagrantfile")}`,
  );
}

/** A disk without a VM may be one that another copy of this workbench is making a VM of right now. */
async function isOld(deps: Needs, volume: string): Promise<boolean> {
  const xml = await virsh(deps, "vol-dumpxml", "--pool", "default", volume);
  const changed = Number(/<mtime>(\d+)/.exec(xml ?? "")?.[1] ?? Number.NaN);
  return Date.now() / 1000 - changed > 600;
}

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
