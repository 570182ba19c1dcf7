/**
 * WebSockets by ws, as a queue of text messages. What the messages mean is for the callers (src/jupyter).
 * Node 20 has no WebSocket of its own that can send headers. Used for services on loopback only, so no proxy.
 */
import type { WebSocket } from "ws";
import { UserError } from "../errors.ts";
import type { WebSocketConnection, WebSockets } from "../ports.ts";

export function createWebSockets(): WebSockets {
  return {
    async connect(url, { headers, timeoutMs, signal }) {
      const { WebSocket } = await import("ws");
      const socket = new WebSocket(url, { headers, handshakeTimeout: timeoutMs, perMessageDeflate: false });
      const connection = queue(socket, address(url), signal);
      await opened(socket, address(url), signal);
      return connection;
    },
  };
}

/** The query is left out of messages: a token may stand there. */
function address(url: string): string {
  const { origin, pathname } = new URL(url.replace(/^ws/, "http"));
  return `${origin.replace(/^http/, "ws")}${pathname}`;
}

function opened(socket: WebSocket, where: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = () => reject(signal?.aborted ? interrupted() : unreachable(`${where} was closed while it opened.`));
    socket.once("close", closed);
    socket.once("open", resolve);
    socket.once("error", (error) => reject(unreachable(`${where} cannot be opened: ${error.message}.`, error)));
    socket.once("unexpected-response", (request, response) => {
      request.destroy();
      reject(unreachable(`${where} answered ${response.statusCode} instead of opening a websocket.`));
    });
  });
}

/** Ends the connection, and whatever waits on it, when the signal fires. */
function queue(socket: WebSocket, where: string, signal: AbortSignal | undefined): WebSocketConnection {
  const arrived: string[] = [];
  let ended: UserError | undefined;
  let waiting: { resolve: (text: string) => void; reject: (error: UserError) => void } | undefined;
  socket.on("message", (data, isBinary) => {
    if (isBinary) return;
    const text = Array.isArray(data) ? Buffer.concat(data).toString("utf8") : Buffer.from(data as Buffer).toString();
    if (waiting === undefined) arrived.push(text);
    else waiting.resolve(text);
  });
  const end = (error: UserError) => {
    ended ??= error;
    waiting?.reject(ended);
  };
  const stop = () => {
    end(interrupted());
    socket.terminate();
  };
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  socket.on("close", () => signal?.removeEventListener("abort", stop));
  socket.on("error", (error) => end(unreachable(`${where} failed: ${error.message}.`, error)));
  socket.on("close", (code) => end(unreachable(`${where} was closed by the other side (code ${code}).`)));
  return {
    send: (text) => socket.send(text),
    receive(timeoutMs) {
      const next = arrived.shift();
      if (next !== undefined) return Promise.resolve(next);
      if (ended !== undefined) return Promise.reject(ended);
      return new Promise<string>((resolve, reject) => {
        const timer = setTimeout(
          () => waiting?.reject(unreachable(`${where} sent nothing for ${timeoutMs / 1000} s.`)),
          timeoutMs,
        );
        const settle = () => {
          clearTimeout(timer);
          waiting = undefined;
        };
        waiting = {
          resolve: (text) => {
            settle();
            resolve(text);
          },
          reject: (error) => {
            settle();
            reject(error);
          },
        };
      });
    },
    close: () => socket.terminate(),
  };
}

function interrupted(): UserError {
  return new UserError({ code: "interrupted", message: "Interrupted." });
}

function unreachable(message: string, cause?: unknown): UserError {
  return new UserError({ code: "unreachable", message, ...(cause === undefined ? {} : { cause }) });
}
