/** What a launcher's start does beside its checks: it mends, takes the lock, lends VirtualBox a folder, tells progress. */
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import net, { type AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HostLab, VM_ID } from "./host-lab.ts";

/** No process has it: the largest that Linux gives is one less. */
const NOBODY = 4_194_304;

let lab: HostLab;
let port = 0;
beforeEach(async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  await new Promise((resolve) => server.close(resolve));
  lab = new HostLab("linux", port);
  lab.install();
});
afterEach(() => lab.remove());

const lockFile = () => path.join(lab.folder, ".notebox", "up.lock");
function lock(process_: { pid: number; started: string }, more: object = {}): void {
  fs.mkdirSync(path.dirname(lockFile()), { recursive: true });
  const owner = { host: os.hostname(), process: process_, time: "2026-11-28T10:00:00.000Z", command: "up", ...more };
  fs.writeFileSync(lockFile(), JSON.stringify(owner));
}

describe("the lock", () => {
  test("of a start at work: exit 9, in three sentences, and it stays", () => {
    lab.ready();
    lock({ pid: process.pid, started: "" });
    const { code, out } = lab.launcher("start");
    expect(out).toMatch(
      /^1 of 5: Looking at this computer\n\nThe workbench is being started already, in another window\.\nYou can mend this yourself\.\nWait until that window says that it is running\.\nCode for IT: NB-L08\nLog: .+\n$/,
    );
    expect(code).toBe(9);
    expect(JSON.parse(fs.readFileSync(lockFile(), "utf8")).process.pid).toBe(process.pid);
  });

  test("of a killed start is taken over and let go in the end", () => {
    lab.ready();
    lock({ pid: NOBODY, started: "1" });
    const { code, out } = lab.launcher("start");
    expect([code, out]).toEqual([0, expect.stringContaining("An earlier start was broken off; this one goes on.\n")]);
    expect(fs.existsSync(lockFile())).toBe(false);
  });

  test("of a killed start whose Vagrant still works is not", () => {
    lab.ready();
    lock({ pid: NOBODY, started: "1" }, { child: { pid: process.pid, started: "" } });
    expect(lab.launcher("start").code).toBe(9);
  });

  test("of a process whose number another one has by now is taken over", () => {
    lab.ready();
    lock({ pid: process.pid, started: "1" });
    expect(lab.launcher("start").code).toBe(0);
  });

  test("of a killed start is taken over although this computer had another name then, as a Mac has in each network", () => {
    lab.ready();
    lock({ pid: NOBODY, started: "1" }, { host: "annas-mbp.elsewhere.example" });
    expect(lab.launcher("start").code).toBe(0);
    lock({ pid: process.pid, started: "" }, { host: "annas-mbp.elsewhere.example" });
    expect(lab.launcher("start").code).toBe(9);
  });

  test.each([
    ["winword.exe", 0],
    ["ruby.exe", 9],
    ["node.exe", 9],
  ])("on Windows, whose process's number %s has now: exit %i", (image, code) => {
    lab.remove();
    lab = new HostLab("windows", port);
    lab.install();
    lab.tool("tasklist", `echo '"${image}","${process.pid}","Console","1","9 K"'`);
    lab.ready();
    lock({ pid: process.pid, started: "" });
    expect(lab.launcher("start").code).toBe(code);
  });

  test("that nobody can read is somebody's who writes it, until it is old", () => {
    lab.ready();
    fs.mkdirSync(path.dirname(lockFile()), { recursive: true });
    fs.writeFileSync(lockFile(), '{"host":');
    fs.utimesSync(lockFile(), new Date(0), new Date(0));
    expect(lab.launcher("start").code).toBe(0);
  });
});

