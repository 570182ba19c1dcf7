/**
 * What lies on disk about the VM: Vagrant's .vagrant/machines/…, the Vagrantfile's .notebox/endpoints.json, and
 * notebox's own note that a VM was once set up to its end. Reading these is quick; asking Vagrant takes a second.
 */
import fs from "node:fs";
import path from "node:path";
import { UserError } from "../errors.ts";
import type { SshTarget } from "../ports.ts";
import type { Provider } from "./command-lines.ts";

const MACHINE = "default";

export function machineFolder(folder: string, provider: Provider): string {
  return path.join(folder, ".vagrant", "machines", MACHINE, provider);
}

/** The provider's own id of the VM, which Vagrant keeps in a file. */
export function machineId(folder: string, provider: Provider): string | undefined {
  const text = read(path.join(machineFolder(folder, provider), "id"))?.trim();
  return text === "" ? undefined : text;
}

export function existingProvider(folder: string): Provider | undefined {
  return (["virtualbox", "libvirt"] as const).find((provider) => machineId(folder, provider) !== undefined);
}

/**
 * Whether provisioning has begun on this very VM. Vagrant notes that once the VM is up and connected, before the first
 * provisioner (lib/vagrant/action/builtin/provision.rb: action_provision, "1.5:<id>").
 */
export function provisioningBegun(folder: string, provider: Provider): boolean {
  const id = machineId(folder, provider);
  return (
    id !== undefined && read(path.join(machineFolder(folder, provider), "action_provision"))?.trim() === `1.5:${id}`
  );
}

/** What the bundle was rendered for, since workbench.yaml may be broken or another one by now. */
export function renderedName(folder: string): string | undefined {
  const name = read(path.join(folder, "provision", "workbench", "name"))?.trim() ?? "";
  return /^[a-z][a-z0-9-]{0,39}$/.test(name) ? name : undefined;
}

/** For people; the name where there is none. */
export function renderedTitle(folder: string): string {
  return read(path.join(folder, "provision", "workbench", "title"))?.trim() || (renderedName(folder) ?? "workbench");
}

export interface Endpoints {
  provider: string;
  /** Without an address: the host does not reach it. */
  services: Readonly<Record<string, { kind: string; url?: string }>>;
  ssh?: SshTarget;
}

/** What the Vagrantfile's trigger wrote after the VM came up; undefined while it is not up. */
export function readEndpoints(folder: string): Endpoints | undefined {
  const data = readJson(path.join(folder, ".notebox", "endpoints.json"));
  if (data === undefined || typeof data["services"] !== "object" || data["services"] === null) return undefined;
  const services: Record<string, { kind: string; url?: string }> = {};
  for (const [name, value] of Object.entries(data["services"] as Record<string, unknown>)) {
    const { kind, url } = (value ?? {}) as Record<string, unknown>;
    if (typeof kind !== "string") continue;
    if (typeof url === "string") services[name] = { kind, url };
    else if (url === undefined) services[name] = { kind };
  }
  const ssh = (data["ssh"] ?? {}) as Record<string, unknown>;
  const { host, port, user, key } = ssh;
  const target =
    typeof host === "string" && typeof port === "number" && typeof user === "string" && typeof key === "string"
      ? { ssh: { host, port, username: user, privateKeyPath: key } }
      : {};
  return { provider: String(data["provider"] ?? ""), services, ...target };
}

export function openPage(folder: string): string {
  return path.join(folder, ".notebox", "open.html");
}

/** Written by `up` once the VM has been set up to its end; a VM without it is half-made. */
export interface Made {
  id: string;
  provider: Provider;
  /** Hash of what the VM was started with: ports, folders, memory. */
  machine: string;
  /** Mark of this computer's network settings, which the VM was given. */
  network: string;
}

const madeFile = (folder: string): string => path.join(folder, ".notebox", "vm.json");

export function readMade(folder: string): Made | undefined {
  const data = readJson(madeFile(folder));
  const { id, provider, machine, network } = data ?? {};
  if (typeof id !== "string" || typeof machine !== "string") return undefined;
  if (provider !== "virtualbox" && provider !== "libvirt") return undefined;
  return { id, provider, machine, network: typeof network === "string" ? network : "" };
}

export function writeMade(folder: string, made: Made): void {
  const file = madeFile(folder);
  fs.writeFileSync(`${file}.tmp`, `${JSON.stringify({ version: 1, ...made })}\n`);
  fs.renameSync(`${file}.tmp`, file);
}

export function forgetMade(folder: string): void {
  fs.rmSync(madeFile(folder), { force: true });
}

/** Vagrant's trigger removes both; this is for a VM that went away in some other manner. */
export function forgetAddresses(folder: string): void {
  for (const name of ["endpoints.json", "open.html"]) fs.rmSync(path.join(folder, ".notebox", name), { force: true });
}

/** Throws `invalid` where there is neither a workbench nor a rendered bundle. */
export function requireWorkbenchFolder(folder: string): void {
  if (["workbench.yaml", "Vagrantfile"].some((name) => fs.existsSync(path.join(folder, name)))) return;
  throw new UserError({
    code: "invalid",
    message: `There is no workbench.yaml in ${folder}.`,
    hint: "Go to the workbench's folder, or name it: `notebox -C FOLDER …`. `notebox init` writes a new workbench.",
  });
}

export function hasVagrantfile(folder: string): boolean {
  return fs.existsSync(path.join(folder, "Vagrantfile"));
}

/**
 * Throws `refused` where the folder has no Vagrantfile: Vagrant would take that of a folder above, and stop or delete
 * somebody else's VM.
 */
export function requireVagrantfile(folder: string): void {
  if (hasVagrantfile(folder)) return;
  throw new UserError({
    code: "refused",
    message: `There is no Vagrantfile in ${folder}, so Vagrant cannot know this workbench's VM.`,
    hint: "`notebox render` writes it; then run the same command again.",
  });
}

/** Throws `vagrant` when the VM is not up. */
export function requireEndpoints(folder: string): Endpoints {
  requireWorkbenchFolder(folder);
  const endpoints = readEndpoints(folder);
  if (endpoints !== undefined) return endpoints;
  throw new UserError({ code: "vagrant", message: "The VM is not running.", hint: "Start it with `notebox up`." });
}

function read(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function readJson(file: string): Record<string, unknown> | undefined {
  const text = read(file);
  if (text === undefined) return undefined;
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === "object" && data !== null ? (data as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
