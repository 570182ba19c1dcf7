/**
 * Doctor's list: the checks of this computer, in the order in which they are told; the same order and the same faults as
 * templates/vagrant/host_checks.rb. The questions themselves are in the host-*.ts files.
 */
import type { Check } from "./check.ts";
import { Computer, type Needs, type Subject } from "./computer.ts";
import { placeChecks } from "./host-places.ts";
import { programChecks } from "./host-programs.ts";
import { type ShareInputs, shareChecks } from "./host-share.ts";
import { vmChecks } from "./host-vm.ts";

export interface DoctorInputs {
  subject: Subject;
  share: ShareInputs;
  /** Folders that the VM shares, relative. */
  folders: readonly string[];
}

export const DOCTOR_ORDER: readonly string[] = [
  ...["folder", "place", "vagrant", "virtualbox", "virtualbox-folder", "virtualbox-driver", "virtualisation"],
  ...["hypervisor", "hardening", "network", "vagrant-home", "vm-folder", "path", "downloaded", "policy", "powershell"],
  ...["registry", "door", "door-account", "door-type", "proxy", "certificate", "catalog", "architecture", "checksum"],
  ...["download", "leftovers", "memory", "busy", "ports", "real-folders", "key", "shared-folders", "links", "plugins"],
  "machine",
];

/** What `up` asks itself before it starts a VM; programs and provider it has chosen by then, and the lock is its own. */
export const BEFORE_START: readonly string[] = ["vagrant-home", "vm-folder", "memory", "ports"];

export function doctorChecks(deps: Needs, inputs: DoctorInputs): Check[] {
  const computer = new Computer(deps, inputs.subject);
  const checks: Record<string, Check> = {
    ...programChecks(computer),
    ...placeChecks(computer, inputs.folders),
    ...shareChecks(computer, inputs.share),
    ...vmChecks(computer),
  };
  return DOCTOR_ORDER.map((id) => {
    const check = checks[id];
    if (check === undefined) throw new Error(`doctor's list names ${id}, which is no check`);
    return check;
  });
}
