/**
 * What verify asks of the guest as a whole: provisioned, space, memory, clock, packages, units, account, sockets,
 * shared folders. Pure: each function judges what the probe has told. Single services are in service-checks.ts.
 */
import type { Asked } from "./ask-guest.ts";
import { type Answer, failed, passed } from "./check.ts";
import type { GuestAnswer, GuestSocket } from "./guest-answer.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/** Below these a VM soon stops working: Jupyter cannot save, kernels cannot start. */
const LEAST_FREE_BYTES = 256 * MiB;
const LEAST_FREE_SHARE = 0.03;
const LEAST_FREE_TEMPORARY = 16 * MiB;
const LEAST_MEMORY = 96 * MiB;
/** The kernel and firmware keep some of the memory that the VM was given. */
const VISIBLE_MEMORY = 0.8;
const CLOCK_SECONDS = 5;
/** Groups whose members are root, or as good as root. */
const POWERFUL = [
  "root",
  "sudo",
  "wheel",
  "admin",
  "docker",
  "lxd",
  "incus-admin",
  "libvirt",
  "disk",
  "shadow",
  "kmem",
];

/** Evidence that the probe could not gather is a failure of that check, and says so. */
export function section<T>(
  value: T | null | undefined,
  name: string,
  answer: GuestAnswer,
  judge: (value: T) => Answer,
) {
  const problem = answer.problems[name];
  if (problem !== undefined)
    return failed(problem, "an answer", "Look into the VM (`notebox ssh`); `notebox up` provisions it again.");
  if (value === null || value === undefined)
    return failed("the VM has nothing of the kind", "a provisioned VM", "`notebox up` provisions the VM.");
  return judge(value);
}

export interface Hashes {
  /** Of workbench.yaml as it is now, with the provisioning steps of this notebox. */
  current: string;
  /** Of the bundle in the folder; undefined when nothing was rendered. */
  rendered: string | undefined;
}

export function provisioned({ answer }: Asked, { current, rendered }: Hashes): Answer {
  const problem = answer.problems["provisioned"];
  const fail = (seen: string, expected: string, hint: string) => failed(seen, expected, hint, { passing: false });
  if (problem !== undefined)
    return fail(
      `a marker that cannot be read (${problem})`,
      "a marker of finished provisioning",
      "Run `notebox up`: it provisions the VM again.",
    );
  if (answer.provisioned === null)
    return failed(
      "provisioning has not finished",
      "the marker that it leaves at its end",
      "Run `notebox up`: it provisions the VM again. `notebox logs` shows where it stopped.",
    );
  const found = answer.provisioned.workbench;
  if (found === current) return passed(`finished ${answer.provisioned.finished ?? "at an unknown time"}`);
  const expected = `this workbench (${short(current)})`;
  if (found === rendered)
    return failed(
      `provisioned for what was rendered before (${short(found)})`,
      expected,
      "workbench.yaml, or notebox itself, has changed since the last `notebox up`: run it again.",
      { passing: false, explains: false },
    );
  return fail(
    `provisioned for another workbench (${short(found)})`,
    expected,
    "Run `notebox up`: it provisions the VM again.",
  );
}

function short(hash: string): string {
  return hash.slice(0, 12);
}

export function disk({ answer }: Asked): Answer {
  return section(answer.disks, "disks", answer, (disks) => {
    const full = disks.filter(
      ({ kind, size, free, inodes, inodesFree }) =>
        free < (kind === "tmpfs" ? Math.min(LEAST_FREE_TEMPORARY, size / 10) : LEAST_FREE_BYTES) ||
        (kind !== "tmpfs" && free < LEAST_FREE_SHARE * size && free < GiB) ||
        (inodes > 0 && inodesFree < LEAST_FREE_SHARE * inodes),
    );
    const say = (list: typeof disks) =>
      list
        .map((one) => {
          const few = one.inodes > 0 && one.inodesFree < LEAST_FREE_SHARE * one.inodes;
          return `${one.path} has ${bytes(one.free)} of ${bytes(one.size)} free${few ? `, ${one.inodesFree} of ${one.inodes} inodes` : ""}`;
        })
        .join("; ");
    if (full.length === 0) return passed(say(disks));
    return failed(
      say(full),
      `${bytes(LEAST_FREE_BYTES)} and ${LEAST_FREE_SHARE * 100} % of the inodes free`,
      "Delete what is not needed: `notebox ssh -- sudo du -xh --max-depth=2 / | sort -h | tail` shows what is large. Work in notebooks/ lies on this computer, not on the VM's disk.",
      { passing: false },
    );
  });
}

