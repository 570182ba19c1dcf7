/**
 * Build roots: systems of the distributions that notebox knows, unpacked in a folder and entered with chroot, where
 * provisioning runs as it does when a box is prepared. Made with debootstrap once, then kept in the cache.
 * Every command has mounts, and if it is to be offline a network, of its own: nothing is left behind when it ends.
 * What is tried in them is left to provision-roots.ts. Needs root.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { cache, checkout, program } from "./places.ts";
import { must, type Outcome, type Running, run, start } from "./programs.ts";

export const ROOTS = ["debian-12", "debian-13", "ubuntu-24.04"] as const;
export type RootName = (typeof ROOTS)[number];

/** Part of the cache's file name: a change of what a root holds makes new ones. */
const EDITION = 1;
const PACKAGES =
  "systemd-sysv,udev,dbus,openssh-server,sudo,python3-minimal,iproute2,ca-certificates,kmod,util-linux,procps";
const SUITES: Record<RootName, string> = { "debian-12": "bookworm", "debian-13": "trixie", "ubuntu-24.04": "noble" };
const UBUNTU_KEYRING = "/usr/share/keyrings/ubuntu-archive-keyring.gpg";

export interface BuildRoot {
  name: RootName;
  folder: string;
}

export interface InRoot {
  env?: Readonly<Record<string, string>>;
  /** No network but a loopback of its own. */
  offline?: boolean;
  seconds?: number;
}

/** Unpacks a fresh one. The caller removes it with `removeRoot`. */
export async function openRoot(name: RootName): Promise<BuildRoot> {
  const archive = await rootArchive(name);
  const root = { name, folder: fs.mkdtempSync(path.join(os.tmpdir(), `notebox-${name}-`)) };
  await must("tar", ["--zstd", "-xpf", archive, "-C", root.folder], { seconds: 300 });
  // The temporary folder is its maker's alone; the root of a system is everybody's.
  fs.chmodSync(root.folder, 0o755);
  fs.rmSync(path.join(root.folder, "etc/resolv.conf"), { force: true });
  fs.copyFileSync("/etc/resolv.conf", path.join(root.folder, "etc/resolv.conf"));
  // What Vagrant expects of a box: an account with a password that everybody knows.
  await must("chroot", [root.folder, "useradd", "-m", "-s", "/bin/bash", "vagrant"]);
  await must("chroot", [root.folder, "sh", "-c", "echo vagrant:vagrant | chpasswd; echo root:vagrant | chpasswd"]);
  return root;
}

export function removeRoot(root: BuildRoot): void {
  fs.rmSync(root.folder, { recursive: true, force: true });
}

const ENTER = `set -e
root=$1 offline=$2; shift 2
mount -t proc proc "$root/proc"; mount --rbind /sys "$root/sys"; mount --rbind /dev "$root/dev"; mount -t tmpfs tmpfs "$root/run"
[ "$offline" = no ] || ip link set lo up
exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"`;

function entering(root: BuildRoot, command: readonly string[], options: InRoot): [string, string[]] {
  const namespaces = ["--mount", "--propagation", "private", ...(options.offline ? ["--net"] : [])];
  const variables = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
  const offline = options.offline ? "yes" : "no";
  return ["unshare", [...namespaces, "bash", "-c", ENTER, "bash", root.folder, offline, ...variables, ...command]];
}

/** Runs a command in the root, whatever its exit code is. */
export async function inRoot(root: BuildRoot, command: readonly string[], options: InRoot = {}): Promise<Outcome> {
  return await run(...entering(root, command, options), { seconds: options.seconds ?? 600 });
}

export function startInRoot(root: BuildRoot, command: readonly string[], options: InRoot = {}): Running {
  return start(...entering(root, command, options), { seconds: options.seconds ?? 600 });
}

/** Renders an example, after a change of its folder, and lays its provision/ into the root, where a box would get it. */
export async function layProvision(
  root: BuildRoot,
  example: string,
  change?: (folder: string) => void,
): Promise<string> {
  const work = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-rendered-"));
  try {
    fs.cpSync(path.join(checkout, "examples", example), work, { recursive: true });
    change?.(work);
    await must(process.execPath, [program, "render", "-C", work]);
    const place = path.join(root.folder, "root/provision");
    fs.rmSync(place, { recursive: true, force: true });
    fs.cpSync(path.join(work, "provision"), place, { recursive: true });
    return place;
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

export const PROVISION: readonly string[] = ["bash", "/root/provision/run.sh"];

/** The environment of a provisioning run, with this computer's way to the network. */
export function provisionEnv(root: BuildRoot, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { env } = process;
  const found: Record<string, string> = { NOTEBOX_BUILD_ROOT: "1" };
  for (const name of ["http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL"]) {
    const value = env[name] ?? env[name.toUpperCase()];
    if (value) found[name] = value;
  }
  const certificates = env["SSL_CERT_FILE"] ?? env["NODE_EXTRA_CA_CERTS"] ?? env["REQUESTS_CA_BUNDLE"];
  if (certificates && fs.existsSync(certificates)) {
    const copy = path.join(root.folder, "root/host-ca.pem");
    if (!fs.existsSync(copy)) fs.copyFileSync(certificates, copy);
    found["NOTEBOX_HOST_CA"] = "/root/host-ca.pem";
  }
  return { ...found, ...more };
}

async function rootArchive(name: RootName): Promise<string> {
  const archive = path.join(path.dirname(cache), "roots", `${name}-${EDITION}.tar.zst`);
  if (fs.existsSync(archive)) return archive;
  fs.mkdirSync(path.dirname(archive), { recursive: true });
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `notebox-new-${name}-`));
  try {
    const more = name.startsWith("ubuntu") ? await ubuntuOptions() : { options: [], script: [] };
    const where = [SUITES[name], folder, ...more.script];
    await must("debootstrap", ["--variant=minbase", `--include=${PACKAGES}`, ...more.options, ...where], {
      seconds: 1500,
    });
    await must("tar", ["--zstd", "-cpf", `${archive}.part`, "-C", folder, "."], { seconds: 300 });
    fs.renameSync(`${archive}.part`, archive);
    return archive;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Ubuntu's keys come from Debian 13's signed package of them, where this computer has none. */
async function ubuntuOptions(): Promise<{ options: string[]; script: string[] }> {
  const options = ["--components=main,universe"];
  const known = fs.existsSync(`/usr/share/debootstrap/scripts/${SUITES["ubuntu-24.04"]}`);
  // All of Ubuntu's suites have one script; an older debootstrap does not know the name of this one.
  const script = known ? [] : ["", "/usr/share/debootstrap/scripts/gutsy"];
  if (fs.existsSync(UBUNTU_KEYRING)) return { options, script };
  const keyring = path.join(path.dirname(cache), "roots", "ubuntu-archive-keyring.gpg");
  if (!fs.existsSync(keyring)) {
    const root = await openRoot("debian-13");
    try {
      const install = "apt-get -qq update && apt-get -qq -y --no-install-recommends install ubuntu-archive-keyring";
      const outcome = await inRoot(root, ["sh", "-c", install], { env: provisionEnv(root) });
      if (outcome.code !== 0) throw new Error(`Ubuntu's keyring cannot be had: ${outcome.stderr}`);
      fs.copyFileSync(path.join(root.folder, UBUNTU_KEYRING), keyring);
    } finally {
      removeRoot(root);
    }
  }
  return { options: [...options, `--keyring=${keyring}`], script };
}
