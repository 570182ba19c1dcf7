/** What `up` has to do, given how the VM is found. Pure. */

export interface Found {
  /** Vagrant's word for the VM's state. */
  state: string;
  /** It came as far as being set up at least once; before that, nothing of anybody's can be in it. */
  begun: boolean;
  /** `up` once finished with this very VM. */
  finished: boolean;
  /** Ports, folders and memory are those that the VM was started with. */
  sameMachine: boolean;
  /** The addresses were written, so the last start went through. */
  hasEndpoints: boolean;
  /** Hash that the guest was provisioned with; undefined when it does not answer or was never provisioned. */
  provisioned: string | undefined;
  /** This computer's proxies, certificates and the like are those that the VM was given. */
  sameNetwork: boolean;
  answers: boolean;
}

export type Action =
  /** Nothing: the VM runs as the workbench says. */
  | "none"
  /** `vagrant up`: it does not exist, or it is off. */
  | "up"
  /** `vagrant provision`: it runs, only what is in it has changed. */
  | "provision"
  /** `vagrant reload`: it runs, but its ports, folders or memory have changed, or its start was broken off. */
  | "reload"
  /** It runs but does not answer: off by force, then `vagrant up`. */
  | "restart"
  /** Its making was broken off; it may lack anything, a network card say: `vagrant destroy`, then `vagrant up`. */
  | "remake";

export function planUp(found: Found, hash: string): Action {
  if (found.state !== "not_created" && !found.begun) return "remake";
  if (found.state !== "running") return isStuck(found.state) ? "restart" : "up";
  if (!found.answers) return "restart";
  if (!found.finished || !found.sameMachine || !found.hasEndpoints) return "reload";
  return found.provisioned === hash && found.sameNetwork ? "none" : "provision";
}

/** States out of which `vagrant up` alone does not lead: VirtualBox's guru meditation, libvirt's VM without address. */
function isStuck(state: string): boolean {
  return ["gurumeditation", "stuck", "inaccessible", "crashed", "pmsuspended", "unknown", "blocked"].includes(state);
}
