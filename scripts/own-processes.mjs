// Processes that a script of ours started, told apart from others that got the same number later.
// A process is known by number, start time and boot; a number alone is never trusted. Linux only (/proc).
import fs from "node:fs";

/** @typedef {{ pid: number, startTime: string, boot: string }} Identity */

/** The running kernel's boot id, or "" where /proc does not say. */
export function bootId() {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/** State letter, process group and start time (clock ticks since boot) from /proc/PID/stat; undefined when gone. */
export function readStat(pid) {
  let text;
  try {
    text = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The name in brackets may hold blanks and brackets; the fields after it may not (proc(5)).
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0], group: Number(fields[2]), startTime: fields[19] };
}

/** What identifies the process with this number now, or undefined when there is none. */
export function identify(pid) {
  const stat = readStat(pid);
  if (!stat || stat.state === "Z") return undefined;
  return { pid, startTime: stat.startTime, boot: bootId() };
}

/** True while exactly this process runs. A zombie counts as ended: where no init system reaps, they stay. */
export function isAlive(identity) {
  if (!identity || identity.boot !== bootId()) return false;
  const stat = readStat(identity.pid);
  return stat !== undefined && stat.state !== "Z" && stat.startTime === identity.startTime;
}

/** Numbers of the processes whose argument vector fits. */
export function findByArguments(fits) {
  const found = [];
  for (const name of fs.readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(name);
    if (!stat || stat.state === "Z") continue;
    try {
      const argv = fs.readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").slice(0, -1);
      if (argv.length > 0 && fits(argv)) found.push(Number(name));
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

/** The living members of a process group. */
export function groupMembers(group) {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      const stat = readStat(name);
      return stat && stat.state !== "Z" && stat.group === group;
    })
    .map(Number);
}

/**
 * Ends one process: SIGTERM, and SIGKILL when it still runs after `graceMs`.
 * Resolves with false when it was not running any more.
 */
export async function endProcess(identity, graceMs = 10_000) {
  if (!isAlive(identity)) return false;
  signal(identity.pid, "SIGTERM");
  if (await gone(() => !isAlive(identity), graceMs)) return true;
  if (isAlive(identity)) signal(identity.pid, "SIGKILL");
  await gone(() => !isAlive(identity), 5000);
  return true;
}

/**
 * Ends a process group that a leader of ours opened, also when the leader itself is gone: then only members
 * whose environment carries `mark` (NAME=value) are taken for ours.
 */
export async function endGroup(leader, mark, graceMs = 20_000) {
  if (leader.boot !== bootId()) return false;
  const ours = () =>
    groupMembers(leader.pid).filter((pid) => (pid === leader.pid ? isAlive(leader) : environmentHas(pid, mark)));
  if (ours().length === 0) return false;
  for (const pid of ours()) signal(pid, "SIGTERM");
  if (await gone(() => ours().length === 0, graceMs)) return true;
  for (const pid of ours()) signal(pid, "SIGKILL");
  await gone(() => ours().length === 0, 5000);
  return true;
}

function environmentHas(pid, mark) {
  try {
    return fs.readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(mark);
  } catch {
    return false;
  }
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

async function gone(test, limitMs) {
  const end = Date.now() + limitMs;
  while (!test()) {
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return true;
}
