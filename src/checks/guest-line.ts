/**
 * The line to the guest for one round of checks: connects once, asks once, and lends the answer to all checks that
 * need it. Before asking it lays a small file into each shared folder, by which the guest sees whether what this
 * computer writes arrives; the guest deletes it, and what it left is deleted afterwards.
 */
import fs from "node:fs/promises";
import path from "node:path";
import type { Clock, Ssh, SshSession, SshTarget } from "../ports.ts";
import { type Asked, askGuest, newNonce, type Questions } from "./ask-guest.ts";
import { type Answer, passed } from "./check.ts";

export interface GuestLine {
  connect(): Promise<Answer>;
  ask(): Promise<Answer>;
  /** What the guest answered; only after `ask` has passed. */
  answer(): Asked;
  /** Whether this computer's file is still in that folder; undefined when none could be laid there. */
  left(folder: string): boolean | undefined;
  close(): Promise<void>;
}

export interface GuestLineOptions {
  target: SshTarget;
  questions: Omit<Questions, "nonce">;
  /** The workbench folder, absolute. */
  folder: string;
  signal: AbortSignal;
  /** Called with each token as soon as it is known, so that no log and no report ever holds one. */
  redact: (secret: string) => void;
}

const CONNECT_MS = 20_000;
const ASK_MS = 90_000;

export function guestLine(deps: { ssh: Ssh; clock: Clock }, options: GuestLineOptions): GuestLine {
  const { target, folder, signal } = options;
  let session: SshSession | undefined;
  let asked: Asked | undefined;
  const leftBehind = new Map<string, boolean>();
  return {
    async connect() {
      const start = deps.clock.now();
      session = await deps.ssh.connect(target, { timeoutMs: CONNECT_MS, signal });
      return passed(`${target.username}@${target.host}:${target.port} in ${seconds(deps.clock.now() - start)}`);
    },
    async ask() {
      if (session === undefined) throw new Error("asked before connected");
      const nonce = newNonce();
      const laid = await layFiles(folder, options.questions.folders, nonce);
      try {
        const now = () => deps.clock.now();
        asked = await askGuest(session, { ...options.questions, nonce }, { now, timeoutMs: ASK_MS });
      } finally {
        for (const [name, file] of laid) leftBehind.set(name, await takeAway(file));
      }
      for (const token of Object.values(asked.answer.tokens ?? {}))
        if (token?.value) options.redact(token.value.trim());
      return passed(`all questions answered in ${seconds(asked.received - asked.sent)}`);
    },
    answer() {
      if (asked === undefined) throw new Error("no answer yet");
      return asked;
    },
    left: (name) => leftBehind.get(name),
    close: async () => await session?.close(),
  };
}

/** A folder that cannot be written on this side is left out: the guest's own attempt will tell. */
async function layFiles(folder: string, names: readonly string[], nonce: string): Promise<Map<string, string>> {
  const laid = new Map<string, string>();
  for (const name of names) {
    const file = path.join(folder, name, `.notebox-verify-${nonce}-host`);
    try {
      // Readable and writable for whomever the VM's side takes itself for.
      await fs.writeFile(file, nonce, { flag: "wx", mode: 0o666 });
      laid.set(name, file);
    } catch {}
  }
  return laid;
}

/** Deletes the file; true if it was still there. */
async function takeAway(file: string): Promise<boolean> {
  try {
    await fs.unlink(file);
    return true;
  } catch {
    return false;
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
