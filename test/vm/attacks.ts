/**
 * What a hostile notebook and a hostile root in the VM try: to become root; to write something that the host will
 * run or believe. Each trial throws when an attempt succeeded.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { inGuest } from "./guest.ts";
import { inKernel } from "./kernel.ts";
import { type Lab, notebox } from "./lab.ts";
import { run, told } from "./programs.ts";
import { expect } from "./trials.ts";

const SHARED = ["notebooks", "api"];

// Each line is one attempt; `owned` is printed for one that worked.
const KERNEL_ATTEMPTS = `
import os, subprocess
def attempt(name, *command, said=""):
    try:
        done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=60)
        won = done.returncode == 0 and "uid=0" in done.stdout
    except (OSError, subprocess.TimeoutExpired):
        won = False
    print(name, "owned" if won else "refused")
attempt("sudo", "sudo", "-n", "id")
for password in ("vagrant", "", "notebox", "root"):
    attempt("sudo with a password", "sudo", "-S", "id", said=password + "\\n")
    attempt("su", "su", "-", "root", "-c", "id", said=password + "\\n")
    attempt("su by way of vagrant", "su", "-", "vagrant", "-c", "sudo -n id", said=password + "\\n")
attempt("pkexec", "pkexec", "id")
attempt("unshare", "unshare", "--mount", "--pid", "--fork", "id")
attempt("ssh to itself", "ssh", "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes", "vagrant@127.0.0.1", "sudo -n id")
attempt("systemd-run", "systemd-run", "--pipe", "--wait", "id")
attempt("a setuid shell", "bash", "-c", "cp /bin/bash /tmp/trial && chmod 4755 /tmp/trial && sudo -n chown root /tmp/trial && /tmp/trial -p -c id")
for path in ("/etc/sudoers.d/trial", "/etc/systemd/system/trial.service", "/etc/ld.so.preload", "/opt/notebox/lib/trial.py",
             "/home/vagrant/.ssh/authorized_keys", "/var/lib/notebox/tokens/jupyter", "/etc/notebox/workbench/name", "/etc/cron.d/trial"):
    try:
        with open(path, "a"):
            print("writing", path, "owned")
    except OSError:
        print("writing", path, "refused")
for path in ("/etc/shadow", "/var/lib/notebox/tokens/hello", "/home/vagrant/.ssh/authorized_keys"):
    try:
        with open(path):
            print("reading", path, "owned")
    except OSError:
        print("reading", path, "refused")
`;

/** `su`, `sudo` and their kin from a kernel. */
export async function kernelStaysUnprivileged(lab: Lab): Promise<string> {
  const lines = (await inKernel(lab, KERNEL_ATTEMPTS)).trim().split("\n");
  const owned = lines.filter((line) => line.endsWith("owned"));
  expect(owned.length === 0, `a kernel got through: ${owned.join("; ")}`);
  const refused = lines.filter((line) => line.endsWith("refused")).length;
  expect(refused === lines.length && refused > 20, `unexpected answers:\n${lines.join("\n")}`);
  return `${refused} attempts refused`;
}

// Everything root may try that could end outside the shared folders. Failures are expected and swallowed.
const ROOT_ATTEMPTS = `
set +e
for share in /home/notebox/notebooks /home/notebox/api /var/lib/notebox/host/notebooks /run/vboxsf/*; do
  [ -d "$share" ] || continue
  cd "$share" || continue
  echo 'system("touch /tmp/notebox-trial-owned")' >../Vagrantfile
  echo 'system("touch /tmp/notebox-trial-owned")' >./../Vagrantfile
  ln -s ../Vagrantfile link-to-vagrantfile && echo '# owned' >>link-to-vagrantfile
  ln -s .. link-to-parent && echo '# owned' >>link-to-parent/Vagrantfile && mkdir -p link-to-parent/planted
  ln -s /etc/hostname link-to-the-hosts-file
  mv -T link-to-parent ../moved
  mknod device b 8 0
  mount --move "$share" /mnt; umount /mnt
done
# Folders that were never shared.
for tag in vagrant workbench home_notebox root . .. / provision .notebox .vagrant; do
  mkdir -p /mnt/trial
  mount -t 9p -o trans=virtio "$tag" /mnt/trial && echo '# owned' >>/mnt/trial/Vagrantfile && umount /mnt/trial
  mount -t virtiofs "$tag" /mnt/trial && echo '# owned' >>/mnt/trial/Vagrantfile && umount /mnt/trial
  mount -i -t vboxsf "$tag" /mnt/trial && echo '# owned' >>/mnt/trial/Vagrantfile && umount /mnt/trial
done
[ ! -e /vagrant ] || echo '# owned' >>/vagrant/Vagrantfile
true
`;

