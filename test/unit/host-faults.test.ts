/**
 * Every fault of the table, made on a computer of stand-ins: doctor and the launcher's Ruby find the same, give the same
 * verdict on everything else, and say it in three sentences with the code.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import net, { type AddressInfo } from "node:net";
import path from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { type System, theFault } from "../../src/faults.ts";
import { HostLab, VM_ID } from "./host-lab.ts";

const catalog = (change: object = {}, version = "1.0.0", name = "lab/tiny") => ({
  name,
  versions: [
    {
      version,
      providers: [
        {
          name: "virtualbox",
          url: "file:///x.box",
          checksum: "00",
          checksum_type: "sha256",
          architecture: "amd64",
          ...change,
        },
      ],
    },
  ],
});

interface Scenario {
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

const curl = (lab: HostLab, sh: string): void => {
  lab.doors = ["https://boxes.example.edu/"];
  lab.tool("curl", sh);
};

const SCENARIOS: Scenario[] = [
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
    ...{ code: "NB-D16", system: "linux", exit: 5 },
    make: (lab) => curl(lab, "echo 'curl: (7) Failed to connect to boxes.example.edu port 443' >&2; exit 7"),
    says: "The share with the workbench's box cannot be reached from this computer.",
  },
  {
    ...{ code: "NB-D17", system: "windows", exit: 5 },
    make: (lab) => {
      lab.doors = ["//nobody.invalid/boxes"];
      lab.tool("net", '[ "$1" = view ] && echo "System error 1272 has occurred." >&2; exit 2');
    },
    says: "The share with the workbench's box does not let this account in.",
  },
  {
    ...{ code: "NB-D18", system: "linux", exit: 5 },
    make: (lab) => curl(lab, "printf 'HTTP/1.1 200 OK\\r\\n\\r\\n\\n200 text/html; charset=utf-8'"),
    says: "The web server of the share sends the list of boxes in a way that Vagrant does not understand.",
  },
  {
    ...{ code: "NB-D19", system: "linux" },
    make: (lab) => {
      const url = "https://boxes.example.edu/x.box";
      const text = JSON.stringify(catalog({ url }));
      curl(
        lab,
        `case "$*" in *--head*x.box) printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n' ;; *--head*) printf '\\n200 application/json' ;; *) echo '${text}' ;; esac`,
      );
      fs.mkdirSync(path.join(lab.vagrantHome, "tmp"), { recursive: true });
      // SHA-1 of the address, as Vagrant names the file.
      fs.writeFileSync(path.join(lab.vagrantHome, "tmp", "box6e7a63ed9dfa1b1ca9ba1d0df9d7c20a5a1a6d1d"), "");
      fs.writeFileSync(path.join(lab.vagrantHome, "tmp", stuckName(url)), "12345");
    },
    says: "An earlier download of the box was interrupted at a bad moment and now stands in Vagrant's way.",
  },
  {
    ...{ code: "NB-D20", system: "linux", exit: 5 },
    make: (lab) => curl(lab, "echo 'curl: (56) CONNECT tunnel failed, response 407' >&2; exit 56"),
    says: "The web proxy of this network does not let Vagrant through to the share.",
  },
  {
    ...{ code: "NB-D21", system: "linux", exit: 5 },
    make: (lab) =>
      curl(lab, "echo 'curl: (60) SSL certificate problem: self-signed certificate in certificate chain' >&2; exit 60"),
    says: "This computer does not trust the certificate of the share's web server.",
  },
  {
    ...{ code: "NB-D22", system: "linux", exit: 6 },
    make: (lab) => void lab.share(catalog({ checksum_type: "SHA256" })),
    says: "The box that was downloaded is not the one that the share's list names: its checksum is missing or wrong.",
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
    ...{ code: "NB-D24", system: "macos", exit: 7 },
    make: (lab) => {
      lab.env["VAGRANT_HOST_ARCHITECTURE"] = "arm64";
      lab.share(catalog());
    },
    says: "This computer has an ARM processor, and the workbench's box is for amd64.",
  },
  {
    ...{ code: "NB-D25", system: "linux", exit: 6 },
    make: (lab) => void lab.share(catalog({}, "1.0.0", "lab/other")),
    says: "The share's list of boxes does not fit this workbench: it is the list of lab/other.",
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
    ...{ code: "NB-D32", system: "linux" },
    make: (lab) => {
      lab.registry = true;
      lab.now = Date.parse("2027-06-07T08:00:00Z");
    },
    says: "The workbench's box comes from the public Vagrant registry, which has been shut down.",
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

function stuckName(url: string): string {
  return `box${createHash("sha1").update(url).digest("hex")}`;
}

/** Those that need a door have one of their own; the others have the box. */
const OF_DOORS = ["16", "17", "18", "19", "20", "21", "22", "24", "25", "32"].map((number) => `NB-D${number}`);

