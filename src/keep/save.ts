/**
 * A running VM → one file: home folder, what `pip install` added, tokens, and what each kind of service saves. It is
 * streamed over SSH, so the VM needs room only for what a service dumps; nothing is kept before the file was checked.
 */
import path from "node:path";
import { makeFolder } from "../boxes/durable.ts";
import { UserError } from "../errors.ts";
import type { Deps, SshSession, SshTarget } from "../ports.ts";
import { freeBytes, gib } from "../vagrant/measure.ts";
import { type Archive, createArchive, writingFault } from "./archive.ts";
import { checkBackup } from "./check.ts";
import type { Room } from "./contents.ts";
import { ask, type GuestLook, lookAtGuest, take } from "./guest.ts";
import { HOME, leftMember, type Manifest, PYTHON, README, serviceMember, TOKENS } from "./manifest.ts";

type Needs = Pick<Deps, "ssh" | "signal" | "log" | "reporter" | "clock" | "processes" | "version">;

export interface SaveOptions {
  target: SshTarget;
  file: string;
  workbench: { name: string; title: string };
  services: Manifest["services"];
  /** The VM goes, or stops, once this is saved: its services rest from before on, so that nobody works in it meanwhile. */
  last?: boolean;
}

export interface Saved {
  file: string;
  bytes: number;
  /** Files, folders and links in the home folder and below ~/.python. */
  home: number;
  python: number;
  /** Names of those that saved something. */
  services: string[];
  /** Names of those that are no services any more and whose data lie in it as they were found. */
  left: string[];
  tokens: number;
  /** What could not be read, in words. */
  without: string[];
}

const CONNECT_MS = 20_000;
/** Beside what is to be written. */
const SPARE = 64 * 1024 ** 2;
const SPARE_IN_VM = 128 * 1024 ** 2;
const TOLD = 20;
/** Of one line about a file; paths can be longer than a manifest may have them. */
const LINE = 1000;

/**
 * undefined when the VM was never set up, so that nothing of anybody's is in it. Throws UserError `refused` (the file
 * is there), `disk-full`, `unreachable`, `vagrant` (a service could not be saved), `integrity`, `interrupted`.
 */
export async function saveVm(deps: Needs, options: SaveOptions): Promise<Saved | undefined> {
  const session = await deps.ssh.connect(options.target, { timeoutMs: CONNECT_MS, signal: deps.signal });
  try {
    const seen = await lookAtGuest(session);
    if (!seen.account) return undefined;
    await requireRoom(deps, options.file, seen);
    await makeFolder(path.dirname(options.file));
    const write = async (): Promise<Saved> => {
      const archive = await createArchive(options.file, deps.clock.now() / 1000);
      try {
        const saved = await fill(deps, session, archive, options, seen);
        const bytes = await check(deps, archive.part);
        await archive.keep();
        return { file: options.file, bytes, ...saved };
      } finally {
        await archive.drop();
      }
    };
    return options.last === true ? await atRest(deps, session, options.target, write) : await write();
  } catch (error) {
    throw writingFault(error, options.file);
  } finally {
    await session.close();
  }
}

/** The services rest, and go on resting if `work` succeeds. */
async function atRest<T>(deps: Needs, session: SshSession, target: SshTarget, work: () => Promise<T>): Promise<T> {
  const noted = (error: unknown): void => {
    if (!(error instanceof UserError)) throw error;
    deps.log.write("backup", { services: error.message });
  };
  try {
    // One that is broken, or was never set up, must not keep the rest from being saved.
    await ask(session, "stop").catch((error: unknown) => {
      if (deps.signal.aborted) throw error;
      noted(error);
    });
    return await work();
  } catch (error) {
    // The connection may be what failed, and after Ctrl-C the other signal has come already.
    const { signal } = new AbortController();
    const again = await deps.ssh.connect(target, { timeoutMs: CONNECT_MS, signal }).catch(noted);
    if (again !== undefined)
      await ask(again, "start")
        .catch(noted)
        .finally(() => again.close());
    throw error;
  }
}

