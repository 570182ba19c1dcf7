/** Doctor's checks of folders and disks: Vagrant's folder, VirtualBox's, the workbench's, and what lies about in them. */
import fs from "node:fs";
import path from "node:path";
import { systemErrorCode } from "../errors.ts";
import { faultTable } from "../faults.ts";
import { gib, nearest } from "../vagrant/measure.ts";
import type { Check } from "./check.ts";
import type { Computer } from "./computer.ts";
import {
  askTable,
  cloud,
  elsewhere,
  fails,
  type HostAnswer,
  hostCheck,
  isNetwork,
  notApplicable,
  passed,
} from "./host-answers.ts";
import { keyFile } from "./host-programs.ts";

/** Characters; below Vagrant's folder a box's files need some 120 of Windows' 260. */
const LONGEST_HOME = 100;
const OLD_MS = 24 * 3_600_000;
const TEMPORARY = /[\\/](Temp\d*_[^\\/]*\.zip|AppData[\\/]Local[\\/]Temp)([\\/]|$)/i;

/** `shared` are the folders that the VM shares, relative. */
export function placeChecks(computer: Computer, shared: readonly string[]): Record<string, Check> {
  const { folder, workbench, without } = computer.subject;
  const here = without ?? "there is no workbench here";
  const ofWorkbench = (id: string, ask: () => HostAnswer | Promise<HostAnswer>): Check =>
    hostCheck(id, () => (workbench === undefined ? notApplicable(here) : ask()));
  return {
    folder: ofWorkbench("folder", () => writableFolder(folder)),
    place: ofWorkbench("place", async () => await place(computer, folder)),
    network: hostCheck("network", () => {
      const text = computer.read(folder, "Vagrantfile");
      if (text === undefined) return notApplicable("there is no Vagrantfile here");
      const line = text.split("\n").find((one) => /^[^#]*\b(private_network|public_network)\b/.test(one));
      return line === undefined ? passed("NAT only") : fails(line.trim());
    }),
    "vagrant-home": hostCheck("vagrant-home", async () => {
      const home = computer.vagrantHome();
      const fault = await homeFault(computer, home);
      return fault === undefined ? passed(home) : fails(`${home} ${fault}`, { folder: home, fault });
    }),
    "vm-folder": hostCheck("vm-folder", async () => await vmFolder(computer)),
    path: hostCheck("path", (fault) => {
      const reason = elsewhere(computer, fault);
      if (reason !== undefined) return notApplicable(reason);
      const home = computer.vagrantHome();
      const bad = !isAscii(home) || home.includes("%") || home.length > LONGEST_HOME;
      return bad ? fails(home, { folder: home }) : passed(home);
    }),
    downloaded: hostCheck("downloaded", (fault) => {
      const reason = elsewhere(computer, fault);
      if (reason !== undefined) return notApplicable(reason);
      // Windows keeps the mark in a second stream of the file.
      const mark = /ZoneId=[34]/.exec(computer.read(`${path.join(folder, "Start.cmd")}:Zone.Identifier`) ?? "");
      return mark === null ? passed("no mark") : fails(mark[0]);
    }),
    leftovers: hostCheck("leftovers", () => leftovers(computer)),
    key: hostCheck("key", async (fault) => {
      const file = await keyFile(computer);
      if (file === undefined) return notApplicable("there is no VM yet");
      if (computer.system === "windows") return await askTable(computer, fault, { key: file });
      const mode = fs.statSync(file).mode & 0o777;
      const seen = `mode ${mode.toString(8).padStart(4, "0")}`;
      return (mode & 0o077) === 0 ? passed(seen) : fails(seen);
    }),
    machine: hostCheck("machine", async () => await machine(computer)),
    "real-folders": hostCheck("real-folders", () =>
      shared.length === 0 ? notApplicable(here) : realFolders(folder, shared),
    ),
  };
}

function isAscii(text: string): boolean {
  return [...text].every((letter) => letter.charCodeAt(0) < 128);
}

function writableFolder(folder: string): HostAnswer {
  const probe = path.join(folder, ".notebox-probe");
  try {
    fs.writeFileSync(probe, "");
    fs.rmSync(probe);
    return passed(folder);
  } catch (error) {
    return fails(`${folder}: ${systemErrorCode(error) ?? "cannot be written"}`);
  }
}

async function place(computer: Computer, folder: string): Promise<HostAnswer> {
  const synced = cloud(folder);
  const fault = (await isNetwork(computer, folder))
    ? "on a network drive"
    : TEMPORARY.test(folder)
      ? "inside a zip or in a folder for temporary files"
      : synced === undefined
        ? undefined
        : `in a synced cloud folder (${synced})`;
  return fault === undefined ? passed(folder) : fails(`${folder} is ${fault}`, { fault });
}

async function homeFault(computer: Computer, home: string): Promise<string | undefined> {
  if (await isNetwork(computer, home)) return "is on a network drive";
  const roaming = computer.deps.env["APPDATA"] ?? "";
  if (computer.system === "windows" && roaming !== "" && home.toLowerCase().startsWith(roaming.toLowerCase()))
    return "is in a roaming profile";
  return isWritable(home) ? await roomFault(computer, home) : "cannot be written";
}

/** Whether that folder could be made, or written, by what stands nearest above it. */
function isWritable(folder: string): boolean {
  const above = nearest(folder);
  try {
    fs.accessSync(above, fs.constants.W_OK);
    return fs.statSync(above).isDirectory();
  } catch {
    return false;
  }
}

async function roomFault(computer: Computer, folder: string): Promise<string | undefined> {
  const { exists, running } = await computer.vm();
  const { newVmBytes, oldVmBytes } = faultTable().needs;
  const needed = running ? 0 : exists ? oldVmBytes : newVmBytes;
  const free = await computer.freeBytes(folder);
  return free === undefined || free >= needed ? undefined : `has ${gib(free)} free and needs ${gib(needed)}`;
}

/** libvirt's disks lie in the system's pool, whatever the home folder is. */
const LIBVIRT_POOL = "/var/lib/libvirt/images";

async function vmFolder(computer: Computer): Promise<HostAnswer> {
  const virtualbox = (await computer.provider()) === "virtualbox";
  const folder = virtualbox ? await computer.defaultMachineFolder() : LIBVIRT_POOL;
  if (folder === undefined) return notApplicable("VirtualBox does not name its folder");
  const fault = (virtualbox ? await folderFault(computer, folder) : undefined) ?? (await roomFault(computer, folder));
  return fault === undefined ? passed(folder) : fails(`${folder} ${fault}`, { folder, fault });
}

async function folderFault(computer: Computer, folder: string): Promise<string | undefined> {
  if (await isNetwork(computer, folder)) return "is on a network drive";
  if (/^[A-Za-z]:[\\/]*$/.test(folder)) return "is the root of a drive";
  return computer.system === "windows" && !isAscii(folder) ? "has letters that VirtualBox cannot handle" : undefined;
}

function leftovers(computer: Computer): HostAnswer {
  const place_ = path.join(computer.vagrantHome(), "tmp");
  const names = fs.existsSync(place_) ? fs.readdirSync(place_) : [];
  const old = names
    .filter((name) => /^(box|vagrant-box-add-temp-)/.test(name))
    .map((name) => ({ name, about: fs.lstatSync(path.join(place_, name)) }))
    .filter(({ about }) => computer.deps.clock.now() - about.mtimeMs > OLD_MS);
  if (old.length === 0) return passed("none");
  const bytes = old.reduce((sum, { about }) => sum + (about.isFile() ? about.size : 0), 0);
  const names_ = old.map(({ name }) => name).sort();
  return fails(names_.join(", "), { size: bytes > 0 ? `${gib(bytes)} of files` : "files", folder: place_ });
}

async function machine(computer: Computer): Promise<HostAnswer> {
  if ((await computer.provider()) !== "virtualbox") return notApplicable("libvirt is used here");
  const id = computer.machineId("virtualbox");
  if (id === undefined) return notApplicable("there is no VM yet");
  const vms = await computer.vbox("list", "vms");
  if (vms === undefined || vms.code !== 0) return notApplicable("VirtualBox does not list its VMs");
  return vms.text.includes(id) ? passed(id) : fails(`VirtualBox does not know ${id}`);
}

/** A link in the place of a shared folder would give the VM a folder that nobody meant to share. */
function realFolders(folder: string, shared: readonly string[]): HostAnswer {
  for (const name of shared) {
    let at = folder;
    for (const part of name.split("/")) {
      at = path.join(at, part);
      const about = fs.lstatSync(at, { throwIfNoEntry: false });
      if (about?.isSymbolicLink()) return fails(`${at} is a link`);
      if (about?.isFile()) return fails(`${at} is a file`);
    }
  }
  return passed(shared.join(", "));
}
