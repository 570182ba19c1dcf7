/**
 * Puts all questions to the guest: one SSH connection, one command, one JSON document back.
 * The tokens come back on the same encrypted channel, so that the host needs no file with them.
 */
import { randomBytes } from "node:crypto";
import { UserError } from "../errors.ts";
import type { SshSession } from "../ports.ts";
import { clean } from "./check.ts";
import { type GuestAnswer, readAnswer } from "./guest-answer.ts";
import { probe } from "./probe/whole.ts";

export interface Questions {
  services: readonly { name: string; unit: string; port: number }[];
  /** Shared folders, relative to the account's home. */
  folders: readonly string[];
  /** Part of the names of the files with which shared folders are tried. */
  nonce: string;
}

/** What was asked and when (the host's clock, milliseconds since 1970), so that clocks can be compared. */
export interface Asked {
  answer: GuestAnswer;
  nonce: string;
  sent: number;
  received: number;
}

export function newNonce(): string {
  return randomBytes(6).toString("hex");
}

// -I: nothing from the caller's environment; -S: no site packages, which halves the start.
const COMMAND = `if command -v python3 >/dev/null 2>&1; then exec sudo -n python3 -I -S -; else echo no-python3 >&2; exit 127; fi`;

/** Throws UserError `check-failed` with what to do when the guest cannot answer at all. */
export async function askGuest(
  session: SshSession,
  questions: Questions,
  options: { now: () => number; timeoutMs: number },
): Promise<Asked> {
  // The questions travel as base64 in a Python literal: data, whatever is in them.
  const data = Buffer.from(JSON.stringify(questions)).toString("base64");
  const head = `import base64, json\nASKED = json.loads(base64.b64decode("${data}"))\n`;
  const sent = options.now();
  const end = await session.exec(COMMAND, { input: head + probe, timeoutMs: options.timeoutMs });
  const received = options.now();
  const answer = readAnswer(end.stdout);
  if ("wrong" in answer) throw noAnswer(end, answer.wrong);
  return { answer, nonce: questions.nonce, sent, received };
}

function noAnswer(end: { code: number; stderr: string }, wrong: string): UserError {
  const say = (message: string, hint: string) => new UserError({ code: "check-failed", message, hint });
  const again = "`notebox up` provisions the VM again; `notebox destroy`, then `notebox up` makes a new one.";
  if (end.code === 127 && end.stderr.includes("no-python3"))
    return say("There is no python3 in the VM.", `The box is not one that notebox can use, or was damaged. ${again}`);
  if (/^sudo:/m.test(end.stderr))
    return say(
      `The account vagrant may not use sudo in the VM: ${clean(end.stderr.trim(), 200)}`,
      `Vagrant boxes allow it without a password. ${again}`,
    );
  const last = end.stderr.trim().split("\n").at(-1) ?? "";
  return say(`The VM gave ${wrong} (exit code ${end.code})${last === "" ? "" : `: ${clean(last, 200)}`}.`, again);
}
