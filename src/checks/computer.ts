/**
 * This computer as doctor's checks see it: its programs, folders, room and ports. It answers questions and changes
 * nothing; what an answer means is for the host-*.ts files. templates/vagrant/host_system.rb is the same in Ruby.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { UserError } from "../errors.ts";
import type { System } from "../faults.ts";
import type { Deps } from "../ports.ts";
import { hostArchitecture } from "../vagrant/box-home.ts";
import type { Provider } from "../vagrant/command-lines.ts";
import { existingProvider, machineId } from "../vagrant/machine-files.ts";
import { freeBytes, freeMemory, nearest } from "../vagrant/measure.ts";
import { findVBoxManage, libvirtSocket } from "../vagrant/providers.ts";
import type { Workbench } from "../workbench/model.ts";

export type Needs = Pick<Deps, "processes" | "signal" | "env" | "platform" | "arch" | "homeDir" | "clock">;

/** What is to be checked on this computer. */
export interface Subject {
  /** The workbench folder, or the folder that one was looked for in. */
  folder: string;
  workbench?: Workbench | undefined;
  /** Why there is no workbench. */
  without?: string;
  /** Where they are known already: otherwise they are found out. */
  provider?: Provider;
  vm?: { exists: boolean; running: boolean; ports: ReadonlySet<number> };
}

export interface Ran {
  /** Both streams, without carriage returns. */
  text: string;
  code: number | null;
}

const TIMEOUT_MS = 20_000;
/** Programs that run side by side: the computer that is asked is often a slow one. */
const AT_ONCE = 4;
const MIB = 1024 ** 2;

export class Computer {
  readonly system: System;
  readonly deps: Needs;
  readonly subject: Subject;
  readonly #ran = new Map<string, Promise<Ran | undefined>>();
  #free = AT_ONCE;
  readonly #waiting: (() => void)[] = [];

  constructor(deps: Needs, subject: Subject) {
    this.deps = deps;
    this.subject = subject;
    this.system = deps.platform === "win32" ? "windows" : deps.platform === "darwin" ? "macos" : "linux";
  }

  /** What a program says; undefined when it is not there or does not end in time. The same question is put once. */
  async run(file: string, ...args: string[]): Promise<Ran | undefined> {
    const key = JSON.stringify([file, ...args]);
    const known = this.#ran.get(key);
    if (known !== undefined) return await known;
    const running = this.#runNow(file, args);
    this.#ran.set(key, running);
    return await running;
  }

  async #runNow(file: string, args: readonly string[]): Promise<Ran | undefined> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      const cwd = nearest(path.resolve(this.subject.folder));
      // VirtualBox 7 speaks the user's language where it finds one.
      const env = this.system === "windows" ? {} : { LC_ALL: "C.UTF-8" };
      const options = { timeoutMs: TIMEOUT_MS, signal: this.deps.signal, cwd, env };
      const { stdout, stderr, exitCode, timedOut } = await this.deps.processes.run(file, args, options);
      return timedOut ? undefined : { text: `${stdout}\n${stderr}`.replaceAll("\r", "").trim(), code: exitCode };
    } catch (error) {
      if (error instanceof UserError && error.code === "missing-program") return undefined;
      throw error;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  async vboxmanage(): Promise<string | undefined> {
    return await findVBoxManage(this.deps);
  }

  /** Windows' installer says where it put VirtualBox. */
  virtualboxFolder(): string | undefined {
    if (this.system !== "windows") return undefined;
    const { VBOX_INSTALL_PATH: first, VBOX_MSI_INSTALL_PATH: second } = this.deps.env;
    const places = [first, second].flatMap((text) => (text ?? "").split(";")).filter((place) => place !== "");
    return places[0]?.replace(/[\\/]+$/, "");
  }

  async vbox(...args: string[]): Promise<Ran | undefined> {
    const program = await this.vboxmanage();
    return program === undefined ? undefined : await this.run(program, ...args);
  }

  /** The provider of the VM that exists, else the one that would be taken. */
  async provider(): Promise<string> {
    const { folder, provider } = this.subject;
    const known = provider ?? existingProvider(folder) ?? (this.deps.env["VAGRANT_DEFAULT_PROVIDER"] || undefined);
    if (known !== undefined) return known;
    return (await this.vboxmanage()) !== undefined || !this.libvirt() ? "virtualbox" : "libvirt";
  }

  libvirt(): boolean {
    return this.system === "linux" && libvirtSocket() !== undefined;
  }

  machineId(provider: Provider): string | undefined {
    return machineId(this.subject.folder, provider);
  }

  /** `exists` and `running`, as far as VirtualBox says so; libvirt is asked by `up` alone. */
  async vm(): Promise<{ exists: boolean; running: boolean; ports: ReadonlySet<number> }> {
    if (this.subject.vm !== undefined) return this.subject.vm;
    const existing = existingProvider(this.subject.folder);
    const id = existing === undefined ? undefined : machineId(this.subject.folder, existing);
    if (id === undefined) return { exists: false, running: false, ports: new Set() };
    const list = existing === "virtualbox" ? await this.vbox("list", "runningvms") : undefined;
    return { exists: true, running: list?.text.includes(id) ?? false, ports: new Set() };
  }

  vagrantHome(): string {
    return this.deps.env["VAGRANT_HOME"] || path.join(this.deps.homeDir, ".vagrant.d");
  }

  async defaultMachineFolder(): Promise<string | undefined> {
    const text = (await this.vbox("list", "systemproperties"))?.text ?? "";
    return /^Default machine folder: *(.+?) *$/m.exec(text)?.[1];
  }

  async freeBytes(folder: string): Promise<number | undefined> {
    return await freeBytes((file, ...args) => this.run(file, ...args), folder);
  }

  /** Memory in MiB; undefined: nobody says. VirtualBox knows it on every system. */
  async memory(): Promise<{ total: number; free: number | undefined }> {
    const info = (await this.provider()) === "virtualbox" ? ((await this.vbox("list", "hostinfo"))?.text ?? "") : "";
    const total = /^Memory size: *(\d+)/m.exec(info)?.[1];
    const free = /^Memory available: *(\d+)/m.exec(info)?.[1];
    if (total === undefined) return { total: Math.floor(os.totalmem() / MIB), free: freeMemory(this.deps.platform) };
    const said = free === undefined || this.system === "macos" ? undefined : Number(free);
    return { total: Number(total), free: said };
  }

  /** amd64 or arm64, as Vagrant says it. */
  architecture(): string {
    return hostArchitecture(this.deps);
  }

  read(...parts: string[]): string | undefined {
    try {
      return fs.readFileSync(path.join(...parts), "utf8");
    } catch {
      return undefined;
    }
  }
}