describe("mended without rights, and told", () => {
  test("the key's rights", () => {
    const key = lab.vm();
    lab.virtualbox({ vms: `"lab" {${VM_ID}}` });
    fs.chmodSync(key, 0o644);
    lab.ready();
    expect(lab.launcher("start").out).toContain("Made the virtual machine's key readable by you alone.\n");
    expect(fs.statSync(key).mode & 0o777).toBe(0o600);
  });

  test("the key's rights on Windows, by icacls for the user alone", () => {
    lab.remove();
    lab = new HostLab("windows", port);
    lab.install();
    lab.vm();
    lab.virtualbox({ vms: `"lab" {${VM_ID}}` });
    lab.tool(
      "icacls",
      `echo "$*" >>"$HOME/icacls"; case "$1" in *private_key) echo "$1 BUILTIN\\\\Users:(I)(RX)" ;; esac`,
    );
    lab.ready();
    lab.launcher("start");
    expect(fs.readFileSync(path.join(lab.home, "icacls"), "utf8")).toMatch(
      /private_key \/inheritance:r \/grant:r SCHOOL\\someone:F\n/,
    );
  });

  test("leftovers of killed starts, but no young ones", () => {
    const tmp = path.join(lab.vagrantHome, "tmp");
    for (const [name, age] of [
      ["vagrant-box-add-temp-1", 2],
      ["boxabc", 2],
      ["boxdef", 0.5],
    ] as const) {
      fs.mkdirSync(path.join(tmp, name), { recursive: true });
      const time = new Date(lab.now - age * 86_400_000);
      fs.utimesSync(path.join(tmp, name), time, time);
    }
    lab.ready();
    expect(lab.launcher("start").out).toContain("Removed what earlier starts had left behind.\n");
    expect(fs.readdirSync(tmp)).toEqual(["boxdef"]);
  });
});

describe("VirtualBox's folder", () => {
  const folders = () => {
    const file = path.join(lab.home, "machinefolders");
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim().split("\n") : [];
  };
  const note = () => path.join(lab.vagrantHome, "notebox-machine-folder.json");

  test("that is not fit is another one until the end of the start", () => {
    lab.virtualbox({ folder: "D:\\" });
    lab.ready();
    expect(lab.launcher("start").out).toContain("another one is used.\n");
    expect(folders()).toEqual([path.join(lab.vagrantHome, "vms"), "D:\\"]);
    expect(fs.existsSync(note())).toBe(false);
  });

  test.each(["start", "stop", "check"])("is put back after a kill, by %s", (mode) => {
    lab.ready();
    fs.writeFileSync(note(), JSON.stringify({ before: "E:\\VMs", process: { pid: NOBODY, started: "1" } }));
    lab.launcher(mode);
    expect(folders()).toEqual(["E:\\VMs"]);
    expect(fs.existsSync(note())).toBe(false);
  });

  test.each(["", "null", '{"before":'])(
    "with a note that a power cut broke (%j): lent and put back all the same",
    (broken) => {
      lab.virtualbox({ folder: "D:\\" });
      lab.ready();
      fs.writeFileSync(note(), broken);
      expect(lab.launcher("start").code).toBe(0);
      expect(folders()).toEqual([path.join(lab.vagrantHome, "vms"), "D:\\"]);
      expect(fs.existsSync(note())).toBe(false);
    },
  );

  // Of an umlaut VirtualBox prints the byte of Windows' codepage.
  test.each([
    ["C:\\Users\\M\xfcller\\VirtualBox VMs", "default"],
    ["D:\\Maschinen f\xfcr alle", undefined],
  ])("with letters that are no UTF-8 (%s) is lent only where it can be put back", (folder, expected) => {
    lab.remove();
    lab = new HostLab("windows", port);
    lab.install();
    lab.virtualbox({ folder });
    for (const name of ["VBoxManage", "VBoxManage.exe"]) {
      const file = path.join(lab.bin, name);
      fs.writeFileSync(file, fs.readFileSync(file, "utf8"), { encoding: "latin1", mode: 0o755 });
    }
    lab.ready();
    lab.launcher("start");
    expect(folders().at(-1)).toBe(expected);
    expect(lab.launcher("check").verdicts["vm-folder"]).toBe("failed");
  });

  test("is left to a start of another workbench that is at work", () => {
    lab.ready();
    fs.writeFileSync(note(), JSON.stringify({ before: "E:\\VMs", process: { pid: process.pid, started: "" } }));
    lab.launcher("start");
    expect(folders()).toEqual([]);
    expect(fs.existsSync(note())).toBe(true);
  });
});

