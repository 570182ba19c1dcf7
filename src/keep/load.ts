/**
 * A checked backup → a running VM. The services rest meanwhile; a service brings back its own once it runs.
 * Killed at any moment, the same command does it again from the beginning.
 */
import { UserError } from "../errors.ts";
import type { Deps, SshSession, SshTarget } from "../ports.ts";
import { gib } from "../vagrant/measure.ts";
import type { Checked } from "./check.ts";
import { ask, type GuestLook, give, lookAtGuest, type Service } from "./guest.ts";
import { HOME, leftOfMember, type Member, PYTHON, serviceOfMember } from "./manifest.ts";

type Needs = Pick<Deps, "ssh" | "signal" | "log" | "reporter">;

export interface Loaded {
  /** What was brought back, in words. */
  restored: string[];
  /** What was left out, and why. */
  left: string[];
}

const CONNECT_MS = 20_000;
const SPARE = 64 * 1024 ** 2;

/** Throws UserError `disk-full` (before anything is changed), `unreachable`, `vagrant`, `integrity`, `interrupted`. */
export async function loadIntoVm(deps: Needs, target: SshTarget, backup: Checked): Promise<Loaded> {
  for (const token of backup.tokens.values()) deps.log.redact(token);
  const session = await deps.ssh.connect(target, { timeoutMs: CONNECT_MS, signal: deps.signal });
  try {
    const seen = await lookAtGuest(session);
    requireRoom(backup, seen);
    return await fill(deps, session, backup, seen);
  } finally {
    await session.close();
  }
}

function requireRoom(backup: Checked, seen: GuestLook): void {
  const sizes = (wanted: (name: string) => boolean): number =>
    backup.manifest.members.reduce((sum, { name, unpacked = 0 }) => sum + (wanted(name) ? unpacked : 0), 0);
  const home = sizes((name) => name === HOME || name === PYTHON);
  // A dump lies beside the database that is made of it.
  const services = 2 * sizes((name) => serviceOfMember(name) !== undefined);
  const short = Math.max(
    home + SPARE - seen.freeHome,
    services + SPARE - seen.freeState,
    home + services + SPARE - seen.freeHome,
  );
  if (short <= 0) return;
  throw new UserError({
    code: "disk-full",
    message: `The VM's disk is too full: what is in the backup needs ${gib(home + services + SPARE)}, and ${gib(Math.min(seen.freeHome, seen.freeState))} are free.`,
    hint: "Make room in the VM (`notebox ssh`), or start from a new one (`notebox destroy`, `notebox up`). Nothing was changed.",
  });
}

async function fill(deps: Needs, session: SshSession, backup: Checked, seen: GuestLook): Promise<Loaded> {
  const found = (name: string): Member | undefined => backup.manifest.members.find((member) => member.name === name);
  const loaded: Loaded = { restored: [], left: [] };
  const put = async (title: string, what: string, member: Member, ...words: string[]): Promise<void> => {
    const id = `restore-${words.join("-")}`;
    deps.reporter.emit({ type: "step-start", id, title });
    try {
      await give(session, words, counted(deps, id, backup.read(member), member.unpacked ?? 0));
      deps.reporter.emit({ type: "step-done", id });
      loaded.restored.push(what);
    } catch (error) {
      deps.reporter.emit({ type: "step-failed", id });
      throw error;
    }
  };
  await ask(session, "stop");
  try {
    const tokens = [...backup.tokens].map(([name, token]) => `${name} ${token}\n`).join("");
    if (tokens !== "") {
      await give(session, ["put-tokens"], once(tokens));
      loaded.restored.push("the services' tokens");
    }
    const home = found(HOME);
    if (home !== undefined) await put("Bringing back the home folder", "the home folder", home, "put-home");
    const python = found(PYTHON);
    const unfit = python === undefined ? undefined : unfitPython(backup, seen);
    if (unfit !== undefined) loaded.left.push(unfit);
    else if (python !== undefined)
      await put("Bringing back what pip installed", "what pip installed", python, "put-python");
  } finally {
    // Also after a failure: whoever looks into it wants the workbench back.
    await ask(session, "start").catch((error: unknown) => {
      deps.log.write("restore", { start: error instanceof Error ? error.message : String(error) });
    });
  }
  for (const member of backup.manifest.members) {
    const former = leftOfMember(member.name);
    if (former !== undefined)
      loaded.left.push(
        `What ${former} had left, which was no service any more, was left out. It is in the backup still: ${member.name}.`,
      );
    const name = serviceOfMember(member.name);
    if (name === undefined) continue;
    const service = takerOf(name, backup, seen);
    if (service === undefined)
      loaded.left.push(
        `What ${name} held was left out: this workbench has no such service. It is in the backup still: ${member.name}.`,
      );
    else {
      const what = `what ${name} held${service.name === name ? "" : ` (in ${service.name} now)`}`;
      await put(`Bringing back ${name}`, what, member, "load", service.kind, service.name);
    }
  }
  const shared = seen.folders.filter((folder) => backup.tops.has(folder));
  for (const folder of shared)
    loaded.left.push(
      `${folder}/ of the home folder was left out: it is a shared folder now. It is in the backup still.`,
    );
  return loaded;
}

/** The service of that name and kind; else, since services are renamed, the only one of its kind that takes nothing else. */
function takerOf(name: string, { manifest }: Checked, { loads }: GuestLook): Service | undefined {
  const kind = manifest.services.find((one) => one.name === name)?.kind;
  const same = loads.find((one) => one.name === name && (kind === undefined || one.kind === kind));
  if (same !== undefined || kind === undefined) return same;
  const taken = new Set(manifest.members.map((member) => serviceOfMember(member.name)));
  const others = loads.filter((one) => one.kind === kind && !taken.has(one.name));
  const alike = manifest.services.filter((one) => one.kind === kind);
  return others.length === 1 && alike.length === 1 ? others[0] : undefined;
}

/** What `pip install` brought is for one Python on one kind of machine. */
function unfitPython({ manifest: { guest } }: Checked, seen: GuestLook): string | undefined {
  if (guest.python === seen.pythonVersion && guest.machine === seen.machine) return undefined;
  const told = (python: string, machine: string): string => `Python ${python || "?"} on ${machine || "?"}`;
  return `What pip installed in notebooks was left out: it is for ${told(guest.python, guest.machine)}, and the VM has ${told(seen.pythonVersion, seen.machine)}. Install it anew, or name it under packages in workbench.yaml.`;
}

async function* counted(deps: Needs, id: string, pieces: AsyncIterable<Buffer>, total: number): AsyncGenerator<Buffer> {
  let done = 0;
  for await (const piece of pieces) {
    done += piece.length;
    deps.reporter.emit({ type: "step-bytes", id, done, total });
    yield piece;
  }
}

async function* once(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}
