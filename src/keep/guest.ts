/** Runs provision/keep.sh in the VM: how it is sent, what it says, and its failures as a person reads them. */

import script from "../../provision/keep.sh";
import { UserError } from "../errors.ts";
import type { SshSession } from "../ports.ts";

/** A verb of keep.sh; words are our own, or were checked. */
function command(...words: string[]): string {
  if (words.some((word) => !/^[a-z][a-z0-9-]*$/.test(word))) throw new Error(`unfit for a command: ${words.join(" ")}`);
  // sshd hands it to a shell; between single quotes that takes everything as it stands.
  return `sudo -n bash -c '${script.replaceAll("'", "'\\''")}' notebox ${words.join(" ")}`;
}

const MARK = Buffer.from("NOTEBOX-KEEP-1\n");
/** A database may think for long before it says anything. */
const IDLE_MS = 900_000;
const QUICK_MS = 300_000;
const GREETING_LIMIT = 64 * 1024;

/** What the verb gives, piece by piece; throws once it has failed. `told` gets what it complained about. */
export async function* take(
  session: SshSession,
  words: string[],
  told: (stderr: string) => void = () => {},
): AsyncGenerator<Buffer> {
  const stream = session.stream(command(...words), { idleMs: IDLE_MS });
  yield* afterMark(stream.output);
  const { code, stderr } = stream.ended();
  told(stderr);
  if (code !== 0) throw failure(words, code, stderr);
}

/** Gives the verb its input. */
export async function give(session: SshSession, words: string[], input: AsyncIterable<Uint8Array>): Promise<void> {
  const stream = session.stream(command(...words), { input, idleMs: IDLE_MS });
  for await (const _ of stream.output);
  const { code, stderr } = stream.ended();
  if (code !== 0) throw failure(words, code, stderr);
}

/** A verb with little to say. */
export async function ask(session: SshSession, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await session.exec(command(...words), { timeoutMs: QUICK_MS });
  if (code !== 0) throw failure(words, code, stderr);
  return stdout.slice(stdout.indexOf(MARK.toString()) + MARK.length);
}

async function* afterMark(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let before: Buffer | undefined = Buffer.alloc(0);
  for await (const piece of pieces) {
    if (before === undefined) {
      yield piece;
      continue;
    }
    before = Buffer.concat([before, piece]);
    const at = before.indexOf(MARK);
    if (at < 0 && before.length < GREETING_LIMIT) continue;
    if (at < 0) throw failure([], 0, "it says something else than was asked");
    const rest: Buffer = before.subarray(at + MARK.length);
    before = undefined;
    if (rest.length > 0) yield rest;
  }
}

const DOING: Readonly<Record<string, string>> = {
  save: "Saving the service",
  load: "Bringing back the service",
  "put-home": "Bringing back the home folder",
  "put-python": "Bringing back what pip installed",
};

function failure(words: readonly string[], code: number, stderr: string): UserError {
  // The last line of tar only says that there were others.
  const lines = stderr.split("\n").filter((line) => line.trim() !== "" && !/^tar: Exiting with failure/.test(line));
  const full = /No space left on device/.test(stderr);
  const doing = `${DOING[words[0] ?? ""] ?? "What had to be done"}${words[2] === undefined ? "" : ` ${words[2]}`}`;
  return new UserError({
    code: full ? "disk-full" : "vagrant",
    message: `${doing} failed in the VM: ${full ? "its disk is full" : (lines.at(-1) ?? `exit code ${code}`)}.`,
    hint: full
      ? "Make room in the VM (`notebox ssh`) and run the same command again."
      : "`notebox verify` and `notebox logs` say how the VM is; then run the same command again.",
  });
}

export interface Service {
  kind: string;
  name: string;
}

export interface GuestLook {
  /** False: it was never set up, so there is nothing of anybody's in it. */
  account: boolean;
  /** Bytes. */
  home: number;
  python: number;
  freeHome: number;
  freeState: number;
  machine: string;
  pythonVersion: string;
  folders: string[];
  /** Services that have something to save, and those that can take it back. */
  saves: Service[];
  loads: Service[];
  /** Names of services that are none any more and have left data. */
  left: string[];
}

export async function lookAtGuest(session: SshSession): Promise<GuestLook> {
  const lines = (await ask(session, "look")).trimEnd().split("\n");
  if (lines.at(-1) !== "end") throw failure(["look"], 0, "the VM's answer is not whole");
  const all = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const one = (word: string): string => all(word)[0] ?? "";
  const services = (word: string): Service[] =>
    all(word).flatMap((line) => {
      const [, kind, name] = /^([a-z][a-z0-9-]*) ([a-z][a-z0-9-]*)$/.exec(line) ?? [];
      return kind === undefined || name === undefined ? [] : [{ kind, name }];
    });
  return {
    account: one("account") === "yes",
    home: Number(one("home")) || 0,
    python: Number(one("python-bytes")) || 0,
    freeHome: Number(one("free-home")) || 0,
    freeState: Number(one("free-state")) || 0,
    machine: one("machine"),
    pythonVersion: one("python"),
    folders: all("folder"),
    saves: services("save"),
    loads: services("load"),
    left: all("left").filter((name) => /^[a-z][a-z0-9-]*$/.test(name)),
  };
}