let port = 0;
beforeAll(async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  await new Promise((resolve) => server.close(resolve));
});
let lab: HostLab;
afterEach(() => lab.remove());

const statuses = (checks: readonly { id: string; status: string }[]) =>
  Object.fromEntries(checks.map(({ id, status }) => [id, status]));

function prepare(scenario: Pick<Scenario, "code" | "system" | "make">): void {
  lab = new HostLab(scenario.system, port);
  fs.mkdirSync(lab.folder);
  scenario.make(lab);
  if (!OF_DOORS.includes(scenario.code) && !lab.vagrantHome.startsWith("\\") && !lab.vagrantHome.includes("/file/"))
    lab.install();
  fs.mkdirSync(lab.folder, { recursive: true });
  lab.ready();
}

describe.each(["windows", "macos", "linux"] as const)("a computer with %s and nothing wrong", (system) => {
  test("passes, in doctor and in the launcher's Ruby alike", async () => {
    prepare({ code: "none", system, make: () => {} });
    const { code, report } = await lab.doctor();
    expect([code, report.checks.filter(({ status }) => status === "failed")]).toEqual(["ok", []]);
    const run = lab.launcher("check");
    expect([run.code, run.verdicts]).toEqual([0, statuses(report.checks)]);
    expect(run.out).toMatch(/^ok {14}NB-V13 {2}The workbench folder can be written/);
    expect(run.out).toMatch(/\n\d+ ok, 0 failed, \d+ not applicable\n$/);
  });

  test("and what does not apply is listed with its reason", async () => {
    prepare({ code: "none", system, make: () => {} });
    const { report } = await lab.doctor();
    const reasons = report.checks.filter(({ status }) => status === "not-applicable");
    expect(reasons.length).toBeGreaterThan(5);
    for (const { reason } of reasons) expect(reason).toMatch(/\w{3}/);
  });
});

describe.each(SCENARIOS)("$code on $system: $says", (scenario) => {
  const { code, says, exit } = scenario;
  const fault = theFault(code);

  test("doctor and the launcher's Ruby find it, and agree on everything else", async () => {
    prepare(scenario);
    const doctor = await lab.doctor();
    const found = doctor.report.checks.find((check) => check.code === code);
    expect(found?.status).toBe("failed");
    expect(doctor.code).toBe(fault.exit === "missing-program" ? "missing-program" : "check-failed");
    expect(found?.details?.at(-1)).toBe(`Code for IT: ${code}`);
    const sentences = found?.details?.slice(0, -1) ?? [];
    expect(sentences).toHaveLength(3);
    expect(sentences[0]).toContain(says);
    const run = lab.launcher("check");
    expect(run.code).toBe(8);
    if (scenario.invalid) expect(run.verdicts[fault.id]).toBe("failed");
    else expect(run.verdicts).toEqual(statuses(doctor.report.checks));
    const told = /((?:.+\n){3})Code for IT: (NB-\w+)\n/g;
    const byCode = new Map([...run.out.matchAll(told)].map(([, three, one]) => [one, three]));
    expect(byCode.get(code)).toContain(says);
    expect(byCode.get(code)?.split("\n").slice(1, 3)).toEqual(sentences.slice(1));
  });

  test(exit === undefined ? "a start goes on" : `a start ends with exit code ${exit}`, () => {
    prepare(scenario);
    const run = lab.launcher("start");
    expect(run.out).toMatch(/^1 of 5: Looking at this computer\n/);
    if (exit === undefined) {
      expect([run.code, run.out]).toEqual([0, expect.stringContaining("5 of 5: Lab is running\n")]);
      return;
    }
    expect(run.code).toBe(exit);
    expect(run.out).toMatch(new RegExp(`\\n\\n(?:.+\\n){3}Code for IT: ${code}\\nLog: (/.+-start\\.log)\\n$`));
    expect(run.out).toContain(says);
    const log = /Log: (.+)/.exec(run.out)?.[1] ?? "";
    expect(fs.readFileSync(log, "utf8")).toContain(`Code for IT: ${code}`);
    expect(fs.existsSync(path.join(lab.folder, ".notebox", "up.lock"))).toBe(false);
  });
});

test("D01 to D32 are all among them", () => {
  const codes = new Set(SCENARIOS.map(({ code }) => code));
  for (let number = 1; number <= 32; number++) expect(codes).toContain(`NB-D${String(number).padStart(2, "0")}`);
});
