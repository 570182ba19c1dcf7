/**
 * A running VM → a .box by `vagrant package`, after the VM was made to forget what is its own. What is asked of the VM
 * before, and what becomes of the box, is the command's. The script that runs in the guest is boxes/from-vm.sh.
 */
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { UserError } from "../errors.ts";
import type { Deps, SshTarget } from "../ports.ts";
import type { VagrantClient } from "./client.ts";
import { commandLines, type Provider } from "./command-lines.ts";
import { askGuest } from "./guest.ts";
import { forgetAddresses, machineFolder } from "./machine-files.ts";

/** Logs are overwritten and the disk is trimmed: on a slow computer that takes minutes. */
const SEAL_MS = 600_000;
const OFF_MS = 180_000;

/** vagrant-libvirt calls it without looking whether it is there, and packs a disk that is not whole without it. */
const QEMU_IMG = "qemu-img";

/**
 * What vagrant-libvirt runs on the disk before it packs it (action/package_domain.rb), and cannot be told to leave out.
 * The VM has forgotten and trimmed by itself; these would boot a system of their own for it, from a kernel that only
 * root may read on some distributions.
 */
const NOT_NEEDED = ["virt-sysprep", "virt-sparsify"];

/** Throws UserError `missing-program`. */
export async function requirePackers(deps: Pick<Deps, "processes">, provider: Provider): Promise<void> {
  if (provider !== "libvirt") return;
  if (!(await deps.processes.which(QEMU_IMG)))
    throw new UserError({
      code: "missing-program",
      message: `Packing a VM of libvirt needs ${QEMU_IMG}, which is not on this computer.`,
      hint: "On Debian or Ubuntu: apt-get install qemu-utils.",
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
  deps: Pick<Deps, "env">,
  vagrant: VagrantClient,
  place: { folder: string; provider: Provider; file: string },
): Promise<void> {
  const { folder, provider, file } = place;
  forgetAddresses(folder);
  // The VM lets Vagrant's well-known key in again; with the file there, Vagrant would pack a key that opens nothing
  // (lib/vagrant/action/general/package.rb, setup_private_key).
  await fs.rm(path.join(machineFolder(folder, provider), "private_key"), { force: true });
  if (provider !== "libvirt") {
    await vagrant.must(commandLines.package(file), { steps: "package" });
    return;
  }
  const bin = await fs.mkdtemp(path.join(os.tmpdir(), "notebox-package-"));
  try {
    for (const name of NOT_NEEDED) await fs.writeFile(path.join(bin, name), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    const env = { PATH: `${bin}${path.delimiter}${deps.env["PATH"] ?? ""}` };
    await vagrant.must(commandLines.package(file), { steps: "package", env });
  } finally {
    await fs.rm(bin, { recursive: true, force: true });
  }
}