async function requireRoom(deps: Needs, file: string, seen: GuestLook): Promise<void> {
  const ask = async (program: string, ...args: string[]) => {
    const ran = await deps.processes.run(program, args, { timeoutMs: 10_000 }).catch(() => undefined);
    return ran?.exitCode === 0 ? { text: ran.stdout } : undefined;
  };
  const free = await freeBytes(ask, path.dirname(file));
  const needed = seen.home + seen.python + SPARE;
  if (free !== undefined && free < needed)
    throw new UserError({
      code: "disk-full",
      message: `The backup may need ${gib(needed)} in ${path.dirname(file)}, and ${gib(free)} are free there.`,
      hint: "Free some space, or name a file on another disk with --to. Nothing was written.",
    });
  if (seen.saves.length > 0 && seen.freeState < SPARE_IN_VM)
    throw new UserError({
      code: "disk-full",
      message: `The VM's disk has only ${gib(seen.freeState)} free, too little for what ${seen.saves.map(({ name }) => name).join(", ")} must write before it can be saved.`,
      hint: "Make room in the VM (`notebox ssh`) and run the same command again. Nothing was written.",
    });
}

async function fill(
  deps: Needs,
  session: SshSession,
  archive: Archive,
  { workbench, services }: SaveOptions,
  seen: GuestLook,
): Promise<Omit<Saved, "file" | "bytes">> {
  const made = new Date(deps.clock.now()).toISOString();
  await archive.addText(README, readMe(workbench.title, made));
  const tokens = await readTokens(deps, session);
  await archive.addText(TOKENS, tokens);
  const without: string[] = [];
  const tar = async (title: string, name: string, room: Room, ...words: string[]): Promise<number> => {
    const id = `save-${words.join("-")}`;
    deps.reporter.emit({ type: "step-start", id, title });
    try {
      const bytes = take(session, words, (stderr) => without.push(...unread(stderr)));
      const progress = (done: number): void => deps.reporter.emit({ type: "step-bytes", id, done });
      const member = await archive.addTar(name, bytes, room, progress);
      deps.reporter.emit({ type: "step-done", id });
      return member.files ?? 0;
    } catch (error) {
      deps.reporter.emit({ type: "step-failed", id });
      throw error;
    }
  };
  const home = await tar("Saving the home folder", HOME, "account", "home");
  const python = seen.python > 0 ? await tar("Saving what pip installed", PYTHON, "account", "python") : 0;
  for (const { kind, name } of seen.saves) await tar(`Saving ${name}`, serviceMember(name), "root", "save", kind, name);
  for (const name of seen.left)
    await tar(`Saving what ${name}, which is no service any more, left`, leftMember(name), "account", "left", name);
  await archive.close({
    ...{ format: "notebox-backup", version: 1, made, by: deps.version, workbench, services },
    guest: { python: seen.pythonVersion, machine: seen.machine },
    without: without.slice(0, TOLD),
  });
  return {
    home,
    python,
    services: seen.saves.map(({ name }) => name),
    left: seen.left,
    tokens: tokens.split("\n").length - 1,
    without: without.slice(0, TOLD),
  };
}

/** The lines that are tokens; anything else is not passed on. */
async function readTokens(deps: Needs, session: SshSession): Promise<string> {
  const lines = (await ask(session, "tokens")).split("\n");
  const sound = lines.filter((line) => /^[a-z][a-z0-9-]{0,39} [0-9a-f]{32,256}$/.test(line));
  for (const line of sound) deps.log.redact(line.split(" ")[1] ?? "");
  return sound.map((line) => `${line}\n`).join("");
}

/** What tar says of files that it could not read, or not while they stood still. */
function unread(stderr: string): string[] {
  return stderr.split("\n").flatMap((line) => {
    const [, name, why] =
      /^tar: (.*?): (?:Warning: )?(Cannot .*|Read error .*|file changed as we read it|File (?:removed|shrank) .*)/.exec(
        line,
      ) ?? [];
    return name === undefined || why === undefined ? [] : [`${shortPath(name.replace(/^\.\//, ""))}: ${why}`];
  });
}

const shortPath = (name: string): string => (name.length > LINE ? `${name.slice(0, LINE)}…` : name);

/** As whoever restores it will; gives back its size. */
async function check(deps: Needs, part: string): Promise<number> {
  const id = "check-backup";
  deps.reporter.emit({ type: "step-start", id, title: "Checking what was written" });
  try {
    let bytes = 0;
    await checkBackup(part, deps.signal, (done) => {
      bytes = done;
      deps.reporter.emit({ type: "step-bytes", id, done });
    });
    deps.reporter.emit({ type: "step-done", id });
    return bytes;
  } catch (error) {
    deps.reporter.emit({ type: "step-failed", id });
    throw error;
  }
}

function readMe(title: string, made: string): string {
  return `This is a backup of the workbench “${title}”, made by notebox at ${made}.
It holds work from inside the virtual machine and its tokens: whoever has this file can open the workbench.
Keep it to yourself. "notebox restore FILE", in the workbench's folder, brings it back.
`;
}
