/**
 * Python packages for a guest that has no way to the index: this computer's pip fetches the wheels that fit the
 * guest's Python into `.notebox/wheels`, which the Vagrantfile copies into the VM.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";

/** Versions of glibc whose wheels run in the guests that notebox knows (Debian 12 has 2.36), and PEP 600's old names. */
const GLIBC = [36, 35, 34, 31, 28, 27, 24, 17, 12, 5];
const OLD_NAMES = ["manylinux2014", "manylinux2010", "manylinux1", "linux"];

export interface GuestPython {
  folder: string;
  /** Such as 3.13. */
  python: string;
  /** As `uname -m` says: x86_64, aarch64. */
  machine: string;
}

/** Throws `missing-program` without Python and pip on this computer, `unreachable` when pip fails. */
export async function downloadWheels(deps: Deps, guest: GuestPython): Promise<string> {
  const id = "wheels";
  deps.reporter.emit({ type: "step-start", id, title: "Fetching Python packages on this computer for the VM" });
  try {
    const folder = await download(deps, guest, (note) => deps.reporter.emit({ type: "step-note", id, note }));
    deps.reporter.emit({ type: "step-done", id });
    return folder;
  } catch (error) {
    deps.reporter.emit({ type: "step-failed", id });
    throw error;
  }
}

async function download(deps: Deps, guest: GuestPython, note: (text: string) => void): Promise<string> {
  // Python looks for modules in the current folder first, and the VM writes into the workbench's: `python -m pip` run
  // there would run the VM's pip.py. So it runs in an empty folder of its own.
  const empty = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-pip-"));
  try {
    return await downloadWith(deps, await findPip(deps, guest, empty), guest, note);
  } finally {
    fs.rmSync(empty, { recursive: true, force: true });
  }
}

async function downloadWith(deps: Deps, pip: Pip, guest: GuestPython, note: (text: string) => void): Promise<string> {
  const target = path.join(guest.folder, ".notebox", "wheels");
  const part = `${target}.part`;
  fs.mkdirSync(part, { recursive: true });
  const provision = path.join(guest.folder, "provision");
  const base = path.join(provision, "locks", "base.txt");
  const lock = path.join(provision, "workbench", "workbench.lock");
  const wanted = path.join(provision, "workbench", "python.txt");
  const common = ["download", "--disable-pip-version-check", "--no-input", "--dest", part, ...platformArgs(guest)];
  const fetch = async (...args: string[]) => await runPip(deps, pip, [...common, ...args], note);
  const scratch = path.join(part, "requirements.txt");
  // Neither dependencies nor markers: a lock is complete, and pip would judge its markers by this computer.
  const locked = ["--no-deps", "--ignore-requires-python", "--require-hashes", "--requirement", scratch];
  for (const round of [base, lock].filter((file) => fs.existsSync(file)).flatMap(readRounds)) {
    fs.writeFileSync(scratch, round);
    await fetch(...locked);
  }
  if (!fs.existsSync(lock) && fs.existsSync(wanted) && /^[^#\s]/m.test(fs.readFileSync(wanted, "utf8"))) {
    fs.writeFileSync(scratch, pinsOf(fs.readFileSync(base, "utf8")));
    await fetch("--constraint", scratch, "--requirement", wanted);
  }
  fs.rmSync(scratch, { force: true });
  fs.rmSync(target, { recursive: true, force: true });
  fs.renameSync(part, target);
  return target;
}

/** What pip is told about the guest, since it would else fetch for this computer. */
function platformArgs(guest: GuestPython): string[] {
  const platforms = [...GLIBC.map((minor) => `manylinux_2_${minor}`), ...OLD_NAMES].map(
    (name) => `${name}_${guest.machine}`,
  );
  const digits = guest.python.replace(".", "");
  return [
    ...["--only-binary", ":all:", "--python-version", guest.python, "--implementation", "cp"],
    ...["--abi", `cp${digits}`, "--abi", "abi3", "--abi", "none"],
    ...platforms.flatMap((platform) => ["--platform", platform]),
  ];
}

const readRounds = (file: string): string[] => lockRounds(fs.readFileSync(file, "utf8"));

/**
 * A lock without its markers, in as many parts as it has versions of one package: pip takes one version at a time,
 * and which one the guest needs is for the guest's own Python to say. Pure.
 */
export function lockRounds(text: string): string[] {
  const rounds: string[][] = [];
  const seen = new Map<string, number>();
  for (const entry of text.match(/^[A-Za-z0-9][^\n]*(?:\n[ \t]+--hash[^\n]*)*/gm) ?? []) {
    const name = (/^[A-Za-z0-9._-]+/.exec(entry)?.[0] ?? "").toLowerCase();
    const round = seen.get(name) ?? 0;
    seen.set(name, round + 1);
    rounds[round] ??= [];
    rounds[round].push(entry.replace(/[ \t]*;[^\n\\]*/, " ").replace(/\s*\\?\s*$/, ""));
  }
  return rounds.map((entries) => `${entries.join("\n")}\n`);
}

/** For constraints: pip takes no hashes there when the requirements have none. */
function pinsOf(lock: string): string {
  return `${(lock.match(/^[A-Za-z0-9][A-Za-z0-9._-]*==[^\s\\]+[^\n\\]*/gm) ?? []).join("\n")}\n`;
}

interface Pip {
  file: string;
  args: readonly string[];
  /** Where it runs. */
  cwd: string;
}

async function runPip(deps: Deps, pip: Pip, args: string[], note: (text: string) => void): Promise<void> {
  const result = await deps.processes.run(pip.file, [...pip.args, ...args], {
    cwd: pip.cwd,
    signal: deps.signal,
    onLine: (line) => {
      if (/^(?:Collecting|Downloading|Saved)/.test(line.trim())) note(line.trim().slice(0, 120));
    },
  });
  if (result.exitCode === 0) return;
  const errors = result.stderr.split("\n").filter((line) => /^ERROR/.test(line));
  throw new UserError({
    code: /No space left/i.test(result.stderr) ? "disk-full" : "unreachable",
    message: `Neither the VM nor this computer could fetch the Python packages. pip says: ${errors.at(-1) ?? result.stderr.trim()}`,
    hint: "Check the network and the proxy, or put the wheels into a folder wheels/ beside workbench.yaml; then run `notebox up` again.",
  });
}

async function findPip(deps: Deps, guest: GuestPython, cwd: string): Promise<Pip> {
  for (const [name, ...args] of [["python3"], ["python"], ["py", "-3"]] as const) {
    const file = await deps.processes.which(name);
    if (file === undefined) continue;
    const asked = await deps.processes.run(file, [...args, "-m", "pip", "--version"], {
      cwd,
      timeoutMs: 60_000,
      signal: deps.signal,
    });
    if (asked.exitCode === 0) return { file, args: [...args, "-m", "pip"], cwd };
  }
  throw new UserError({
    code: "missing-program",
    message:
      "The VM cannot reach the Python index, and this computer has no Python with pip to fetch the packages for it.",
    hint: `Ask IT for a way from the VM to the index (proxy), or put wheels for Python ${guest.python} on ${guest.machine} into a folder wheels/ beside workbench.yaml.`,
  });
}
