/**
 * HTTP by got. One request, one answer, held in memory: no retries, no redirects, any status is an answer. What is too
 * large for that is download.ts's.
 * This computer itself is never asked through a proxy; other hosts are asked as the proxy variables say.
 * Certificates are Node's own and those of NODE_EXTRA_CA_CERTS, which Node reads by itself.
 * Who may be asked what, and how often, is for the callers to decide.
 */
import { setMaxListeners } from "node:events";
import http from "node:http";
import https from "node:https";
import type { OptionsInit } from "got";
import { systemErrorCode } from "../errors.ts";
import type { Http, HttpRequest, HttpResponse } from "../ports.ts";
import { flat } from "./flat-headers.ts";
import { askProxy, tunnel } from "./hpagent.ts";
import { unreachable } from "./http-faults.ts";
import { proxyFor } from "./proxy-choice.ts";

/** Of an answer that is held in memory. What is larger comes from a server gone wrong. Bytes, unpacked. */
const MOST_BYTES = 256 * 1024 * 1024;

type Environment = Readonly<Record<string, string | undefined>>;

export function createHttp(env: Environment = process.env): Http {
  return { request: (request) => ask(request, env) };
}

async function ask(request: HttpRequest, env: Environment): Promise<HttpResponse> {
  const { got } = await import("got");
  // Dozens of requests may wait for one Ctrl-C; that is no leak.
  if (request.signal !== undefined) setMaxListeners(0, request.signal);
  const url = new URL(request.url);
  const proxy = request.direct === true ? undefined : proxyFor(url, env);
  try {
    const asked = got(url, {
      method: (request.method ?? "GET") as "GET",
      headers: { "user-agent": "notebox", ...request.headers },
      ...(request.body === undefined ? {} : { body: request.body, allowGetBody: true }),
      timeout: { request: request.timeoutMs },
      retry: { limit: 0 },
      followRedirect: false,
      throwHttpErrors: false,
      responseType: "text",
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      ...(await route(url, proxy)),
    });
    asked.on("downloadProgress", ({ transferred }) => {
      if (transferred > MOST_BYTES) asked.cancel();
    });
    const answer = await asked;
    return { status: answer.statusCode, headers: flat(answer.headers), body: answer.body };
  } catch (error) {
    throw told(error, request, url, proxy);
  }
}

/** How the connection is made. Sockets are not kept: a check must see the server of now, not a socket of before. */
async function route(url: URL, proxy: URL | undefined): Promise<Pick<OptionsInit, "agent" | "request">> {
  if (proxy === undefined) return { agent: { http: new http.Agent(), https: new https.Agent() } };
  if (url.protocol === "https:") return { agent: { https: await tunnel(proxy) } };
  return {
    request: (target, { method, headers }, callback) => askProxy(target, proxy, { method, headers }, callback),
  };
}

const GOT_ERRORS = new Set(["RequestError", "TimeoutError", "ReadError", "UploadError", "CancelError"]);

function told(error: unknown, { timeoutMs, signal }: HttpRequest, url: URL, proxy: URL | undefined): unknown {
  if (!(error instanceof Error) || !(GOT_ERRORS.has(error.name) || signal?.aborted)) return error;
  const why = error.name === "CancelError" ? `its answer is larger than ${MOST_BYTES / 1024 / 1024} MB` : undefined;
  return unreachable(error, systemErrorCode(error) ?? "", { url, proxy, timeoutMs, signal }, why);
}
