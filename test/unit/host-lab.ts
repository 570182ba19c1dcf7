/**
 * A computer for doctor and for the launcher's Ruby: a workbench folder, Vagrant's folder, and a PATH with nothing on it
 * but stand-ins for vagrant, VBoxManage and the system's own tools. Both are asked about the same one.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createProcesses } from "../../src/adapters/execa.ts";
import { catalogAddress } from "../../src/boxes/doors.ts";
import { type DoctorReport, doctor } from "../../src/commands/doctor.ts";
import { UserError } from "../../src/errors.ts";
import type { System } from "../../src/faults.ts";
import type { Deps, RunLog } from "../../src/ports.ts";
import { PRELUDE } from "../vagrant/render-ruby.ts";

const TEMPLATES = path.resolve(import.meta.dirname, "../../templates/vagrant");
const RUBY = (process.env["PATH"] ?? "")
  .split(":")
  .map((place) => path.join(place, "ruby"))
  .find((file) => fs.existsSync(file));
export const VM_ID = "11111111-2222-3333-4444-555555555555";

const PLATFORMS = { windows: "win32", macos: "darwin", linux: "linux" } as const;
/** Enough of Vagrant's plugins for a hook that is never called here. */
const PLUGINS = `
module Vagrant
  def self.plugin(*) = Class.new { def self.name(*) = nil; def self.action_hook(*) = nil }
end
`;
const NO_LOG: RunLog = { path: undefined, open() {}, write() {}, redact() {} };

export interface LauncherRun {
  code: number | null;
  out: string;
  /** Check id → status. */
  verdicts: Record<string, string>;
}

export class HostLab {
  readonly base = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-host-"));
  folder = path.join(this.base, "work");
  readonly bin = path.join(this.base, "bin");
  readonly home = path.join(this.base, "home");
  readonly vms = path.join(this.base, "vms");
  readonly env: Record<string, string>;
  readonly system: System;
  vagrantHome = path.join(this.base, "vagrant.d");
  vagrant = "2.4.1";
  box = "lab/tiny";
  doors: string[] = [];
  registry = false;
  memory = 1024;
  now = Date.parse("2026-11-28T12:00:00Z");
  port: number;

  constructor(system: System, port: number) {
    this.system = system;
    this.port = port;
    this.env = { PATH: this.bin, HOME: this.home, LC_ALL: "C.UTF-8" };
    for (const place of [this.bin, this.home]) fs.mkdirSync(place);
    this.virtualbox({});
    this.disk(100_000_000);
    this.tool("curl", "echo 'curl: (7) Failed to connect' >&2; exit 7");
    if (system !== "windows") return;
    Object.assign(this.env, {
      ...{ SystemDrive: "C:", USERNAME: "someone", USERDOMAIN: "SCHOOL", PROCESSOR_ARCHITECTURE: "AMD64" },
      ...{ APPDATA: path.join(this.base, "roaming"), VBOX_MSI_INSTALL_PATH: this.bin },
    });
    this.tool("reg", "echo 'ERROR: The system was unable to find the specified registry key or value.' >&2; exit 1");
    this.tool("sc", "printf 'SERVICE_NAME: %s\\r\\n        STATE              : 4  RUNNING\\r\\n' \"$2\"");
    this.tool(
      "icacls",
      "echo \"$1 NT AUTHORITY\\\\SYSTEM:(F)\"; echo '  BUILTIN\\Users:(RX)' | /bin/grep -v key; exit 0",
    );
    this.tool("systeminfo", "echo 'A hypervisor has been detected.'");
    this.tool("netsh", "echo 'Start Port    End Port'; echo '      5357        5357     *'");
    this.tool("net", "echo 'The network connection could not be found.' >&2; exit 2");
    this.commandProcessor("echo notebox-probe-ran");
  }

  /** A stand-in for a program: a few lines of sh. */
  tool(name: string, sh: string): void {
    fs.writeFileSync(path.join(this.bin, name), `#!/bin/sh\n${sh}\n`, { mode: 0o755 });
  }

  virtualbox(lines: { version?: string; hostinfo?: string; folder?: string; vms?: string; running?: string }): void {
    const { version = "7.0.20r163906", hostinfo = "", folder = this.vms, vms = "", running = "" } = lines;
    const quoted = (text: string) => `printf '%s\\n' '${text}'`;
    const body = [
      'case "$*" in',
      `--version) ${quoted(version)} ;;`,
      `"list systemproperties") ${quoted(`Default machine folder:          ${folder}`)} ;;`,
      `"list hostinfo") ${quoted(`Processor supports HW virtualization: yes\nMemory size:     16000 MByte\nMemory available: 9000 MByte\n${hostinfo}`)} ;;`,
      `"list vms") ${quoted(vms)} ;;`,
      `"list runningvms") ${quoted(running)} ;;`,
      '"setproperty machinefolder"*) echo "$3" >>"$HOME/machinefolders" ;;',
      "*) exit 1 ;; esac",
    ].join("\n");
    this.tool("VBoxManage", body);
    if (this.system === "windows") this.tool("VBoxManage.exe", body);
  }

  /** Free KiB, as df and dir say it. */
  disk(free: number): void {
    this.tool(
      "df",
      `echo 'Filesystem 1024-blocks Used Available Capacity Mounted'; echo '/dev/a 200000000 1 ${free} 1% /'`,
    );
    this.freeKiB = free;
    if (this.system === "windows") this.commandProcessor("echo notebox-probe-ran");
  }
  private freeKiB = 0;

