/**
 * What this computer must offer before the VM starts: disk, memory and free ports. Every fault is found, none is
 * mended. What is found out stands apart from what follows from it, so that the second part is pure.
 */
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import type { Problem } from "../errors.ts";
import type { Deps } from "../ports.ts";
import type { Workbench } from "../workbench/model.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** The box unpacked and a VM that grows a little; measured with the Debian 13 box and the base packages. */
const NEW_VM_BYTES = 6 * GIB;
/** What a VM that exists needs to start. */
const OLD_VM_BYTES = 1 * GIB;
/** What the rest of the computer needs beside the VM. */
const HOST_MEMORY_MIB = 512;

export interface Computer {
  /** Where the VM's disk and the boxes go: folder and free bytes; undefined where that cannot be found out. */
  disks: readonly { folder: string; free: number }[];
  totalMemoryMiB: number;
  /** undefined where the system's figure says nothing (macOS fills memory with caches). */
  freeMemoryMiB: number | undefined;
  /** Ports of the workbench that something else holds. */
  takenPorts: ReadonlyMap<number, string>;
}

export interface VmNow {
  exists: boolean;
  running: boolean;
  /** Ports on this computer that our own VM's forwarding holds. */
  ports: ReadonlySet<number>;
}

/** Pure: all faults at once, worst first. */
export function findProblems(workbench: Workbench, computer: Computer, vm: VmNow): Problem[] {
  const problems: Problem[] = [];
  const needed = vm.exists ? OLD_VM_BYTES : NEW_VM_BYTES;
  if (!vm.running)
    for (const disk of computer.disks.filter((one) => one.free < needed))
      problems.push({
        id: "disk-space",
        message: `The disk with ${disk.folder} has ${gib(disk.free)} free; the VM needs ${gib(needed)}.`,
        hint: "Free some space, or set VAGRANT_HOME to a folder on a larger local disk.",
        value: disk.free,
      });
  const memory = workbench.machine.memoryMiB;
  if (memory + HOST_MEMORY_MIB > computer.totalMemoryMiB)
    problems.push({
      id: "memory",
      message: `The VM is to have ${memory} MiB of memory, but this computer has ${computer.totalMemoryMiB} MiB in all.`,
      hint: "Give it less in workbench.yaml (machine: memory:).",
      value: memory,
    });
  else if (!vm.running && computer.freeMemoryMiB !== undefined && memory > computer.freeMemoryMiB)
    problems.push({
      id: "memory",
      message: `The VM is to have ${memory} MiB of memory, but only ${computer.freeMemoryMiB} MiB are free now.`,
      hint: "Close other programs, or give the VM less in workbench.yaml (machine: memory:).",
      value: memory,
    });
  for (const service of workbench.services) {
    if (vm.ports.has(service.port)) continue;
    const reason = computer.takenPorts.get(service.port);
    if (reason === undefined) continue;
    problems.push({
      id: "port-busy",
      message: `Port ${service.port} of ${service.name} cannot be used on this computer: ${reason}.`,
      hint: `Close the program that uses it, or give ${service.name} another \`port:\` in workbench.yaml.`,
      value: service.port,
    });
  }
  return problems;
}

function gib(bytes: number): string {
  return bytes < GIB ? `${Math.floor(bytes / MIB)} MiB` : `${(Math.floor((bytes / GIB) * 10) / 10).toFixed(1)} GiB`;
}

export async function measureComputer(
  deps: Pick<Deps, "env" | "homeDir" | "platform">,
  workbench: Workbench,
  disksOf: readonly string[],
): Promise<Computer> {
  const takenPorts = new Map<number, string>();
  for (const { port } of workbench.services) {
    const reason = await whyTaken(port);
    if (reason !== undefined) takenPorts.set(port, reason);
  }
  return {
    disks: disksOf.flatMap((folder) => {
      const free = freeBytes(folder);
      return free === undefined ? [] : [{ folder, free }];
    }),
    totalMemoryMiB: Math.floor(os.totalmem() / MIB),
    freeMemoryMiB: freeMemory(deps.platform),
    takenPorts,
  };
}

/** Where a new VM's bytes go: Vagrant's home (boxes) and the provider's own place for disks. */
export function diskFolders(deps: Pick<Deps, "env" | "homeDir">, provider: string): string[] {
  const vagrantHome = deps.env["VAGRANT_HOME"] || path.join(deps.homeDir, ".vagrant.d");
  const disks = provider === "libvirt" ? "/var/lib/libvirt/images" : path.join(deps.homeDir, "VirtualBox VMs");
  return [...new Set([vagrantHome, disks])];
}

/** Of the nearest folder above that exists. undefined where the file system keeps no count (a FUSE mount may not). */
function freeBytes(folder: string): number | undefined {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    try {
      const { bavail, bsize, blocks } = fs.statfsSync(at);
      return blocks === 0 ? undefined : bavail * bsize;
    } catch {
      if (path.dirname(at) === at) return undefined;
    }
  }
}

function freeMemory(platform: NodeJS.Platform): number | undefined {
  if (platform === "darwin") return undefined;
  if (platform !== "linux") return Math.floor(os.freemem() / MIB);
  try {
    const available = /^MemAvailable:\s+(\d+) kB/m.exec(fs.readFileSync("/proc/meminfo", "utf8"))?.[1];
    return available === undefined ? undefined : Math.floor(Number(available) / 1024);
  } catch {
    return undefined;
  }
}

/**
 * Why nothing can listen on that port of 127.0.0.1, or undefined when it is free. Listening is the only sure test:
 * Windows reserves ranges that no program holds. An answer on it counts too, as some systems let two share a port.
 */
async function whyTaken(port: number): Promise<string | undefined> {
  const code = await new Promise<string | undefined>((resolve) => {
    const server = net.createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "failed"));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(undefined)));
  });
  if (code === "EADDRINUSE") return "another program uses it";
  if (code === "EACCES") return "this system keeps it for itself";
  if (code !== undefined) return `it cannot be opened (${code})`;
  const answered = await new Promise<boolean>((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1" });
    const end = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.setTimeout(500, () => end(false));
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
  return answered ? "another program uses it" : undefined;
}
