// Looks at this computer and changes nothing: what kind of system, which rights, which provider, what is missing.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { hasApt, missingPackages } from "../lib/packages.mjs";
import { initSystem, libvirtVersion } from "../libvirt.mjs";
import { readJson } from "./place.mjs";

/**
 * @param {{ root: string, place: import("./place.mjs").Place, provider: string | undefined }} about
 * @returns everything that plan.mjs decides from
 */
export function lookAtComputer({ root, place, provider }) {
  const system = osRelease();
  const accelerated = hardwareVirtualisation();
  const virtualbox = findVirtualBox(accelerated);
  const chosen = provider ?? existingProvider(place.workbench) ?? (virtualbox.works ? "virtualbox" : "libvirt");
  const apt = process.platform === "linux" && hasApt() && /^(debian|ubuntu)$/m.test(system.families.join("\n"));
  return {
    platform: process.platform,
    arch: process.arch,
    system: system.name,
    node: process.versions.node,
    apt,
    isRoot: process.getuid?.() === 0,
    provider: chosen,
    virtualbox,
    accelerated,
    init: process.platform === "linux" ? initSystem() : "other",
    libvirt: chosen === "libvirt" && process.platform === "linux" ? libvirtVersion() : undefined,
    missing: apt ? missingPackages(["box", chosen === "virtualbox" ? "vagrant" : "vm"]) : [],
    dependencies: dependenciesAreThere(root),
    vm: existingProvider(place.workbench) !== undefined,
    freeBytes: freeBytes(place.folder),
  };
}

/** What /etc/os-release says (os-release(5)). */
export function osRelease(file = "/etc/os-release") {
  let text = "";
  try {
    text = fs.readFileSync(file, "utf8");
  } catch {
    return { name: process.platform, families: [] };
  }
  const value = (name) => (new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1] ?? "").replace(/^["']|["']$/g, "");
  return {
    name: value("PRETTY_NAME") || value("ID"),
    families: [value("ID"), ...value("ID_LIKE").split(" ")].filter((word) => word !== ""),
  };
}

/** True where VMs run at full speed: the processor can, and /dev/kvm opens for reading and writing. */
export function hardwareVirtualisation(cpuinfo = "/proc/cpuinfo", device = "/dev/kvm") {
  try {
    if (!/\b(vmx|svm)\b/.test(fs.readFileSync(cpuinfo, "utf8"))) return false;
    fs.closeSync(fs.openSync(device, "r+"));
    return true;
  } catch {
    return false;
  }
}

function findVirtualBox(accelerated) {
  let said;
  try {
    said = execFileSync("VBoxManage", ["--version"], {
      encoding: "utf8",
      timeout: 30_000,
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    return { works: false, reason: error.code === "ENOENT" ? "it is not installed" : "VBoxManage --version fails" };
  }
  const version = /^\d+\.\d+\.\d+\S*/.exec(said.trim().split("\n").at(-1))?.[0];
  // Its warning about a missing driver comes on standard output, with exit code 0.
  if (!version || /vboxdrv/.test(said) || (process.platform === "linux" && !fs.existsSync("/dev/vboxdrv")))
    return { works: false, reason: "its kernel driver (vboxdrv) is not loaded" };
  if (process.platform === "linux" && !accelerated && !/\b(vmx|svm)\b/.test(fs.readFileSync("/proc/cpuinfo", "utf8")))
    return { works: false, reason: "it needs hardware virtualisation, which this computer does not offer" };
  return { works: true, version };
}

/** The provider that the quickstart's VM was made with, if there is one (Vagrant's own note of it). */
function existingProvider(workbench) {
  return ["virtualbox", "libvirt"].find((name) =>
    fs.existsSync(path.join(workbench, ".vagrant/machines/default", name, "id")),
  );
}

/** True when node_modules holds what package-lock.json says: npm writes its own list there at the very end. */
function dependenciesAreThere(root) {
  const wanted = readJson(path.join(root, "package-lock.json"))?.packages ?? {};
  const there = readJson(path.join(root, "node_modules/.package-lock.json"))?.packages;
  return there !== undefined && sameDependencies(wanted, there);
}

/** An optional package may be absent: those of other systems are. */
export function sameDependencies(wanted, there) {
  return Object.entries(wanted).every(
    ([name, { version, optional }]) =>
      name === "" || (there[name] ? there[name].version === version : optional === true),
  );
}

function freeBytes(folder) {
  for (let at = folder; ; at = path.dirname(at)) {
    try {
      const { bavail, bsize } = fs.statfsSync(at);
      return bavail * bsize;
    } catch {
      if (at === path.dirname(at)) return Number.POSITIVE_INFINITY;
    }
  }
}
