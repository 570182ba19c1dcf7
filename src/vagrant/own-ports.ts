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
    for (const { url } of Object.values(readEndpoints(folder)?.services ?? {}))
      if (url !== undefined) ports.add(Number(new URL(url).port));
  if (provider === "libvirt") for (const { port } of forwards(folder)) ports.add(port);
  else if (running && ports.size === 0) for (const port of await forwardedByVirtualBox(deps, folder)) ports.add(port);
  return ports;
}

/** One ssh for each port: .vagrant/…/libvirt/pids/ssh_8888.pid (vagrant-libvirt, forward_ports.rb). */
function forwards(folder: string): { port: number; pid: number; file: string }[] {
  const pids = path.join(machineFolder(folder, "libvirt"), "pids");
  let names: string[] = [];
  try {
    names = fs.readdirSync(pids);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const port = Number(/^ssh_(\d+)\.pid$/.exec(name)?.[1] ?? Number.NaN);
    const file = path.join(pids, name);
    const pid = Number(fs.readFileSync(file, "utf8").trim());
    return Number.isNaN(port) || !isForward(pid) ? [] : [{ port, pid, file }];
  });
}

/** Whether that process is an ssh that forwards ports; its number may belong to something else by now. */
function isForward(pid: number): boolean {
  try {
    const words = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return path.basename(words[0] ?? "") === "ssh" && words.includes("-L");
  } catch {
    return false;
  }
}

/** Forwards into a VM that is off (it crashed, say) hold the ports that the next start needs; Vagrant ends them at `halt` only. */
export async function endStaleForwards(
  deps: Pick<Deps, "processes" | "signal" | "log">,
  folder: string,
): Promise<void> {
  for (const { pid, port, file } of forwards(folder)) {
    deps.log.write("recover", { forward: port, pid });
    await deps.processes.end({ pid, started: "" }, { graceMs: 2000, signal: deps.signal });
    fs.rmSync(file, { force: true });
  }
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
