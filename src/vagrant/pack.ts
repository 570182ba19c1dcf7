/**
 * A running VM → a .box by `vagrant package`, after the VM was made to forget what is its own. What is asked of the VM
 * before, and what becomes of the box, is the command's. The script that runs in the guest is boxes/from-vm.sh.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { UserError } from "../errors.ts";
import type { Deps, SshTarget } from "../ports.ts";
import type { VagrantClient } from "./client.ts";
import { commandLines, type Provider } from "./command-lines.ts";
import { askGuest } from "./guest.ts";
import { forgetAddresses, machineFolder } from "./machine-files.ts";

const SEAL_MS = 180_000;
const OFF_MS = 180_000;

/**
 * What vagrant-libvirt calls without looking whether it is there (action/package_domain.rb); without them it packs a
 * disk that is not whole.
 */
const LIBVIRT_PROGRAMS = ["qemu-img", "virt-sysprep", "virt-sparsify"];

/** Throws UserError `missing-program`. */
export async function requirePackers(deps: Pick<Deps, "processes">, provider: Provider): Promise<void> {
  if (provider !== "libvirt") return;
  const missing: string[] = [];
  for (const name of LIBVIRT_PROGRAMS) if (!(await deps.processes.which(name))) missing.push(name);
  if (missing.length > 0)
    throw new UserError({
      code: "missing-program",
      message: `Packing a VM of libvirt needs what is not on this computer: ${missing.join(", ")}.`,
      hint: "On Debian or Ubuntu: apt-get install qemu-utils guestfs-tools (older: libguestfs-tools).",
    });
}

/** Makes the VM forget, and waits until it is off. Throws UserError `vagrant`, `interrupted`. */
export async function sealVm(
  deps: Pick<Deps, "ssh" | "signal" | "log" | "clock" | "assets">,
  vagrant: VagrantClient,
  target: SshTarget,
): Promise<void> {
  const answer = await askGuest(deps, target, await sealScript(deps.assets, target.username), SEAL_MS);
  if (answer?.code !== 0 || !answer.stdout.includes("notebox: ready to be packed")) {
    const said = /notebox: failed: (.*)/.exec(answer?.stdout ?? "")?.[1] ?? answer?.stderr.trim().split("\n").at(-1);
    throw new UserError({
      code: "vagrant",
      message: `The VM could not be made ready to be packed${said ? `: ${said}` : "; it did not answer to the end"}.`,
      hint: "`notebox up` makes it sound again; then run this once more.",
    });
  }
  const end = deps.clock.now() + OFF_MS;
  while ((await vagrant.status()).state === "running") {
    if (deps.clock.now() > end)
      throw new UserError({
        code: "vagrant",
        message: "The VM did not turn itself off within three minutes.",
        hint: "Stop it with `notebox down`, start it with `notebox up`, and run this once more.",
      });
    await deps.clock.sleep(1000, deps.signal);
  }
}

/** All files in one script, quoted, so that nothing of them is read by the outer shell. */
async function sealScript(assets: string, account: string): Promise<string> {
  const files = { "forget.sh": "forget.sh", "from-vm.sh": "from-vm.sh", "vagrant.pub": "debian-13/vagrant.pub" };
  const parts = await Promise.all(
    Object.entries(files).map(async ([name, file]) => {
      const text = await fs.readFile(path.join(assets, "boxes", file), "utf8");
      return `cat >"$dir/${name}" <<'NOTEBOX-END'\n${text.endsWith("\n") ? text : `${text}\n`}NOTEBOX-END\n`;
    }),
  );
  const quoted = `'${account.replaceAll("'", "'\\''")}'`;
  return `set -eu\ndir=$(mktemp -d)\n${parts.join("")}sudo -n bash "$dir/from-vm.sh" ${quoted}\n`;
}

/** The VM, which is off, into `file`. */
export async function packVm(
  vagrant: VagrantClient,
  place: { folder: string; provider: Provider; file: string },
): Promise<void> {
  const { folder, provider, file } = place;
  forgetAddresses(folder);
  // The VM lets Vagrant's well-known key in again; with the file there, Vagrant would pack a key that opens nothing
  // (lib/vagrant/action/general/package.rb, setup_private_key).
  await fs.rm(path.join(machineFolder(folder, provider), "private_key"), { force: true });
  await vagrant.must(commandLines.package(file), { steps: "package" });
}
