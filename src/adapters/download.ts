/**
 * What is too large for memory, by node:http: one GET, one answer whose bytes are streamed as they are sent; no
 * retries, no redirects. A body over plain http goes past Node's HTTP parser (straight-body.ts). Proxies and
 * certificates as in got.ts.
 */
import { setMaxListeners } from "node:events";
import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { systemErrorCode } from "../errors.ts";
import type { Download, DownloadRequest, Downloads } from "../ports.ts";
import { flat } from "./flat-headers.ts";
import { askProxy, tunnel } from "./hpagent.ts";
import { unreachable } from "./http-faults.ts";
import { proxyFor } from "./proxy-choice.ts";
import { connectStraight } from "./straight-body.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export function createDownloads(env: Environment = process.env): Downloads {
  return { open: (request) => open(request, env) };
}

async function open(request: DownloadRequest, env: Environment): Promise<Download> {
  const { idleMs, signal } = request;
  // Dozens of requests may wait for one Ctrl-C; that is no leak.
  if (signal !== undefined) setMaxListeners(0, signal);
  const url = new URL(request.url);
  const proxy = proxyFor(url, env);
  /** Why it was ended from here: the answer's stream only says that it was. */
  let idled: Error | undefined;
  const fault = (thrown: unknown): unknown => {
    const error = idled ?? thrown;
    if (!(error instanceof Error)) return error;
    return unreachable(error, systemErrorCode(error) ?? "", { url, proxy, timeoutMs: idleMs, signal });
  };
  if (signal?.aborted) throw fault(new Error("aborted"));
  const headers = { "user-agent": "notebox", "accept-encoding": "identity", ...request.headers };
  const { asked, bodyOf } = await send(url, proxy, headers);
  const close = (): void => void asked.destroy();
  const stop = (): void => void asked.destroy(new Error("aborted"));
  signal?.addEventListener("abort", stop, { once: true });
  asked.once("close", () => signal?.removeEventListener("abort", stop));
  const idle = createTimer(idleMs, () => {
    idled = Object.assign(new Error("idle"), { code: "ETIMEDOUT" });
    asked.destroy(idled);
  });
  try {
    const { answer, body } = await new Promise<Answer>((resolve, reject) => {
      // Looking up a name, connecting and the answer have that time each.
      asked.once("socket", (socket: Socket) => {
        for (const step of ["lookup", "connect", "secureConnect"]) socket.once(step, idle.again);
      });
      asked.once("response", (answer) => resolve({ answer, body: bodyOf(answer) }));
      asked.once("error", reject);
    });
    idle.again();
    // What breaks off between two reads is met at the next one.
    for (const one of [asked, answer]) one.on("error", () => {});
    return {
      status: answer.statusCode ?? 0,
      headers: flat(answer.headers),
      body: watched(body, idle, fault, close),
      close: () => {
        idle.stop();
        close();
      },
    };
  } catch (error) {
    idle.stop();
    throw fault(error);
  }
}

interface Answer {
  answer: http.IncomingMessage;
  body: AsyncIterable<Uint8Array>;
}

interface Sent {
  asked: http.ClientRequest;
  /** To be called while the answer's event is told. */
  bodyOf(answer: http.IncomingMessage): AsyncIterable<Uint8Array>;
}

async function send(url: URL, proxy: URL | undefined, headers: Record<string, string>): Promise<Sent> {
  const bodyOf = (answer: http.IncomingMessage): AsyncIterable<Uint8Array> => answer;
  if (proxy !== undefined && url.protocol === "http:") {
    const asked = askProxy(url, proxy, { headers });
    asked.end();
    return { asked, bodyOf };
  }
  if (url.protocol === "https:") {
    const agent = proxy === undefined ? new https.Agent() : await tunnel(proxy);
    return { asked: https.get(url, { headers, agent }), bodyOf };
  }
  const straight = connectStraight(url);
  return {
    asked: http.get(url, { headers, createConnection: () => straight.socket }),
    bodyOf: (answer) => straight.bodyOf(answer) ?? answer,
  };
}

async function* watched(
  body: AsyncIterable<Uint8Array>,
  idle: Timer,
  fault: (error: unknown) => unknown,
  close: () => void,
): AsyncGenerator<Uint8Array> {
  try {
    idle.again();
    for await (const piece of body) {
      idle.stop();
      yield piece;
      idle.again();
    }
  } catch (error) {
    throw fault(error);
  } finally {
    idle.stop();
    close();
  }
}

interface Timer {
  again(): void;
  stop(): void;
}

function createTimer(ms: number, over: () => void): Timer {
  let timer = setTimeout(over, ms);
  return {
    again: () => {
      clearTimeout(timer);
      timer = setTimeout(over, ms);
    },
    stop: () => clearTimeout(timer),
  };
}
