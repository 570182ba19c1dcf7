// Which Debian packages each tier of tests needs, and their installation. Used before node_modules exists,
// so it imports nothing but Node. What to do with npm packages is left to setup.mjs.
import { spawnSync } from "node:child_process";
import fs from "node:fs";

// Package names are the same in Debian 12, Debian 13 and Ubuntu 24.04, except where a list of alternatives is
// given: the first one that apt knows is taken.
const NEEDS = {
  // `npm test`: real Vagrant, ruby, nginx, shellcheck and systemd-analyze judge what notebox renders.
  test: [
    "vagrant",
    "ruby",
    "shellcheck",
    "systemd",
    "python3",
    "python3-venv",
    "unzip",
    "zip",
    "openssl",
    "openssh-client",
    "git",
    "curl",
    "ca-certificates",
    // It judges the configuration that `box serve --print nginx` prints.
    "nginx",
    // Pages and user scripts are tried in it. Ubuntu's is a snap, which not every machine can have; those tests are
    // skipped where there is none.
    ...(isDebian() ? ["chromium"] : []),
  ],
  // Building a base box.
  box: [
    "debootstrap",
    "debian-archive-keyring",
    "qemu-utils",
    "extlinux",
    "syslinux-common",
    "fdisk",
    "e2fsprogs",
    "mount",
    "tar",
    "zstd",
    "python3",
    "python3-venv",
    "ca-certificates",
  ],
  // Starting a workbench where VirtualBox runs already.
  vagrant: ["vagrant", "openssh-client"],
  // Booting machines: QEMU stands behind both providers.
  vm: [
    "vagrant",
    "vagrant-libvirt",
    "qemu-system-x86",
    "qemu-system-common",
    "qemu-utils",
    ["virtiofsd", "qemu-system-common"],
    "libvirt-daemon-system",
    "libvirt-clients",
    "libvirt-daemon-config-network",
    "dnsmasq-base",
    "iptables",
    "dmidecode",
    "rsync",
    "openssh-client",
    "python3",
    // It signs a package source of the trials' own.
    "gnupg",
  ],
};

/** The packages of these needs that are not installed yet, alternatives resolved, each once. */
export function missingPackages(needs) {
  const wanted = new Set(needs.flatMap((need) => NEEDS[need]).map(resolveAlternative));
  return [...wanted].filter((name) => !isInstalled(name));
}

/** True where apt-get and dpkg-query exist. */
export function hasApt() {
  return ["/usr/bin/apt-get", "/usr/bin/dpkg-query"].every((file) => fs.existsSync(file));
}

/**
 * Installs packages quietly, without the recommended ones (vagrant recommends a whole hypervisor).
 * Throws an Error with apt's last lines.
 */
export function installPackages(names) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
  const install = ["install", "-y", "-qq", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", ...names];
  const options = { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 64 << 20 };
  // A fresh machine has no package lists, an old one stale ones: both show as a failed install.
  let done = spawnSync("apt-get", install, options);
  if (done.status !== 0) {
    spawnSync("apt-get", ["update", "-qq"], options);
    done = spawnSync("apt-get", install, options);
  }
  if (done.status === 0) {
    // Only its program is wanted; where systemd runs, the package has started a server on port 80.
    if (names.includes("nginx")) spawnSync("systemctl", ["disable", "--now", "nginx"], options);
    return;
  }
  const lines = `${done.stdout ?? ""}${done.stderr ?? ""}`.trim().split("\n").slice(-8).join("\n");
  throw new Error(`apt-get could not install ${names.join(" ")}:\n${lines}`);
}

function resolveAlternative(entry) {
  if (typeof entry === "string") return entry;
  return entry.find((name) => isInstalled(name) || hasCandidate(name)) ?? entry.at(-1);
}

function isDebian() {
  try {
    return /^ID=debian$/m.test(fs.readFileSync("/etc/os-release", "utf8"));
  } catch {
    return false;
  }
}

function isInstalled(name) {
  const asked = spawnSync("dpkg-query", ["-W", "-f", "$\u007bdb:Status-Status}", name], { encoding: "utf8" });
  return asked.status === 0 && asked.stdout.trim() === "installed";
}

function hasCandidate(name) {
  const asked = spawnSync("apt-cache", ["policy", name], { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } });
  return asked.status === 0 && /Candidate: (?!\(none\))/.test(asked.stdout);
}
