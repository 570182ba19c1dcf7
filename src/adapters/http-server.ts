/**
 * HTTP servers by node:http. Files are streamed through two buffers a connection, so that memory does not grow with
 * files or clients' slowness. What is answered, and what may be, is decided by whoever listens.
 */
import type { FileHandle } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { systemErrorCode, UserError } from "../errors.ts";
import type { HttpServer, HttpServers, Served, ServedAnswer, ServedRequest } from "../ports.ts";

/** A client that takes or sends nothing for so long is gone. */
const IDLE_MS = 120_000;
const CHUNK = 512 * 1024;
/** Buffers that are kept for the next file; fresh ones cost as much time as reading into them. */
const SPARE = 64;

type Options = Parameters<HttpServers["listen"]>[0];

export function createHttpServers(): HttpServers {
  return {
    async listen(options) {
      const running = new Set<Promise<void>>();
      const server = http.createServer((request, response) => {
        const one = serve(request, response, options).finally(() => running.delete(one));
        running.add(one);
      });
      server.setTimeout(IDLE_MS);
      await new Promise<void>((resolve, reject) => {
        server.once("error", (error) => reject(cannotListen(error, options)));
        server.listen({ host: options.host, port: options.port, exclusive: true }, () => resolve());
      });
      server.on("error", () => {});
      return {
        port: (server.address() as AddressInfo).port,
        busy: () => running.size,
        close: async (graceMs) => {
          await close(server, graceMs);
          await Promise.all(running);
        },
      } satisfies HttpServer;
    },
  };
}

async function close(server: http.Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // A connection becomes idle when its last answer is out; nobody tells us, so it is looked at now and then.
  const sweep = setInterval(() => server.closeIdleConnections(), 100);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}

async function serve(message: http.IncomingMessage, response: http.ServerResponse, options: Options): Promise<void> {
  const started = performance.now();
  const { socket } = message;
  const client = socket.remoteAddress ?? "-";
  const request: ServedRequest = {
    method: message.method ?? "",
    target: message.url ?? "",
    headers: Object.fromEntries(
      Object.entries(message.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
    ),
    reachedAt: `${bracketed(socket.localAddress ?? "127.0.0.1")}:${socket.localPort ?? 0}`,
  };
  const answer = await options.answer(request).catch(
    (error: unknown): ServedAnswer => ({
      status: 500,
      headers: { "content-type": "text/plain" },
      body: `${error instanceof Error ? error.message : String(error)}\n`,
    }),
  );
  const sent = await send(response, request.method, answer);
  const ms = performance.now() - started;
  options.served?.({ client, request, status: answer.status, ...sent, ms } satisfies Served);
}

function bracketed(address: string): string {
  // A v4 client of a v6 socket.
  const plain = address.replace(/^::ffff:(?=\d+\.)/, "");
  return plain.includes(":") ? `[${plain}]` : plain;
}

async function send(response: http.ServerResponse, method: string, { status, headers, body }: ServedAnswer) {
  const length = typeof body === "object" ? body.length : Buffer.byteLength(body ?? "");
  const hasBody = status !== 304 && status !== 204;
  const own = hasBody ? { "content-length": length } : {};
  try {
    response.writeHead(status, { ...headers, ...own });
    if (method === "HEAD" || body === undefined || !hasBody) {
      response.end();
      return { bytes: 0, complete: true };
    }
    if (typeof body === "string") {
      response.end(body);
      return { bytes: length, complete: true };
    }
    return await stream(response, body);
  } catch {
    // The client is gone, or the file cannot be read on: a short answer, which the client notices by its length.
    response.destroy();
    return { bytes: 0, complete: false };
  } finally {
    if (typeof body === "object") await body.file.close().catch(() => {});
  }
}

const spare: Buffer[] = [];

/** One buffer is read into while the other one is on its way. */
async function stream(response: http.ServerResponse, part: { file: FileHandle; start: number; length: number }) {
  const gone = new Promise<"gone">((resolve) => response.once("close", () => resolve("gone")));
  let sent = 0;
  let writing: Promise<"written" | "gone"> = Promise.resolve("written");
  let writingBuffer: Buffer | undefined;
  for (let read = 0; read < part.length; ) {
    const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK);
    const wanted = Math.min(CHUNK, part.length - read);
    const { bytesRead } = await part.file.read(buffer, 0, wanted, part.start + read);
    if ((await writing) === "gone" || response.destroyed) return { bytes: sent, complete: false };
    keep(writingBuffer);
    if (bytesRead === 0) throw new Error("the file has become shorter");
    read += bytesRead;
    writingBuffer = buffer;
    const piece = buffer.subarray(0, bytesRead);
    const written = new Promise<"written">((resolve, reject) =>
      response.write(piece, (error) => (error ? reject(error) : resolve("written"))),
    );
    writing = Promise.race([written, gone]);
    // Its failure is met at the next await; until then it must not count as unhandled.
    writing.catch(() => {});
    sent = read;
  }
  if ((await writing) === "gone") return { bytes: sent, complete: false };
  keep(writingBuffer);
  response.end();
  return { bytes: sent, complete: true };
}

/** Only a buffer whose bytes are out may be used again: one of a client that went away is still the system's. */
function keep(buffer: Buffer | undefined): void {
  if (buffer !== undefined && spare.length < SPARE) spare.push(buffer);
}

function cannotListen(error: Error, { host, port }: Options): UserError {
  switch (systemErrorCode(error)) {
    case "EADDRINUSE":
      return new UserError({
        code: "busy",
        message: `Port ${port} of ${host} is taken by another program.`,
        hint: "Name another one with --port, or 0 for any that is free.",
        cause: error,
      });
    case "EACCES":
      return new UserError({
        code: "refused",
        message: `This system lets only administrators listen on port ${port}.`,
        hint: "Name a port above 1023 with --port.",
        cause: error,
      });
    default:
      return new UserError({
        code: "usage",
        message: `Nothing can listen on ${host}, port ${port}: ${error.message}`,
        hint: "--host takes an address of this computer, such as 127.0.0.1, or 0.0.0.0 for all of them.",
        cause: error,
      });
  }
}