/** `megabytes` and `cpus`: what workbench.yaml gives the machine. */
export function memory({ answer }: Asked, machine: { memoryMiB: number; cpus: number }): Answer {
  return section(answer.memory, "memory", answer, (found) => {
    const seen = `${bytes(found.available)} of ${bytes(found.total)} available, ${found.cpus} CPU${found.cpus === 1 ? "" : "s"}`;
    if (found.total < VISIBLE_MEMORY * machine.memoryMiB * MiB || found.cpus < machine.cpus)
      return failed(
        seen,
        `${bytes(machine.memoryMiB * MiB)} and ${machine.cpus} CPU${machine.cpus === 1 ? "" : "s"}, as workbench.yaml says`,
        "The VM was made before workbench.yaml was changed: `notebox down`, then `notebox up`.",
        { passing: false },
      );
    if (found.available < LEAST_MEMORY)
      return failed(
        `${seen}${found.oomKills > 0 ? `; ${found.oomKills} programs were ended for want of memory` : ""}`,
        `${bytes(LEAST_MEMORY)} available`,
        "Shut down kernels that are not needed, or raise machine.memory in workbench.yaml and run `notebox up`.",
      );
    const kills =
      found.oomKills > 0 ? `; ${found.oomKills} programs were ended for want of memory since the start` : "";
    return passed(seen + kills);
  });
}

export function clock({ answer, sent, received }: Asked): Answer {
  // The guest looked at its clock at some moment between sending and receiving.
  const guest = answer.epoch * 1000;
  const off = guest < sent ? guest - sent : guest > received ? guest - received : 0;
  const seconds = Math.abs(off) / 1000;
  if (seconds <= CLOCK_SECONDS) return passed(`within ${Math.max(1, Math.ceil(seconds))} s of this computer's clock`);
  return failed(
    `${Math.round(seconds)} s ${off < 0 ? "behind" : "ahead of"} this computer's clock`,
    `at most ${CLOCK_SECONDS} s apart`,
    "The computer may have slept while the VM ran: `notebox down`, then `notebox up` sets the clock.",
  );
}

/** Provisioning looks at which packages are there, not at each of their files. */
const REMAKE =
  "`notebox ssh -- sudo rm -rf /opt/notebox/venv`, then `notebox up`: provisioning installs all of them again. Work in notebooks/ and api/ is not touched.";

export function packages({ answer }: Asked): Answer {
  return section(answer.packages, "packages", answer, (found) => {
    const lacking = answer.systemPackages ?? [];
    const wrong = [
      ...found.missing.map((name) => `${name} is missing`),
      ...found.damaged.map((name) => `${name} has lost files`),
      ...found.different.map(({ name, wanted, found }) => `${name} is ${found}, not ${wanted}`),
      ...lacking.map((name) => `the system package ${name} is missing`),
    ];
    if (wrong.length === 0) return passed(`Python ${found.python}; ${found.checked} packages as provisioned`);
    const python = [...found.missing, ...found.damaged, ...found.different.map(({ name }) => name)];
    return failed(
      wrong.slice(0, 5).join("; ") + (wrong.length > 5 ? `; and ${wrong.length - 5} more` : ""),
      python.length > 0 ? "the packages that provisioning installed from its locks" : "what packages.apt says",
      found.damaged.length > 0 ? REMAKE : "Run `notebox up`: provisioning installs what is missing.",
      { passing: false, ...(wrong.length > 5 ? { details: wrong } : {}) },
    );
  });
}

/** `own`: units that have a check of their own, and the check's id. */
export function units({ answer }: Asked, own: ReadonlyMap<string, string>): Answer {
  return section(answer.failed, "units", answer, (list) => {
    if (list.length === 0) return passed("no failed unit");
    const strange = list.filter((unit) => !own.has(unit));
    const details = list.flatMap((unit) => (answer.journals?.[unit] ?? []).slice(-4).map((line) => `${unit}: ${line}`));
    return failed(
      `failed: ${list.join(", ")}`,
      "no failed unit",
      `Read why: \`notebox ssh -- systemctl --failed\` and \`systemctl status\` with its name. After a repair: \`notebox ssh -- sudo systemctl reset-failed\`.`,
      {
        details,
        // A unit of a service that has a check of its own follows from that check; any other is news.
        suspects: strange.length > 0 ? ["disk", "memory"] : list.flatMap((unit) => own.get(unit) ?? []),
      },
    );
  });
}