test.each(["null", "[]", '{"installed":[]}', '{"installed":null}'])(
  "plugins.json that holds %s keeps nobody from starting or from checking",
  (text) => {
    lab.ready();
    fs.writeFileSync(path.join(lab.vagrantHome, "plugins.json"), text);
    expect(lab.launcher("start").code).toBe(0);
    expect(lab.launcher("check").out).toMatch(/NB-D30 {2}[^\n]*\n[\s\S]*\d+ ok/);
  },
);

test.each([
  "WARNING: The vboxdrv kernel module is not loaded.\n         You will not be able to start VMs until this problem is fixed.\n7.0.20r163906",
  "7.0.20r163906\nWARNING: The character device /dev/vboxdrv does not exist.",
  "7.1.4_Debianr165100",
])("VirtualBox's version is read beside what it complains of: %j", async (version) => {
  lab.virtualbox({ version });
  lab.vagrant = "2.4.3";
  lab.ready();
  const check = (await lab.doctor()).report.checks.find(({ id }) => id === "virtualbox");
  expect([check?.status, lab.launcher("check").verdicts["virtualbox"]]).toEqual(["passed", "passed"]);
});

test.each([
  [
    "a link to nowhere",
    (place: string) => {
      fs.mkdirSync(place);
      fs.symlinkSync("nowhere", path.join(place, "boxabc"));
    },
  ],
  ["nothing but a file", (place: string) => fs.writeFileSync(place, "")],
] as const)("where Vagrant's temporary folder holds %s, everything else is asked all the same", async (_, make) => {
  make(path.join(lab.vagrantHome, "tmp"));
  lab.ready();
  expect((await lab.doctor()).report.checks.length).toBeGreaterThan(30);
  expect(lab.launcher("check").out).toMatch(/NB-D31/);
  expect(lab.launcher("start").code).toBe(0);
});

test("VirtualBox is asked in English, whatever the user's language", async () => {
  const file = path.join(lab.bin, "VBoxManage");
  const plain = fs.readFileSync(file, "utf8");
  const german = '[ "$LC_ALL" = C.UTF-8 ] || { echo "Voreingestellter Ordner: D:"; exit 0; }\n';
  fs.writeFileSync(file, plain.replace("\n", `\n${german}`), { mode: 0o755 });
  lab.env["LC_ALL"] = "de_DE.UTF-8";
  lab.ready();
  const check = (await lab.doctor()).report.checks.find(({ id }) => id === "vm-folder");
  expect([check?.status, lab.launcher("check").verdicts["vm-folder"]]).toEqual(["passed", "passed"]);
});

test("a port that another program has does not stop VirtualBox: Vagrant takes another", async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  lab.ready();
  const { code, out } = lab.launcher("start");
  await new Promise((resolve) => server.close(resolve));
  expect([code, out]).toEqual([
    0,
    expect.stringContaining(
      `Port ${port} cannot be used on this computer: another program uses it. Another one will be taken.\n`,
    ),
  ]);
});

