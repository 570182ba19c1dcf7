// libvirt where no init system runs (a container, a CI machine): starts virtlogd and libvirtd, and takes back
// all of it later. A libvirt that already answers is used as it is and never changed; where an init system runs,
// starting services is that system's business. Plain Node, because it runs before anything is installed.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { Journal } from "./kept-changes.mjs";
import { endProcess, findByArguments, identify, isAlive } from "./own-processes.mjs";

const URI = "qemu:///system";
const CONFIGURATION = "/etc/libvirt/qemu.conf";
// No cgroups, mount namespaces or AppArmor, because containers rarely allow them. As root, because otherwise a
// /dev/kvm that root alone can open makes libvirt probe QEMU anew at each request: 40 s a VM (libvirt 9.0,
// virQEMUCapsIsValid: "KVM was enabled when probing, but it is not available now").
const SETTINGS = {
  user: '"root"',
  group: '"root"',
  dynamic_ownership: "0",
  security_driver: '"none"',
  cgroup_controllers: "[]",
  namespaces: "[]",
};
const CHAINS = {
  filter: { INPUT: ["LIBVIRT_INP"], OUTPUT: ["LIBVIRT_OUT"], FORWARD: ["LIBVIRT_FWX", "LIBVIRT_FWI", "LIBVIRT_FWO"] },
  nat: { POSTROUTING: ["LIBVIRT_PRT"] },
  mangle: { POSTROUTING: ["LIBVIRT_PRT"] },
};

/** "systemd"; "none" where the first process is not an init system (containers); "other". */
export function initSystem() {
  if (fs.existsSync("/run/systemd/system")) return "systemd";
  const first = fs.existsSync("/proc/1/comm") ? fs.readFileSync("/proc/1/comm", "utf8").trim() : "";
  return /^(init|openrc-init|runit|s6-svscan|finit|launchd)$/.test(first) ? "other" : "none";
}

/** libvirt's version when the system instance answers, else undefined. */
export function libvirtVersion() {
  const said = virsh(["version"], 10_000);
  return said === undefined ? undefined : (/libvirt (\d+\.\d+\.\d+)/.exec(said)?.[1] ?? "unknown");
}

/**
 * Makes sure that qemu:///system answers and can run a VM. `say` hears each step before it is done.
 * Throws an Error with a `hint` when that is not to be had. Resolves with whether the daemons are ours.
 */
export async function ensureLibvirt({ stateDir, say }) {
  const journal = new Journal(stateDir);
  const version = libvirtVersion();
  if (version) return { own: ours(journal, stateDir).length > 0, version };
  const init = initSystem();
  if (init === "systemd")
    throw told(
      "libvirt does not answer.",
      "Start it: sudo systemctl start libvirtd (or virtqemud.socket), then try again.",
    );
  if (init === "other")
    throw told("libvirt does not answer.", "Start it: sudo service libvirtd start, then try again.");
  if (process.getuid() !== 0) throw told("libvirt does not run, and starting it needs root.", "Run this as root.");
  const strangers = findByArguments((argv) => path.basename(argv[0]) === "libvirtd").filter(
    (pid) => !ours(journal, stateDir).some((own) => own.pid === pid),
  );
  if (strangers.length > 0)
    throw told(`A libvirtd runs (process ${strangers[0]}) but does not answer.`, "End it or wait, then try again.");
  await endOurs(journal, stateDir);

  journal.keepKernelSetting("net.ipv4.ip_forward");
  journal.keepKernelSetting("net.ipv6.conf.all.forwarding");
  if (!journal.find("pool-folder")) {
    journal.note({ kind: "pool-folder", name: "default", existed: fs.existsSync("/etc/libvirt/storage/default.xml") });
    journal.note({ kind: "chains", name: "iptables", existed: hasChains() });
    journal.note({ kind: "networks", name: "defined", before: definedNetworks() });
  }
  say(`adding settings for a machine without an init system to ${CONFIGURATION}; a copy is kept in ${stateDir}`);
  journal.changeFile(CONFIGURATION, plainSettings(fs.readFileSync(CONFIGURATION, "utf8")));
  say("starting virtlogd and libvirtd");
  await start(journal, stateDir);
  const fault = probe(stateDir);
  if (fault) throw told(`libvirt runs, but an empty test VM does not start: ${fault}`, `See ${stateDir}/libvirtd.log.`);
  return { own: true, version: libvirtVersion() };
}

/**
 * Ends what ensureLibvirt started with the same `stateDir` and takes back what it changed. Throws an Error with
 * `busy` (names) while VMs run on it, unless `force`. Resolves with what was done, a line each.
 */
export async function releaseLibvirt({ stateDir, say, force = false }) {
  const journal = new Journal(stateDir);
  const notes = [];
  const tell = (text) => {
    notes.push(text);
    say(text);
  };
  const mine = ours(journal, stateDir).length > 0;
  if (mine && libvirtVersion()) {
    const busy = lines(virsh(["list", "--name"]));
    if (busy.length > 0 && !force)
      throw Object.assign(told(`VMs still run on this libvirt: ${busy.join(", ")}.`, "Stop them first."), { busy });
    takeBackNetworks(journal, tell);
    takeBackPool(journal, tell);
  }
  for (const name of await endOurs(journal, stateDir)) tell(`ended ${name}`);
  if (journal.find("chains")?.existed === false && removeChains()) tell("removed libvirt's empty firewall chains");
  for (const entry of journal.entries.filter((e) => e.kind === "file" || e.kind === "kernel"))
    tell(journal.takeBack(entry));
  fs.rmSync(journal.file, { force: true });
  return { notes };
}

