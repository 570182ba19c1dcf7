/**
 * SSH by node-ssh: one connection, any number of commands on it.
 * Only for VMs that Vagrant started on this computer (reached over loopback or libvirt's own bridge): the host
 * key is new for every VM, made at its first start, and the connection does not leave the machine, so the host
 * key is not compared with an earlier one. `vagrant ssh` does the same (StrictHostKeyChecking no).
 * What is asked in the guest is for the callers to decide.
 */
import fs from "node:fs/promises";
import type { NodeSSH } from "node-ssh";
import { systemErrorCode, UserError } from "../errors.ts";
import type { Ssh, SshSession, SshTarget } from "../ports.ts";
import { streamOver } from "./ssh-stream.ts";

/** Seconds without any sign of life after which a connection counts as lost: 3 unanswered questions, 5 s apart. */
const KEEPALIVE = { keepaliveInterval: 5000, keepaliveCountMax: 3 };

export function createSsh(): Ssh {
  return { connect: (target, options) => connect(target, options) };
}

async function connect(
  target: SshTarget,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
): Promise<SshSession> {
  const privateKey = await readKey(target.privateKeyPath);
  const { NodeSSH } = await import("node-ssh");
  const client = new NodeSSH();
  try {
    await whichever(
      client.connect({
        host: target.host,
        port: target.port,
        username: target.username,
        privateKey,
        readyTimeout: timeoutMs,
        ...KEEPALIVE,
      }),
      { timeoutMs: timeoutMs + 1000, signal, end: () => client.connection?.destroy() },
    );
  } catch (error) {
    throw refused(error, target, timeoutMs);
  }
  // A connection that dies while nothing waits on it must not end the program; the next command will say so.
  client.connection?.on("error", () => {});
  return {
    exec: (command, options) => exec(client, command, options ?? {}, target, signal),
    stream: (command, options) => {
      if (client.connection === null) throw lost(target, "the connection has ended");
      return streamOver(client.connection, command, { ...options, signal, lost: (what) => lost(target, what) });
    },
    close: async () => client.dispose(),
  };
}

async function exec(
  client: NodeSSH,
  command: string,
  options: { input?: string; timeoutMs?: number },
  target: SshTarget,
  signal: AbortSignal | undefined,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const connection = client.connection;
  if (connection === null) throw lost(target, "the connection has ended");
  // Bytes are joined before they are decoded: a character may be cut by the edge of a packet.
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let cut: ((error: unknown) => void) | undefined;
  const broken = new Promise<never>((_, reject) => {
    cut = reject;
  });
  const onEnd = () => cut?.(lost(target, "the connection was cut while a command ran"));
  connection.once("close", onEnd);
  try {
    const done = client.execCommand(command, {
      stdin: options.input ?? "",
      onStdout: (chunk) => stdout.push(chunk),
      onStderr: (chunk) => stderr.push(chunk),
    });
    const end = await whichever(Promise.race([done, broken]), {
      timeoutMs: options.timeoutMs,
      signal,
      end: () => connection.destroy(),
    });
    return {
      code: end.code ?? 255,
      stdout: Buffer.concat(stdout).toString("utf8"),
      stderr: Buffer.concat(stderr).toString("utf8"),
    };
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof TimeUp)
      throw lost(target, `a command did not end within ${(options.timeoutMs ?? 0) / 1000} s`);
    throw lost(target, error instanceof Error ? error.message : String(error));
  } finally {
    connection.removeListener("close", onEnd);
  }
}

class TimeUp extends Error {}

async function whichever<T>(
  work: Promise<T>,
  { timeoutMs, signal, end }: { timeoutMs: number | undefined; signal: AbortSignal | undefined; end: () => void },
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let stop: (() => void) | undefined;
  const watch = new Promise<never>((_, reject) => {
    if (timeoutMs !== undefined) timer = setTimeout(() => reject(new TimeUp()), timeoutMs);
    stop = () => reject(new UserError({ code: "interrupted", message: "Interrupted." }));
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, watch]);
  } catch (error) {
    work.catch(() => {});
    end();
    throw error;
  } finally {
    clearTimeout(timer);
    if (stop !== undefined) signal?.removeEventListener("abort", stop);
  }
}

async function readKey(path: string): Promise<string> {
  try {
    return await fs.readFile(path, "utf8");
  } catch (error) {
    throw new UserError({
      code: "unreachable",
      message: `The key that opens the VM cannot be read: ${path} (${systemErrorCode(error) ?? String(error)}).`,
      hint: "The VM was made on another computer or by another user, or .vagrant/ was deleted: run `notebox destroy`, then `notebox up`.",
      cause: error,
    });
  }
}

function refused(error: unknown, target: SshTarget, timeoutMs: number): unknown {
  if (error instanceof UserError) return error;
  const address = `${target.host}:${target.port}`;
  const level = error instanceof Error && "level" in error ? String(error.level) : "";
  const code = systemErrorCode(error) ?? "";
  const say = (message: string, hint: string) => new UserError({ code: "unreachable", message, hint, cause: error });
  if (level === "client-authentication")
    return say(
      `The VM at ${address} does not accept the key of ${target.username}.`,
      "Another VM may have taken this port: `notebox down`, then `notebox up` gives it a fresh one.",
    );
  if (code === "ECONNREFUSED")
    return say(`Nothing listens for SSH at ${address}.`, "Is the VM running? `notebox up` starts it.");
  if (error instanceof TimeUp || level === "client-timeout" || code === "ETIMEDOUT")
    return say(
      `SSH at ${address} did not answer within ${timeoutMs / 1000} s.`,
      "The VM may still be starting: wait a minute and try again; `notebox status` says how it is.",
    );
  if (code === "ECONNRESET" || level === "protocol" || level === "client-socket")
    return say(
      `SSH at ${address} hung up before it said who it is.`,
      "The VM may still be starting: wait a minute and try again; `notebox status` says how it is.",
    );
  return say(
    `SSH at ${address} failed: ${error instanceof Error ? error.message : String(error)}.`,
    "`notebox status` says how the VM is.",
  );
}

function lost(target: SshTarget, what: string): UserError {
  return new UserError({
    code: "unreachable",
    message: `SSH to ${target.host}:${target.port} broke off: ${what}.`,
    hint: "`notebox status` says how the VM is; `notebox down`, then `notebox up` starts it afresh.",
  });
}
