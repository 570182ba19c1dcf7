/**
 * HTTP by got. One request, one answer, whole or as a stream: no retries, no redirects, any status is an answer.
 * This computer itself is never asked through a proxy; other hosts are asked as the proxy variables say.
 * Certificates are Node's own and those of NODE_EXTRA_CA_CERTS, which Node reads by itself.
 * Who may be asked what, and how often, is for the callers to decide.
 */
import { setMaxListeners } from "node:events";
import http from "node:http";
import https from "node:https";
import type { Agents, OptionsInit, Request, Response } from "got";
import { systemErrorCode, UserError } from "../errors.ts";
import type { Download, DownloadRequest, Downloads, Http, HttpRequest, HttpResponse } from "../ports.ts";
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

export function createDownloads(env: Environment = process.env): Downloads {
  return { open: (request) => open(request, env) };
}

async function open(request: DownloadRequest, env: Environment): Promise<Download> {
  const { got } = await import("got");
  const { idleMs: timeoutMs, signal } = request;
  if (signal !== undefined) setMaxListeners(0, signal);
  const url = new URL(request.url);
  const proxy = proxyFor(url, env);
  const fault = (error: unknown): unknown => told(error, { signal, timeoutMs }, url, proxy);
  const stream = got.stream(url, {
    headers: { "user-agent": "notebox", "accept-encoding": "identity", ...request.headers },
    // Of the body's bytes each has idleMs; the whole has all the time that it needs.
    timeout: { lookup: timeoutMs, connect: timeoutMs, secureConnect: timeoutMs, response: timeoutMs },
    decompress: false,
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    ...(signal === undefined ? {} : { signal }),
    ...(await route(url, proxy)),
  });
  const close = (): void => void stream.destroy();
  let answer: Response;
  try {
    answer = await new Promise<Response>((resolve, reject) => {
      stream.once("response", resolve);
      stream.once("error", reject);
    });
  } catch (error) {
    throw fault(error);
  }
  // What breaks off between two reads is met at the next one.
  stream.on("error", () => {});
  return { status: answer.statusCode, headers: flat(answer.headers), body: bytesOf(stream, timeoutMs, fault), close };
}

async function* bytesOf(stream: Request, idleMs: number, fault: (error: unknown) => unknown) {
  let timer: NodeJS.Timeout | undefined;
  const watch = (): void => {
    timer = setTimeout(() => {
      stream.destroy(Object.assign(new Error("idle"), { name: "TimeoutError", code: "ETIMEDOUT" }));
    }, idleMs);
  };
  try {
    watch();
    for await (const chunk of stream) {
      clearTimeout(timer);
      yield chunk as Uint8Array;
      watch();
    }
  } catch (error) {
    throw fault(error);
  } finally {
    clearTimeout(timer);
    stream.destroy();
  }
}

/** How the connection is made. Sockets are not kept: a check must see the server of now, not a socket of before. */
async function route(url: URL, proxy: URL | undefined): Promise<Pick<OptionsInit, "agent" | "request">> {
  if (proxy === undefined) return { agent: { http: new http.Agent(), https: new https.Agent() } };
  if (url.protocol === "https:") {
    const { HttpsProxyAgent } = await import("hpagent");
    const agents: Agents = { https: new HttpsProxyAgent({ proxy, keepAlive: false }) };
    return { agent: agents };
  }
  // Plain http is asked with the whole URL in the request line (RFC 9112 §3.2.2), as curl does: many proxies
  // refuse CONNECT to any port but 443, and CONNECT is all that hpagent knows.
  return {
    request: (target, options, callback) => {
      const module = proxy.protocol === "https:" ? https : http;
      return module.request(
        {
          method: options.method ?? "GET",
          host: proxy.hostname.replace(/^\[|\]$/g, ""),
          port: proxy.port || (proxy.protocol === "https:" ? 443 : 80),
          path: target.href,
          headers: { ...options.headers, host: target.host, ...proxyAuthorization(proxy) } as http.OutgoingHttpHeaders,
          agent: false,
        },
        callback,
      );
    },
  };
}

function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === "" && proxy.password === "") return {};
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}

function flat(headers: http.IncomingHttpHeaders): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(", ") : value,
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

const GOT_ERRORS = new Set(["RequestError", "TimeoutError", "ReadError", "UploadError", "CancelError"]);

/** The query is left out of messages: a token may stand there. */
function told(
  error: unknown,
  request: Pick<HttpRequest, "timeoutMs"> & { signal?: AbortSignal | undefined },
  url: URL,
  proxy: URL | undefined,
): unknown {
  if (request.signal?.aborted) return new UserError({ code: "interrupted", message: "Interrupted.", cause: error });
  const code = systemErrorCode(error) ?? "";
  // A body that breaks off is told by the stream itself, not by got.
  if (!(error instanceof Error) || !(GOT_ERRORS.has(error.name) || /^(?:E[A-Z]+|ERR_STREAM_.*|HPE_.*)$/.test(code)))
    return error;
  const where = `${url.origin}${url.pathname}`;
  const through = proxy === undefined ? "" : ` through the proxy ${proxy.host}`;
  return new UserError({
    code: "unreachable",
    message: `${where} cannot be reached${through}: ${reason(code, error, request.timeoutMs)}.`,
    hint: hint(code, proxy),
    cause: error,
  });
}

function reason(code: string, error: Error, timeoutMs: number): string {
  const words: Record<string, string> = {
    ECONNREFUSED: "nothing listens there (connection refused)",
    ECONNRESET: "the connection was cut",
    ERR_STREAM_PREMATURE_CLOSE: "the connection was cut",
    ECONNABORTED: "the connection was cut",
    EPIPE: "the connection was cut before an answer came",
    ENOTFOUND: "there is no host of that name",
    EAI_AGAIN: "the name cannot be looked up just now",
    EHOSTUNREACH: "there is no route to that host",
    ENETUNREACH: "there is no route to that network",
    ETIMEDOUT: `no answer within ${timeoutMs / 1000} s`,
    DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed",
    SELF_SIGNED_CERT_IN_CHAIN: "its certificate comes from an authority that is not trusted here",
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate comes from an authority that is not trusted here",
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate comes from an authority that is not trusted here",
    CERT_HAS_EXPIRED: "its certificate has expired",
    ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  };
  if (error.name === "CancelError") return `its answer is larger than ${MOST_BYTES / 1024 / 1024} MB`;
  return words[code] ?? error.message.replace(/\.$/, "");
}

function hint(code: string, proxy: URL | undefined): string {
  if (/CERT|SIGNATURE/.test(code))
    return "Put your organisation's certificates into a PEM file and set NODE_EXTRA_CA_CERTS to its path.";
  if (proxy !== undefined) return "Check the proxy (http_proxy, https_proxy, no_proxy), then try again.";
  return "Check the address and the network, then try again.";
}
