/**
 * One command over an SSH connection with its bytes as they come, in both directions. For node-ssh.ts, whose own
 * commands keep all of the output in memory.
 */
import { type EventEmitter, once } from "node:events";
import type { Duplex, Readable } from "node:stream";
import { UserError } from "../errors.ts";
import type { SshStream } from "../ports.ts";

type Channel = Duplex & { stderr: Readable };

/** As much of ssh2's client as is needed. */
type Connection = EventEmitter & {
  exec(command: string, done: (error: Error | undefined, channel: Channel) => void): unknown;
  destroy(): unknown;
};

export interface StreamOptions {
  input?: AsyncIterable<Uint8Array>;
  idleMs: number;
  signal: AbortSignal | undefined;
  lost: (what: string) => UserError;
}

/** Of what a command complains about. */
const STDERR_LIMIT = 64 * 1024;

export function streamOver(connection: Connection, command: string, options: StreamOptions): SshStream {
  const end = { code: 255, stderr: "" };
  return { output: run(connection, command, options, end), ended: () => end };
}

async function* run(
  connection: Connection,
  command: string,
  { input, idleMs, signal, lost }: StreamOptions,
  end: { code: number; stderr: string },
): AsyncGenerator<Buffer> {
  // What broke the stream off; a channel whose connection has gone only ends.
  let fault: unknown;
  let whole = false;
  const breakOff = (why: unknown): void => {
    fault ??= why;
    connection.destroy();
  };
  const stop = (): void => breakOff(new UserError({ code: "interrupted", message: "Interrupted." }));
  let watch: NodeJS.Timeout | undefined;
  const alive = (): void => {
    clearTimeout(watch);
    watch = setTimeout(() => breakOff(lost(`nothing came for ${idleMs / 1000} s`)), idleMs);
  };
  const gone = (): void => {
    fault ??= lost("the connection was cut while a command ran");
  };
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  connection.once("close", gone);
  alive();
  try {
    let closed: Promise<unknown> = Promise.resolve();
    // At once: of a command that is quick, its end may stand in the same packet as its beginning.
    const listen = (channel: Channel): void => {
      channel.on("exit", (code: number | null) => {
        whole = true;
        end.code = code ?? 255;
      });
      channel.on("error", breakOff);
      channel.stderr.on("data", (bytes: Buffer) => {
        end.stderr = `${end.stderr}${bytes.toString("utf8")}`.slice(-STDERR_LIMIT);
      });
      closed = new Promise((resolve) => channel.once("close", resolve));
    };
    const channel = await open(connection, command, listen).catch((error: unknown) => {
      throw fault ?? lost(error instanceof Error ? error.message : String(error));
    });
    void send(channel, input, alive).catch(breakOff);
    for await (const bytes of channel) {
      alive();
      yield bytes as Buffer;
    }
    await closed;
    if (!whole) throw fault ?? lost("a command ended without saying how");
    if (fault !== undefined) throw fault;
  } catch (error) {
    throw fault ?? error;
  } finally {
    clearTimeout(watch);
    signal?.removeEventListener("abort", stop);
    connection.removeListener("close", gone);
    // Whoever reads no further wants the command to end, and there is no sure way but this one.
    if (!whole) connection.destroy();
  }
}

async function open(connection: Connection, command: string, listen: (channel: Channel) => void): Promise<Channel> {
  return await new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error("the connection has ended"));
    connection.once("close", gone);
    connection.exec(command, (error, channel) => {
      connection.removeListener("close", gone);
      if (error) return reject(error);
      listen(channel);
      resolve(channel);
    });
  });
}

async function send(channel: Channel, input: AsyncIterable<Uint8Array> | undefined, alive: () => void): Promise<void> {
  for await (const bytes of input ?? []) {
    // The command has ended by itself, and its exit code says why.
    if (channel.destroyed || !channel.writable) return;
    if (!channel.write(bytes)) await Promise.race([once(channel, "drain"), once(channel, "close")]);
    alive();
  }
  channel.end();
}