  /** cmd: what a script that is run says, and `dir`. */
  commandProcessor(script: string): void {
    this.tool(
      "cmd",
      `case "$3" in dir) echo '       2 Dir(s)  ${this.freeKiB * 1024} bytes free' ;; *) ${script} ;; esac`,
    );
  }

  /** A catalog in a share's folder, whose door the workbench names. */
  share(catalog: unknown, door = path.join(this.base, "share")): string {
    this.doors = [door];
    const file = catalogAddress(door, this.box);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, typeof catalog === "string" ? catalog : JSON.stringify(catalog));
    return file;
  }

  vm(provider = "virtualbox"): string {
    const place = path.join(this.folder, ".vagrant", "machines", "default", provider);
    fs.mkdirSync(place, { recursive: true });
    fs.writeFileSync(path.join(place, "id"), VM_ID);
    fs.writeFileSync(path.join(place, "private_key"), "key\n", { mode: 0o600 });
    return path.join(place, "private_key");
  }

  /** The box is there, so that no door is needed. */
  install(provider = "virtualbox"): void {
    const place = path.join(this.vagrantHome, "boxes", this.box.replace("/", "-VAGRANTSLASH-"), "1.0.0", provider);
    fs.mkdirSync(place, { recursive: true });
    fs.writeFileSync(path.join(place, "metadata.json"), "{}");
  }

  log(text: string, name = "2026-11-28T100000Z-start.log"): void {
    const place = path.join(this.folder, ".notebox", "logs");
    fs.mkdirSync(place, { recursive: true });
    fs.writeFileSync(path.join(place, name), text);
  }

  ready(): void {
    this.env["VAGRANT_HOME"] = this.vagrantHome;
    this.tool("vagrant", `echo 'Vagrant ${this.vagrant}'`);
    for (const place of ["notebooks", "api"])
      if (fs.lstatSync(path.join(this.folder, place), { throwIfNoEntry: false }) === undefined)
        fs.mkdirSync(path.join(this.folder, place), { recursive: true });
    const box = { name: this.box, shares: this.doors, registry: this.registry };
    const workbench = { version: 1, name: "lab", box, machine: { memory: `${this.memory} MiB` } };
    const services = { jupyter: { port: this.port } };
    fs.writeFileSync(path.join(this.folder, "workbench.yaml"), JSON.stringify({ ...workbench, services }));
  }

  async doctor(): Promise<{ code: string; report: DoctorReport }> {
    const processes = createProcesses(this.env, NO_LOG);
    const sleep = (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, ms);
        signal?.addEventListener("abort", () => {
          clearTimeout(timer);
          reject(new Error("aborted"));
        });
      });
    const deps = {
      ...{ processes, env: this.env, homeDir: this.home, log: NO_LOG, reporter: { emit() {} } },
      ...{ platform: PLATFORMS[this.system], arch: "x64", signal: new AbortController().signal },
      clock: { now: () => this.now, sleep },
    } as unknown as Deps;
    try {
      return { code: "ok", report: (await doctor(deps, { folder: this.folder })) as DoctorReport };
    } catch (error) {
      if (!(error instanceof UserError) || error.result === undefined) throw error;
      return { code: error.code, report: error.result as DoctorReport };
    }
  }

  /** What the Ruby beside the Vagrantfile does when a launcher has set that mode. */
  launcher(mode: string): LauncherRun {
    const workbench = {
      ...{ name: "lab", title: "Lab", cpus: 1, memory: this.memory, folders: ["notebooks", "api"] },
      box: {
        name: this.box,
        doors: this.doors.map((door) => catalogAddress(door, this.box)),
        registry: this.registry || this.doors.length === 0,
      },
      services: { jupyter: { kind: "jupyter", port: this.port } },
    };
    const { folder: root, system: platform, vagrant, now } = this;
    const program = `module Gem; end
require "rubygems/version"
${PRELUDE}
${PLUGINS}
load ${JSON.stringify(path.join(TEMPLATES, "launcher.rb"))}
lab = JSON.parse(DATA_TEXT, symbolize_names: true)
system = Notebox::HostSystem.new(root: lab[:root], workbench: lab[:workbench], platform: lab[:platform],
                                 vagrant_version: lab[:vagrant], now: Time.at(lab[:now] / 1000.0))
Notebox::Launcher.new(${JSON.stringify(mode)}, system).begin
`.replace("DATA_TEXT", `ENV["NOTEBOX_LAB"]`);
    const run = spawnSync(RUBY ?? "ruby", ["--disable-gems", "-w", "-"], {
      input: program,
      encoding: "utf8",
      env: { ...this.env, NOTEBOX_LAB: JSON.stringify({ root, platform, vagrant, now, workbench }) },
    });
    if (run.stderr !== "") throw new Error(`${run.stderr}\n${run.stdout}`);
    const file = path.join(root, ".notebox", "check.json");
    const checks: { id: string; status: string }[] =
      mode === "check" && fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")).checks : [];
    return {
      code: run.status,
      out: run.stdout,
      verdicts: Object.fromEntries(checks.map((one) => [one.id, one.status])),
    };
  }

  remove(): void {
    fs.rmSync(this.base, { recursive: true, force: true });
  }
}