export function account({ answer }: Asked): Answer {
  return section(answer.account, "account", answer, (found) => {
    const wrong = [
      ...(found.uid === 0 ? ["it is root"] : []),
      ...(found.sudo ? ["it may use sudo without a password"] : []),
      ...found.groups.filter((name) => POWERFUL.includes(name)).map((name) => `it is in the group ${name}`),
      ...Object.entries(found.locked)
        .filter(([, locked]) => !locked)
        .map(([name]) => `${name} has a password that could be guessed`),
    ];
    if (wrong.length === 0) return passed(`no sudo; groups: ${found.groups.join(", ")}; passwords locked`);
    return failed(
      wrong.join("; "),
      "an account without sudo, without powerful groups, and no account with a password",
      "Run `notebox up`: provisioning takes these rights away. Whoever gave them by hand gave them to every notebook.",
      { passing: false },
    );
  });
}

const LOOPBACK = /^(127\.|::1$)/;
/** What an ordinary system listens on by itself: SSH, DHCP clients, the time service. */
const ORDINARY = new Set(["tcp:22", "udp:68", "udp:546", "udp:123"]);

/** `ports`: the TCP ports of the workbench's services. Sockets on loopback (kernels have many) reach nobody outside. */
export function sockets({ answer }: Asked, ports: readonly number[]): Answer {
  return section(answer.sockets, "sockets", answer, (list) => {
    const open = list.filter(({ address }) => !LOOPBACK.test(address));
    const strange = open.filter(
      ({ protocol, port }) => !ORDINARY.has(`${protocol}:${port}`) && !(protocol === "tcp" && ports.includes(port)),
    );
    const say = (some: readonly GuestSocket[]) => [...new Set(some.map(socketText))].join(", ");
    if (strange.length === 0) return passed(say(open) || "nothing but loopback");
    return failed(
      `also open: ${say(strange)}`,
      "SSH and the workbench's services, nothing else",
      "Whatever listens there is not part of the workbench: stop it in the VM, or have it listen on 127.0.0.1.",
    );
  });
}

export function socketText({ protocol, address, port, program, unit }: GuestSocket): string {
  const host = address.includes(":") ? `[${address}]` : address;
  const holder = program === null ? "" : ` (${program}${unit === null || unit === "init.scope" ? "" : `, ${unit}`})`;
  return `${protocol} ${host}:${port}${holder}`;
}

/** `left`: whether the file that the host had written is still there after the probe, so did not get through. */
export function folder({ answer }: Asked, name: string, left: boolean | undefined): Answer {
  return section(answer.folders?.[name], "folders", answer, (found) => {
    const path = `/home/notebox/${name}`;
    if (found.kind === null || found.kind === undefined)
      return failed(
        `nothing is mounted at ${path}`,
        `this computer's folder ${name}/`,
        "`notebox down`, then `notebox up` mounts it again.",
      );
    if (!found.ok)
      return failed(
        `${found.error ?? "failed"}, at: ${found.steps.at(-1) ?? "entering it"}`,
        `the account notebox writes, renames and deletes in ${path}`,
        found.error?.startsWith("no answer")
          ? "The folder hangs: `notebox down`, then `notebox up`."
          : `Look at the rights of ${name}/ on this computer: the user who runs the VM must be able to write there.`,
      );
    if (left === true)
      return failed(
        "what this computer writes does not arrive in the VM",
        "a folder that works both ways",
        "One-way folders (rsync) lose work. `notebox destroy`, then `notebox up` shares it anew.",
        { passing: false },
      );
    const both = found.steps.includes("read what the host wrote") ? "; works both ways" : "";
    return passed(`${found.kind}: written, renamed, deleted as notebox${both}`);
  });
}

export function bytes(count: number): string {
  if (count >= 10 * GiB) return `${Math.round(count / GiB)} GiB`;
  if (count >= GiB) return `${(count / GiB).toFixed(1)} GiB`;
  return `${Math.floor(count / MiB)} MiB`;
}
