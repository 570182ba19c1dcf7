/**
 * An SSH server on loopback, in this process, that lets one key in and answers commands as it is told, or has a program
 * answer them, byte for byte.
 */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import fs from "node:fs";
import type net from "node:net";
import path from "node:path";
import { type Connection, Server, type ServerChannel, utils } from "ssh2";

export interface Command {
  command: string;
  input: string;
}

export interface Reply {
  stdout?: string;
  stderr?: string;
  code?: number;
  /** Cut the connection instead of answering. */
  hangUp?: boolean;
}

export interface SshServer {
  port: number;
  /** Path of the private key that is let in. */
  key: string;
  connections: number;
  commands: Command[];
  reply: (command: Command) => Reply | Promise<Reply>;
  /** Starts what answers a command in the place of `reply`. */
  program?: (command: string) => ChildProcessWithoutNullStreams | undefined;
  /** Cuts all connections, as a VM that dies does. */
  cut(): void;
  close(): Promise<void>;
}

/** A private key as PEM. By Node: of ssh2's own ed25519 keys one in a few hundred cannot be read again. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "sec1", format: "pem" }).toString();
}

/** `folder`: where the client's key is written. */
export async function startSshServer(folder: string, reply: SshServer["reply"]): Promise<SshServer> {
  const client = newKey();
  const parsed = utils.parseKey(client);
  if (parsed instanceof Error) throw parsed;
  const allowed = Array.isArray(parsed) ? parsed[0] : parsed;
  const key = path.join(folder, "private_key");
  fs.writeFileSync(key, client, { mode: 0o600 });
  const open = new Set<Connection>();
  const server = new Server({ hostKeys: [newKey()] }, (connection) => {
    open.add(connection);
    self.connections++;
    connection.on("error", () => {});
    connection.on("close", () => open.delete(connection));
    connection.on("authentication", (context) => {
      if (context.method !== "publickey" || !context.key.data.equals(allowed.getPublicSSH()))
        return context.reject(["publickey"]);
      if (context.signature && context.blob && !allowed.verify(context.blob, context.signature, context.hashAlgo))
        return context.reject();
      return context.accept();
    });
    connection.on("session", (accept) => {
      accept().on("exec", (acceptExec, _reject, info) => {
        const channel = acceptExec();
        const child = self.program?.(info.command);
        if (child !== undefined) return connect(channel, child);
        const chunks: Buffer[] = [];
        channel.on("data", (chunk: Buffer) => chunks.push(chunk));
        channel.on("end", async () => {
          const command = { command: info.command, input: Buffer.concat(chunks).toString() };
          self.commands.push(command);
          const answer = await self.reply(command);
          if (answer.hangUp) return void connection.end();
          channel.stderr.write(answer.stderr ?? "");
          channel.write(answer.stdout ?? "");
          channel.exit(answer.code ?? 0);
          channel.end();
        });
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const self: SshServer = {
    port: (server.address() as net.AddressInfo).port,
    key,
    connections: 0,
    commands: [],
    reply,
    cut: () => {
      for (const connection of open) connection.end();
    },
    async close() {
      for (const connection of open) connection.end();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return self;
}

function connect(channel: ServerChannel, child: ChildProcessWithoutNullStreams): void {
  channel.pipe(child.stdin);
  child.stdin.on("error", () => {});
  channel.on("error", () => {});
  channel.on("close", () => child.kill("SIGKILL"));
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.on("close", (code) => {
    channel.exit(code ?? 255);
    channel.end();
  });
}