test("what Vagrant prints becomes a few lines for people, and each part of a line counts once", () => {
  const file = path.resolve(import.meta.dirname, "../../templates/vagrant/progress.rb");
  const program = `
    load ${JSON.stringify(file)}
    log = Object.new
    def log.show(words) = print(words)
    progress = Notebox::Progress.new(log)
    progress.step(1, "Looking at this computer")
    $stdin.read.each_char.each_slice(7) { |some| progress.heard(some.join) }
    progress.step(5, "Lab is running")`;
  const printed = [
    "Bringing machine 'default' up with 'virtualbox' provider...\n",
    "==> default: Box 'lab/tiny' could not be found. Attempting to find and install...\n",
    "    default: Downloading: https://boxes.example.edu/tiny.box\n",
    "\r\u001b[K    default: Progress: 10% (Rate: 5M/s, Estimated time remaining: 0:03:02)",
    "\r\u001b[K    default: Progress: 20% (Rate: 5M/s, Estimated time remaining: 0:02:50)",
    "\r\u001b[K    default: Progress: 99% (Rate: 5M/s, Estimated time remaining: 0:00:03)\n",
    "==> default: Importing base box 'lab/tiny'...\n==> default: Booting VM...\n",
    "==> default: Waiting for machine to boot. This may take a few minutes...\n",
    "==> default: Running provisioner: provision (shell)...\n",
    "    default: notebox: [1/2] System packages …\n    default: notebox: [2/2] Python …\n",
    "==> default: Waiting until Jupyter answers\n",
  ];
  const words = (code: string) =>
    spawnSync("ruby", ["--disable-gems", "-w", "-e", code], { input: printed.join(""), encoding: "utf8" });
  const run = words(program);
  const registry = program.replace("new(log)", "new(log, { box: { doors: [], registry: true } })");
  expect(words(registry).stdout).toContain("2 of 5: Fetching the box from the public registry, 3 minutes left\n");
  expect([run.stderr, run.stdout.split("\n")]).toEqual([
    "",
    [
      "1 of 5: Looking at this computer",
      "2 of 5: Fetching the box from your school's share",
      "2 of 5: Fetching the box from your school's share, 3 minutes left",
      "2 of 5: Fetching the box from your school's share, less than a minute left",
      "3 of 5: Making the virtual machine",
      "3 of 5: Starting the virtual machine; this takes some minutes",
      "4 of 5: Setting it up",
      "4 of 5: Setting it up, 1 of 2: System packages",
      "4 of 5: Setting it up, 2 of 2: Python",
      "5 of 5: Waiting until Jupyter answers",
      "5 of 5: Lab is running",
      "",
    ],
  ]);
});

describe("before the page is opened", () => {
  const file = path.resolve(import.meta.dirname, "../../templates/vagrant/readiness.rb");
  const awaited = (address: string, limit: number) =>
    new Promise<{ code: number | null; text: string }>((resolve) => {
      const program = `module Notebox; class Failure < StandardError; end; end
        load ${JSON.stringify(file)}
        Notebox::Readiness.await("Jupyter", ${JSON.stringify(address)}, limit: ${limit})`;
      const child = spawn("ruby", ["--disable-gems", "-w", "-e", program], {
        env: { ...process.env, http_proxy: "http://127.0.0.1:9" },
      });
      let text = "";
      child.stderr.on("data", (chunk) => (text += chunk));
      child.once("close", (code) => resolve({ code, text }));
    });

  test("Jupyter answers: a port that only takes connections, as a VM's does early, is waited for", async () => {
    let calls = 0;
    const server = net.createServer((socket) => {
      socket.on("error", () => {});
      socket.resume();
      if (++calls < 3) socket.destroy();
      else socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    expect(await awaited(`http://127.0.0.1:${port}/`, 60)).toEqual({ code: 0, text: "" });
    expect(calls).toBeGreaterThanOrEqual(3);
    await new Promise((resolve) => server.close(resolve));
  });

  test("or it is said that it does not", async () => {
    const { code, text } = await awaited(`http://127.0.0.1:${port}/`, 1);
    expect([code, text]).toEqual([
      1,
      expect.stringContaining("The VM runs, but Jupyter does not answer this computer yet"),
    ]);
  });
});