/** Every file of the lab but those in the shared folders, with its hash; links as what they point to. */
function hostFiles(lab: Lab): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (folder: string): void => {
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
      const file = path.join(folder, entry.name);
      const relative = path.relative(lab.folder, file);
      // Shared by intent; written by the host itself at every command; a socket or a log of the provider.
      if (SHARED.some((name) => file === path.join(lab.workbench, name))) continue;
      if (/^workbench\/\.notebox\/(logs|[^/]*lock[^/]*$)|^vagrant-home\/data\//.test(relative)) continue;
      if (entry.isDirectory()) walk(file);
      else if (entry.isSymbolicLink()) found.set(relative, `-> ${fs.readlinkSync(file)}`);
      else if (entry.isFile() && !file.endsWith(".box") && !/\.(vmdk|qcow2|img)$/.test(file))
        found.set(relative, createHash("sha256").update(fs.readFileSync(file)).digest("hex"));
    }
  };
  walk(lab.folder);
  return found;
}

/** Root in the VM tries to write outside the shared folders, by links, by mounts, by what the host reads later. */
export async function rootStaysInside(lab: Lab): Promise<string> {
  const before = hostFiles(lab);
  await inGuest(lab.workbench, ROOT_ATTEMPTS, 180);
  const after = hostFiles(lab);
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (file) => before.get(file) !== after.get(file),
  );
  expect(changed.length === 0, `root in the VM changed ${changed.join(", ")} on the host`);
  expect(!fs.existsSync("/tmp/notebox-trial-owned"), "the host ran what root in the VM wrote");
  await handOutFollowsNoLink(lab);
  return `${before.size} files of the host untouched`;
}

/** A link that the VM planted in notebooks/ must not carry a file of the host into the hand-out. */
async function handOutFollowsNoLink(lab: Lab): Promise<void> {
  const secret = path.join(lab.folder, "secret.txt");
  const zip = path.join(lab.folder, "hand-out.zip");
  const link = path.join(lab.workbench, "notebooks", "link-to-a-secret.txt");
  fs.writeFileSync(secret, "a file of the host");
  fs.symlinkSync(secret, link);
  const outcome = await notebox(lab, ["render", "--zip", zip]);
  fs.rmSync(link);
  fs.rmSync(secret);
  if (outcome.code === 0) {
    const listed = await run("unzip", ["-p", zip]);
    fs.rmSync(zip);
    expect(!listed.stdout.includes("a file of the host"), "the hand-out holds a file that a link points to");
  } else expect(outcome.code === 10 || outcome.code === 3, told("render --zip with a link in notebooks/", outcome));
}

const HOSTILE = '"><script>alert(1)</script>';

/** What the host believes of the VM: a hostile token must not become script in the page that the host opens. */
export async function hostileTokenIsNoScript(lab: Lab): Promise<string> {
  const token = "/var/lib/notebox/tokens/jupyter";
  const aside = "/root/notebox-trial-jupyter-token";
  await inGuest(lab.workbench, `cp -p ${token} ${aside}; printf '%s' '${HOSTILE}${"a".repeat(64)}' >${token}`);
  try {
    await notebox(lab, ["up", "--provider", lab.provider]);
    const page = path.join(lab.workbench, ".notebox", "open.html");
    const text = fs.existsSync(page) ? fs.readFileSync(page, "utf8") : "";
    expect(!text.includes("<script>alert(1)"), "the token became script in .notebox/open.html");
    return text === "" ? "no page was written" : "the page holds it as data";
  } finally {
    await inGuest(lab.workbench, `cp -p ${aside} ${token}; rm ${aside}; systemctl restart jupyter@jupyter`);
    await notebox(lab, ["up", "--provider", lab.provider]);
  }
}
