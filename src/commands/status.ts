/**
 * `notebox status`: how the VM and its services are. One question over SSH where the VM is up; Vagrant, which takes
 * a second or two, is asked only when that gets no answer.
 */
import type { Deps } from "../ports.ts";
import { createVagrant } from "../vagrant/client.ts";
import { askGuest } from "../vagrant/guest.ts";
import { withVagrantHome } from "../vagrant/home.ts";
import { requireVagrant } from "../vagrant/installed.ts";
import { atWork } from "../vagrant/lock.ts";
import { existingProvider, readEndpoints, requireWorkbenchFolder } from "../vagrant/machine-files.ts";

export interface StatusOptions {
  folder: string;
}

export interface StatusResult {
  /** running, not_created, or Vagrant's word for anything between. */
  vm: string;
  provider: string | null;
  /** Whether the VM answers over SSH; null when it was not asked. */
  answers: boolean | null;
  /** The command that is at work on the VM, such as up; null when none is. */
  busy: string | null;
  services: {
    name: string;
    kind: string;
    /** Not there where the host does not reach it. */
    url?: string;
    /** systemd's word: active, activating, failed, inactive; null when the VM does not answer. */
    state: string | null;
  }[];
}

export async function status(deps: Deps, options: StatusOptions): Promise<StatusResult> {
  const { folder } = options;
  requireWorkbenchFolder(folder);
  const provider = existingProvider(folder);
  const busy = atWork(deps, folder)?.command ?? null;
  if (provider === undefined) return { vm: "not_created", provider: null, answers: null, busy, services: [] };
  const endpoints = readEndpoints(folder);
  const services = Object.entries(endpoints?.services ?? {}).map(([name, service]) => ({ name, ...service }));
  // Names and kinds are checked here because they come from a file and go into a command.
  const units = services.map(({ name, kind }) => (/^[a-z0-9-]+$/.test(name + kind) ? `${kind}@${name}.service` : "-"));
  const answer =
    endpoints?.ssh &&
    (await askGuest(deps, endpoints.ssh, `systemctl is-active -- ${units.join(" ")}\nexit 0\n`, 8000));
  if (answer !== undefined && answer.code === 0) {
    const states = answer.stdout.trim().split("\n");
    return {
      vm: "running",
      provider,
      answers: true,
      busy,
      services: services.map((service, at) => ({ ...service, state: states[at] || null })),
    };
  }
  const home = await withVagrantHome(deps, folder);
  await requireVagrant(home, folder);
  const { state } = await createVagrant(home, { folder }).status();
  const up = state === "running";
  return {
    vm: state,
    provider: state === "not_created" ? null : provider,
    answers: up ? false : null,
    busy,
    services: up ? services.map((service) => ({ ...service, state: null })) : [],
  };
}