/** qemu.conf with our settings; a line that sets one of them is turned into a comment. Twice is as good as once. */
export function plainSettings(text) {
  const mark = "# Added by notebox, because no init system runs here";
  const before = text.split(`\n${mark}\n`)[0].split("\n");
  const kept = before.map((line) => (Object.hasOwn(SETTINGS, line.split(/[\s=]/)[0]) ? `#${line}` : line));
  const added = Object.entries(SETTINGS).map(([name, value]) => `${name} = ${value}`);
  return `${kept.join("\n").trimEnd()}\n\n${mark}\n${added.join("\n")}\n`;
}

async function start(journal, stateDir) {
  fs.mkdirSync("/run/libvirt", { recursive: true });
  fs.mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  for (const name of ["virtlogd", "libvirtd"]) {
    const pidFile = path.join(stateDir, `${name}.pid`);
    const entry = journal.find("process", name) ?? journal.note({ kind: "process", name, pidFile });
    const log = fs.openSync(path.join(stateDir, `${name}.log`), "a", 0o600);
    const child = spawn(name, ["--pid-file", pidFile], {
      detached: true,
      stdio: ["ignore", log, log],
      cwd: "/",
      env: { ...process.env, NOTEBOX_QUICKSTART: undefined },
    });
    const failed = new Promise((_, reject) => child.once("error", reject));
    failed.catch(() => {});
    child.unref();
    fs.closeSync(log);
    if (child.pid === undefined) await failed;
    entry.identity = identify(child.pid);
    journal.save();
  }
  for (let turn = 0; turn < 100; turn++) {
    if (libvirtVersion()) return;
    await pause(200);
  }
  throw told("libvirtd was started but does not answer.", `See ${path.join(stateDir, "libvirtd.log")}.`);
}

/** Starts and ends an empty VM that nothing keeps; returns libvirt's complaint, or undefined. */
function probe(stateDir) {
  const name = `notebox-probe-${process.pid}`;
  const file = path.join(stateDir, "probe.xml");
  const xml = `<domain type="qemu"><name>${name}</name><memory unit="MiB">64</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>`;
  fs.writeFileSync(file, xml);
  try {
    execFileSync("virsh", ["-q", "-c", URI, "create", file], { timeout: 30_000, stdio: "pipe" });
  } catch (error) {
    virsh(["destroy", name]);
    return `${error.stderr ?? ""} ${error.message}`.replace(/\s+/g, " ").trim();
  }
  virsh(["destroy", name]);
  return undefined;
}

/** Our daemons that run: by identity, and by their unmistakable arguments when we were killed before noting it. */
function ours(journal, stateDir) {
  const found = [];
  for (const name of ["libvirtd", "virtlogd"]) {
    const noted = journal.find("process", name)?.identity;
    if (isAlive(noted)) found.push({ name, ...noted });
    else
      for (const pid of findByArguments(
        (argv) => path.basename(argv[0]) === name && argv.includes(path.join(stateDir, `${name}.pid`)),
      )) {
        const identity = identify(pid);
        if (identity) found.push({ name, ...identity });
      }
  }
  return found;
}

async function endOurs(journal, stateDir) {
  const ended = [];
  for (const process of ours(journal, stateDir))
    if (await endProcess(process)) ended.push(`${process.name} (process ${process.pid})`);
  return ended;
}

function definedNetworks() {
  const folder = "/etc/libvirt/qemu/networks";
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder).flatMap((name) => (name.endsWith(".xml") ? [name.slice(0, -4)] : []));
}

function takeBackNetworks(journal, tell) {
  // The daemon is ours, so every network that is up was brought up through it.
  for (const name of lines(virsh(["net-list", "--name"]))) {
    if (virsh(["net-destroy", name]) !== undefined) tell(`took down the network ${name}`);
  }
  const before = journal.find("networks")?.before;
  for (const name of lines(virsh(["net-list", "--all", "--name"])))
    if (before && !before.includes(name) && virsh(["net-undefine", name]) !== undefined)
      tell(`removed the network ${name}`);
}

function takeBackPool(journal, tell) {
  if (journal.find("pool-folder")?.existed !== false) return;
  if (!lines(virsh(["pool-list", "--all", "--name"])).includes("default")) return;
  const volumes = lines(virsh(["vol-list", "default"]));
  if (volumes.length > 0) tell(`left the storage pool "default": it still holds ${volumes.length} volume(s)`);
  else {
    virsh(["pool-destroy", "default"]);
    virsh(["pool-undefine", "default"]);
    tell('removed the storage pool "default"');
  }
}

function hasChains() {
  return run("iptables", ["-w", "-S", "LIBVIRT_INP"]) !== undefined;
}

function removeChains() {
  if (!hasChains()) return false;
  for (const tool of ["iptables", "ip6tables"])
    for (const [table, parents] of Object.entries(CHAINS))
      for (const [parent, chains] of Object.entries(parents))
        for (const chain of chains) {
          const rules = run(tool, ["-w", "-t", table, "-S", chain]);
          if (rules === undefined || lines(rules).length > 1) continue;
          run(tool, ["-w", "-t", table, "-D", parent, "-j", chain]);
          run(tool, ["-w", "-t", table, "-X", chain]);
        }
  return true;
}

const virsh = (args, timeout = 60_000) => run("virsh", ["-q", "-c", URI, ...args], timeout);

function run(file, args, timeout = 30_000) {
  try {
    return execFileSync(file, args, { encoding: "utf8", timeout, stdio: ["ignore", "pipe", "pipe"] });
  } catch {
    return undefined;
  }
}

function lines(text) {
  return (text ?? "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

const told = (message, hint) => Object.assign(new Error(message), { hint });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
