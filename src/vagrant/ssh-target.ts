/**
 * How to reach the VM when .notebox/endpoints.json is not there or out of date: asks Vagrant, which takes a few
 * seconds. The usual way is readEndpoints in machine-files.ts.
 */
import type { Deps, SshTarget } from "../ports.ts";
import { createVagrant } from "./client.ts";
import { commandLines, vagrantEnvironment } from "./command-lines.ts";
import { hasVagrantfile } from "./machine-files.ts";

type Needs = Pick<Deps, "processes" | "reporter" | "signal" | "log" | "clock">;

export interface Found {
  /** Vagrant's word for the VM's state: running, poweroff, not_created, … */
  state: string;
  /** The state for a person. */
  text: string;
  /** Only when it is running. */
  ssh?: SshTarget;
  /** Port in the VM to port on this computer, as far as Vagrant knows them (not with libvirt). */
  ports: ReadonlyMap<number, number>;
}

/** Throws UserError `missing-program` when there is no Vagrant, `vagrant` when it fails. */
export async function findVm(deps: Needs, folder: string): Promise<Found> {
  // Never rendered, so never started; Vagrant would look in the folders above.
  if (!hasVagrantfile(folder)) return { state: "not_created", text: "there is none yet", ports: new Map() };
  const vagrant = createVagrant(deps, { folder });
  const { state, text } = await vagrant.status();
  if (state !== "running") return { state, text, ports: new Map() };
  const env = vagrantEnvironment();
  const config = await deps.processes.run("vagrant", commandLines.sshConfig(), {
    cwd: folder,
    env,
    signal: deps.signal,
  });
  const ssh = await readSshConfig(config.stdout);
  const { messages } = await vagrant.run(commandLines.port());
  const ports = messages
    .filter((message) => message.type === "forwarded_port")
    .map(({ data }): [number, number] => [Number(data[0]), Number(data[1])]);
  return { state, text, ...(ssh === undefined ? {} : { ssh }), ports: new Map(ports) };
}

/** The target in what `vagrant ssh-config` prints; undefined when it lacks something. */
export async function readSshConfig(text: string): Promise<SshTarget | undefined> {
  const { default: SSHConfig } = await import("ssh-config");
  const found = SSHConfig.parse(text).compute("default");
  const one = (name: string) => {
    const value = found[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const [host, port, username, key] = [one("HostName"), Number(one("Port") ?? 22), one("User"), one("IdentityFile")];
  if (host === undefined || username === undefined || key === undefined || !Number.isInteger(port)) return undefined;
  return { host, port, username, privateKeyPath: key };
}
