/**
 * Ports on this computer that our own VM's forwarding holds, so that a second `up` does not take them for a stranger's.
 * VirtualBox forwards by itself while the VM runs; vagrant-libvirt starts one ssh for each port and notes its number.
 */
import fs from "node:fs";
import path from "node:path";
import type { Deps } from "../ports.ts";
import type { Provider } from "./command-lines.ts";
import { commandLines, vagrantEnvironment } from "./command-lines.ts";
import { machineFolder, readEndpoints } from "./machine-files.ts";
import { parseMessage } from "./machine-readable.ts";

export async function ownPorts(
  deps: Pick<Deps, "processes" | "signal">,
  folder: string,
  provider: Provider,
  running: boolean,
): Promise<ReadonlySet<number>> {
  const ports = new Set<number>();
  if (running)
    for (const { url } of Object.values(readEndpoints(folder)?.services ?? {})) ports.add(Number(new URL(url).port));
  if (provider === "libvirt") for (const port of forwardedBySsh(deps, folder)) ports.add(port);
  else if (running && ports.size === 0) for (const port of await forwardedByVirtualBox(deps, folder)) ports.add(port);
  return ports;
}

/** .vagrant/…/libvirt/pids/ssh_8888.pid (vagrant-libvirt, forward_ports.rb). */
function forwardedBySsh(deps: Pick<Deps, "processes">, folder: string): number[] {
  const pids = path.join(machineFolder(folder, "libvirt"), "pids");
  let names: string[] = [];
  try {
    names = fs.readdirSync(pids);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const port = Number(/^ssh_(\d+)\.pid$/.exec(name)?.[1] ?? Number.NaN);
    const pid = Number(fs.readFileSync(path.join(pids, name), "utf8").trim());
    return Number.isNaN(port) || !deps.processes.isAlive({ pid, started: "" }) ? [] : [port];
  });
}

/** `vagrant port --machine-readable`: …,default,forwarded_port,<guest>,<host> */
async function forwardedByVirtualBox(deps: Pick<Deps, "processes" | "signal">, folder: string): Promise<number[]> {
  const result = await deps.processes.run("vagrant", commandLines.port(), {
    cwd: folder,
    env: vagrantEnvironment(),
    signal: deps.signal,
  });
  return result.stdout.split("\n").flatMap((line) => {
    const message = parseMessage(line.trim());
    return message?.type === "forwarded_port" ? [Number(message.data[1])] : [];
  });
}
