/**
 * Which provider runs the VM: the one that was asked for, the one that has the VM already, else VirtualBox where it
 * works, else libvirt where it answers.
 */
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { commandLines, type Provider, vagrantEnvironment } from "./command-lines.ts";
import { requirePair } from "./installed.ts";
import { existingProvider } from "./machine-files.ts";

type Needs = Pick<Deps, "processes" | "signal" | "env" | "platform">;

const PROVIDERS: readonly Provider[] = ["virtualbox", "libvirt"];

function asProvider(name: string, where: string): Provider {
  const provider = PROVIDERS.find((known) => known === name);
  if (provider !== undefined) return provider;
  throw new UserError({
    code: "usage",
    message: `${where} names the provider “${name}”, which notebox does not know.`,
    hint: `It knows ${PROVIDERS.join(" and ")}.`,
  });
}

/** Throws `missing-program` when none works, `refused` when the VM exists with another provider. */
export async function chooseProvider(
  deps: Needs,
  options: { folder: string; asked: string | undefined; vagrantVersion: string },
): Promise<Provider> {
  const existing = existingProvider(options.folder);
  const asked = options.asked === undefined ? undefined : asProvider(options.asked, "--provider");
  if (existing !== undefined && asked !== undefined && asked !== existing)
    throw new UserError({
      code: "refused",
      message: `The VM exists already, with the provider ${existing}; it cannot be moved to ${asked}.`,
      hint: "Run `notebox destroy` first (notebooks/ and api/ stay), then `notebox up` again.",
    });
  const fromEnvironment = deps.env["VAGRANT_DEFAULT_PROVIDER"];
  const wanted =
    asked ?? existing ?? (fromEnvironment ? asProvider(fromEnvironment, "VAGRANT_DEFAULT_PROVIDER") : undefined);
  const reasons: string[] = [];
  for (const provider of wanted === undefined ? PROVIDERS : [wanted]) {
    const found = await (provider === "virtualbox" ? probeVirtualBox(deps) : probeLibvirt(deps, options.folder));
    if ("version" in found) {
      if (provider === "virtualbox") requirePair(options.vagrantVersion, found.version);
      return provider;
    }
    reasons.push(found.reason);
  }
  throw new UserError({
    code: "missing-program",
    message: `No program that runs VMs works on this computer: ${reasons.join("; ")}.`,
    hint:
      deps.platform === "linux"
        ? "Ask IT to install VirtualBox, or libvirt with vagrant-libvirt, and on libvirt to put you into the group libvirt."
        : "Ask IT to install VirtualBox (once, as an administrator).",
  });
}

type Found = { version: string } | { reason: string };

async function probeVirtualBox(deps: Needs): Promise<Found> {
  const program = await findVBoxManage(deps);
  if (program === undefined) return { reason: "VirtualBox is not installed" };
  const result = await deps.processes.run(program, ["--version"], { timeoutMs: 60_000, signal: deps.signal });
  // Its complaints about a missing driver come before the version, on standard output, with exit code 0.
  const version = result.stdout.trim().split("\n").at(-1)?.trim() ?? "";
  if (
    /vboxdrv kernel module is not loaded|WARNING: The character device \/dev\/vboxdrv/.test(
      result.stdout + result.stderr,
    )
  )
    return { reason: "VirtualBox is installed, but its driver (vboxdrv) is not loaded" };
  if (result.exitCode !== 0 || !/^\d+\.\d+/.test(version))
    return { reason: `VirtualBox is installed but does not work (${firstLine(result.stderr || result.stdout)})` };
  return { version };
}

/** Where Vagrant looks too (plugins/providers/virtualbox/driver/base.rb): the installer's variables, then PATH. */
export async function findVBoxManage(deps: Pick<Deps, "processes" | "env" | "platform">): Promise<string | undefined> {
  if (deps.platform === "win32")
    for (const variable of ["VBOX_INSTALL_PATH", "VBOX_MSI_INSTALL_PATH"])
      for (const folder of (deps.env[variable] ?? "").split(";").filter((part) => part !== "")) {
        const found = await deps.processes.which(path.join(folder, "VBoxManage.exe"));
        if (found !== undefined) return found;
      }
  return await deps.processes.which("VBoxManage");
}

async function probeLibvirt(deps: Needs, folder: string): Promise<Found> {
  if (deps.platform !== "linux") return { reason: "libvirt runs on Linux only" };
  const answers = await libvirtAnswers();
  if (answers !== true) return { reason: answers };
  const plugins = await deps.processes.run("vagrant", commandLines.plugins(), {
    cwd: folder,
    env: vagrantEnvironment(),
    timeoutMs: 60_000,
    signal: deps.signal,
  });
  if (!/vagrant-libvirt/.test(plugins.stdout)) return { reason: "Vagrant's plugin vagrant-libvirt is not installed" };
  return { version: "" };
}

/** The system's libvirt, as one daemon or as one for QEMU alone. */
const SOCKETS = ["/run/libvirt/libvirt-sock", "/var/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock"];

/** The first of libvirt's sockets that is there; whether anybody answers is another question. */
export function libvirtSocket(): string | undefined {
  return SOCKETS.find((socket) => fs.existsSync(socket));
}

async function libvirtAnswers(): Promise<true | string> {
  let denied = false;
  for (const socket of SOCKETS) {
    const outcome = await new Promise<string>((resolve) => {
      const connection = net.connect({ path: socket });
      connection.setTimeout(5000, () => connection.destroy(new Error("timeout")));
      connection.once("connect", () => {
        connection.destroy();
        resolve("open");
      });
      connection.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "failed"));
    });
    if (outcome === "open") return true;
    denied ||= outcome === "EACCES";
  }
  return denied ? "libvirt is running, but you may not use it (group libvirt)" : "libvirt is not running";
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0] ?? "";
}
