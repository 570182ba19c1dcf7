/** Faults of the computer itself, each made on a computer of stand-ins: programs, folders, ports, the VM. */
import fs from "node:fs";
import path from "node:path";
import type { System } from "../../src/faults.ts";
import { type HostLab, VM_ID } from "./host-lab.ts";

export interface Scenario {
  code: string;
  system: System;
  make: (lab: HostLab) => void;
  /** What is wrong, in words, as a person reads it. */
  says: string;
  /** The exit code of a start; undefined where a start goes on. */
  exit?: number;
  /** Doctor can read no workbench then, and so asks less. */
  invalid?: true;
}

export const COMPUTER_FAULTS: Scenario[] = [
  {
    ...{ code: "NB-D01", system: "linux", exit: 4 },
    make: (lab) => (lab.vagrant = "2.2.19"),
    says: "Vagrant 2.2.19 is installed, and the workbench needs Vagrant 2.3.4 or newer.",
  },
  {
    ...{ code: "NB-D02", system: "windows", exit: 4 },
    make: (lab) => lab.virtualbox({ version: "7.1.4r165100" }),
    says: "VirtualBox 7.1.4r165100 does not fit Vagrant 2.4.1",
  },
  {
    ...{ code: "NB-D02", system: "macos", exit: 4 },
    make: (lab) => fs.rmSync(path.join(lab.bin, "VBoxManage")),
    says: "VirtualBox is missing on this computer.",
  },
  {
    ...{ code: "NB-D03", system: "windows" },
    make: (lab) => lab.tool("icacls", 'echo "$1 BUILTIN\\\\Users:(OI)(CI)(F)"'),
    says: "VirtualBox is installed in a folder that everybody can write to, and refuses to work from there.",
  },
  {
    ...{ code: "NB-D04", system: "windows", exit: 4 },
    make: (lab) => lab.tool("sc", "echo '[SC] EnumQueryServicesStatus:OpenService FAILED 1060:'; exit 1060"),
    says: "VirtualBox is installed, but its driver is not loaded.",
  },
  {
    ...{ code: "NB-D04", system: "linux", exit: 4 },
    make: (lab) => lab.virtualbox({ version: "WARNING: The vboxdrv kernel module is not loaded.\n7.0.20r163906" }),
    says: "VirtualBox is installed, but its driver is not loaded.",
  },
  {
    ...{ code: "NB-D05", system: "windows" },
    make: (lab) => {
      lab.tool("systeminfo", "echo '      Virtualization Enabled In Firmware: No'");
      for (const name of ["VBoxManage", "VBoxManage.exe"]) {
        const file = path.join(lab.bin, name);
        fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace("virtualization: yes", "virtualization: no"));
      }
    },
    says: "This computer's processor does not let VirtualBox run virtual machines.",
  },
  {
    ...{ code: "NB-D06", system: "windows" },
    make: (lab) =>
      lab.tool(
        "reg",
        'case "$2" in *HypervisorEnforcedCodeIntegrity) echo "    Enabled    REG_DWORD    0x1" ;; *) exit 1 ;; esac',
      ),
    says: "Windows' own hypervisor is switched on and keeps VirtualBox from starting, or makes it very slow.",
  },
  {
    ...{ code: "NB-D07", system: "windows" },
    make: (lab) => {
      const place = path.join(lab.vms, "lab_default", "Logs");
      fs.mkdirSync(place, { recursive: true });
      fs.writeFileSync(
        path.join(place, "VBoxHardening.log"),
        "supR3HardenedWinInit\nError -5640 in supR3HardenedWinReSpawn!\n",
      );
    },
    says: "A protection program (antivirus) keeps VirtualBox from starting.",
  },
  {
    ...{ code: "NB-D08", system: "linux" },
    make: (lab) =>
      fs.writeFileSync(
        path.join(lab.folder, "Vagrantfile"),
        '# private_network is not used\nconfig.vm.network "private_network", ip: "10.0.0.2"\n',
      ),
    says: "The file Vagrantfile was changed and asks for a network that only an administrator can make.",
  },
  {
    ...{ code: "NB-D09", system: "linux", exit: 8 },
    make: (lab) => lab.disk(1_000_000),
    says: "has 976 MiB free and needs 6.0 GiB.",
  },
  {
    ...{ code: "NB-D09", system: "windows", exit: 8 },
    make: (lab) => (lab.vagrantHome = "\\\\srv\\home$\\someone\\.vagrant.d"),
    says: "Vagrant's folder \\\\srv\\home$\\someone\\.vagrant.d is on a network drive.",
  },
  {
    ...{ code: "NB-D09", system: "windows", exit: 8 },
    make: (lab) => (lab.vagrantHome = path.join(lab.base, "roaming", "vagrant.d")),
    says: "is in a roaming profile.",
  },
  {
    ...{ code: "NB-D09", system: "linux", exit: 8 },
    make: (lab) => {
      fs.writeFileSync(path.join(lab.base, "file"), "");
      lab.vagrantHome = path.join(lab.base, "file", "vagrant.d");
    },
    says: "cannot be written.",
  },
  {
    ...{ code: "NB-D10", system: "windows" },
    make: (lab) => {
      lab.virtualbox({ folder: "H:\\VirtualBox VMs" });
      lab.tool("net", '[ "$2" = H: ] && echo "Remote name       \\\\\\\\srv\\\\home" || exit 2');
    },
    says: "VirtualBox's folder for virtual machines H:\\VirtualBox VMs is on a network drive.",
  },
  {
    ...{ code: "NB-D11", system: "windows", exit: 8 },
    make: (lab) => (lab.vagrantHome = path.join(lab.base, "Jürgen", "vagrant.d")),
    says: "has letters that Vagrant cannot handle, or is too long.",
  },
  {
    ...{ code: "NB-D12", system: "linux", exit: 8 },
    make: (lab) => (lab.folder = path.join(lab.base, "OneDrive - Example School", "work")),
    says: "This folder is in a synced cloud folder (OneDrive - Example School), and a virtual machine cannot run from there.",
  },
  {
    ...{ code: "NB-D12", system: "windows", exit: 8 },
    make: (lab) => (lab.folder = path.join(lab.base, "Temp1_learning.zip", "work")),
    says: "This folder is inside a zip or in a folder for temporary files, and a virtual machine cannot run from there.",
  },
  {
    ...{ code: "NB-D13", system: "windows" },
    make: (lab) =>
      fs.writeFileSync(path.join(lab.folder, "Start.cmd:Zone.Identifier"), "[ZoneTransfer]\r\nZoneId=3\r\n"),
    says: "Windows has marked these files as downloaded from the internet and may refuse to run them.",
  },
  {
    ...{ code: "NB-D14", system: "windows" },
    make: (lab) => lab.commandProcessor("echo 'This program is blocked by group policy.'; exit 1"),
    says: "A policy of this computer forbids scripts in this folder.",
  },
  {
    ...{ code: "NB-D15", system: "windows" },
    make: (lab) =>
      lab.tool(
        "reg",
        'case "$4" in __PSLockdownPolicy) echo "    __PSLockdownPolicy    REG_SZ    4" ;; *) exit 1 ;; esac',
      ),
    says: "PowerShell does not answer Vagrant, or a policy limits it.",
  },
  {
    ...{ code: "NB-D23", system: "linux" },
    make: (lab) => {
      const place = path.join(lab.vagrantHome, "tmp", "vagrant-box-add-temp-20261101-1");
      fs.mkdirSync(place, { recursive: true });
      fs.utimesSync(place, new Date("2026-11-01"), new Date("2026-11-01"));
    },
    says: "Earlier starts that were broken off left files in Vagrant's folder for temporary files.",
  },
  {
    ...{ code: "NB-D26", system: "windows", exit: 8 },
    make: (lab) => lab.tool("netsh", `echo 'Start Port    End Port'; echo '${lab.port - 1}        ${lab.port + 1}'`),
    says: "cannot be used on this computer: Windows keeps the ports",
  },
  {
    ...{ code: "NB-D27", system: "linux" },
    make: (lab) => {
      lab.virtualbox({ vms: `"lab" {${VM_ID}}` });
      fs.chmodSync(lab.vm(), 0o644);
    },
    says: "The key to the virtual machine can be read by other people, so ssh refuses it.",
  },
  {
    ...{ code: "NB-D27", system: "windows" },
    make: (lab) => {
      lab.virtualbox({ vms: `"lab" {${VM_ID}}` });
      lab.vm();
      lab.tool("icacls", 'case "$1" in *private_key) echo "$1 BUILTIN\\\\Users:(I)(RX)" ;; esac');
    },
    says: "The key to the virtual machine can be read by other people, so ssh refuses it.",
  },
  {
    ...{ code: "NB-D28", system: "linux" },
    make: (lab) => lab.log("mount: unknown filesystem type 'vboxsf'\n"),
    says: "The box cannot share folders with this computer, so your notebooks would not be seen.",
  },
  {
    ...{ code: "NB-D29", system: "windows" },
    make: (lab) => lab.log("npm ERR! EPROTO: protocol error, symlink '../a' -> '/home/notebox/notebooks/b'\n"),
    says: "A program in the virtual machine wanted to make a link in a shared folder, and this computer does not allow that.",
  },
  {
    ...{ code: "NB-D30", system: "linux" },
    make: (lab) => {
      fs.mkdirSync(lab.vagrantHome);
      fs.writeFileSync(
        path.join(lab.vagrantHome, "plugins.json"),
        '{"version":"1","installed":{"vagrant-vbguest":{}}}',
      );
    },
    says: "A Vagrant plugin vagrant-vbguest on this computer is broken or no longer kept.",
  },
  {
    ...{ code: "NB-D31", system: "linux" },
    make: (lab) => void lab.vm(),
    says: "This folder belongs to a virtual machine that is not on this computer.",
  },
  {
    ...{ code: "NB-V01", system: "linux", exit: 8 },
    make: (lab) => (lab.memory = 9500),
    says: "The virtual machine needs 9500 MiB of memory, and only 9000 MiB are free now.",
  },
  {
    ...{ code: "NB-V15", system: "linux", exit: 3, invalid: true },
    make: (lab) => fs.symlinkSync("/etc", path.join(lab.folder, "notebooks")),
    says: "One of the shared folders (such as notebooks) is a link or a file, and the virtual machine needs a folder.",
  },
];
