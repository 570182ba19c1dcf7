// What the quickstart's VM leaves in libvirt: the VM itself when Vagrant had no time to note it, volumes, a network.
// Only what is provably the quickstart's is removed: by its folder, its box's versions, or because it was not
// there before. Daemons and files are left to ../libvirt.mjs.
import { execFileSync } from "node:child_process";

/** virsh's standard output, or undefined when it fails. */
export function virsh(args) {
  try {
    const options = { encoding: "utf8", timeout: 120_000, stdio: ["ignore", "pipe", "pipe"] };
    return execFileSync("virsh", ["-q", "-c", "qemu:///system", ...args], options);
  } catch {
    return undefined;
  }
}

export const names = (args) =>
  (virsh(args) ?? "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** Deletes the VMs that share folders of this workbench folder. */
export function removeMachines(workbench, say) {
  for (const id of names(["list", "--all", "--uuid"])) {
    if (!(virsh(["dumpxml", id]) ?? "").includes(`dir='${workbench}/`)) continue;
    virsh(["destroy", id]);
    if (virsh(["undefine", id, "--remove-all-storage", "--nvram"]) !== undefined) say(`deleted the VM ${id}`);
  }
}

/**
 * vagrant-libvirt puts each box into a storage pool and leaves it there, even after `vagrant box remove`. A disk that
 * is based on it can be left too, when a start was killed before the VM was made.
 */
export function removeVolumes(boxName, versions, say) {
  const prefixes = versions.map((version) => `${boxName.replace("/", "-VAGRANTSLASH-")}_vagrant_box_image_${version}_`);
  const isBox = (volume) => prefixes.some((prefix) => volume.startsWith(prefix));
  for (const pool of names(["pool-list", "--name"])) {
    const volumes = names(["vol-list", pool]).map((line) => line.split(/\s+/)[0]);
    const onTop = volumes.filter((volume) => {
      const backing = /<backingStore>\s*<path>(.*?)<\/path>/.exec(virsh(["vol-dumpxml", volume, "--pool", pool]) ?? "");
      return backing !== null && isBox(backing[1].split("/").at(-1));
    });
    for (const volume of [...onTop, ...volumes.filter(isBox)])
      if (virsh(["vol-delete", volume, "--pool", pool]) !== undefined) say(`removed the volume ${volume}`);
  }
}

/** Removes Vagrant's network when it was not there before the quickstart and no VM uses it. */
export function removeNetwork(before, say) {
  const network = "vagrant-libvirt";
  if (before === undefined || before.includes(network) || !names(["net-list", "--all", "--name"]).includes(network))
    return;
  const used = names(["list", "--all", "--uuid"]).some((id) =>
    (virsh(["dumpxml", id]) ?? "").includes(`network='${network}'`),
  );
  if (used) return say(`left the network ${network}: another VM uses it`);
  virsh(["net-destroy", network]);
  if (virsh(["net-undefine", network]) !== undefined) say(`removed the network ${network}`);
}
