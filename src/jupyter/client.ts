/**
 * A client for Jupyter Server's HTTP API and for running code in a kernel over its websocket.
 * It asks and tells; what an answer is good for is for the checks to judge.
 * Sources: https://jupyter-server.readthedocs.io/en/latest/developers/rest-api.html and, for messages,
 * https://jupyter-client.readthedocs.io/en/stable/messaging.html (version 5.3, JSON text frames).
 */
import { randomUUID } from "node:crypto";
import { UserError } from "../errors.ts";
import type { Clock, Http, HttpResponse, WebSocketConnection, WebSockets } from "../ports.ts";
import { collect, executeRequest, type Run } from "./messages.ts";

export interface JupyterTarget {
  /** With a slash at the end, such as http://127.0.0.1:8888/. */
  url: string;
  token: string;
}

export interface KernelSpec {
  name: string;
  /** As the kernelspec says: python, R, bash. */
  language: string;
}

export interface JupyterDeps {
  http: Http;
  webSockets: WebSockets;
  clock: Clock;
  signal: AbortSignal;
}

/** A kernel of one's own: started for this, and ended by `close`. */
export interface OwnKernel {
  /** Runs code. Throws UserError `unreachable` when the kernel does not answer in time or dies. */
  run(code: string): Promise<Run>;
  /** Ends it; never throws. */
  close(): Promise<void>;
}

/** Ending a kernel may take its manager a while; nobody waits for longer. */
const CLOSING_MS = 10_000;

/** One request to Jupyter's API; without a token it is asked as a stranger. Throws UserError `unreachable`. */
export async function askJupyter(
  deps: { http: Http; signal?: AbortSignal },
  target: { url: string; token?: string },
  path: string,
  options: { method?: string; body?: unknown; timeoutMs: number },
): Promise<HttpResponse> {
  return await deps.http.request({
    url: new URL(path, target.url).href,
    method: options.method ?? "GET",
    headers: {
      ...(target.token === undefined ? {} : { authorization: `token ${target.token}` }),
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    timeoutMs: options.timeoutMs,
    ...(deps.signal === undefined ? {} : { signal: deps.signal }),
  });
}

/** The kernels that this Jupyter can start, by name. */
export async function kernelSpecs(deps: JupyterDeps, target: JupyterTarget, timeoutMs: number): Promise<KernelSpec[]> {
  const data = json(await askJupyter(deps, target, "api/kernelspecs", { timeoutMs }), "api/kernelspecs");
  const specs = Object.entries((data["kernelspecs"] ?? {}) as Record<string, { spec?: { language?: unknown } }>);
  return specs.map(([name, { spec }]) => ({ name, language: String(spec?.language ?? "") }));
}

/**
 * Starts a kernel and opens its websocket. All that is done with it must end within `timeoutMs` from now. `beside`: a
 * file of Jupyter's in whose folder it works, as the kernel of an open notebook does.
 * Throws UserError `unreachable` when it cannot be started.
 */
export async function startKernel(
  deps: JupyterDeps,
  target: JupyterTarget,
  kernel: string,
  timeoutMs: number,
  beside?: string,
): Promise<OwnKernel> {
  const deadline = deps.clock.now() + timeoutMs;
  const left = () => Math.max(1, deadline - deps.clock.now());
  const body = { name: kernel, ...(beside === undefined ? {} : { path: beside }) };
  const started = await askJupyter(deps, target, "api/kernels", { method: "POST", body, timeoutMs });
  const id = String(json(started, `starting the kernel ${kernel}`)["id"] ?? "");
  if (!/^[\w-]+$/.test(id)) throw trouble(`starting the kernel ${kernel} gave no kernel`);
  const session = randomUUID();
  let connection: WebSocketConnection | undefined;
  const close = async () => {
    connection?.close();
    // After Ctrl-C, too: nobody else would end it.
    const { http } = deps;
    await askJupyter({ http }, target, `api/kernels/${id}`, { method: "DELETE", timeoutMs: CLOSING_MS }).catch(
      () => {},
    );
  };
  const inTime = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof UserError) || error.code === "interrupted" || deps.clock.now() < deadline) throw error;
      throw trouble(`the kernel ${kernel} did not answer within ${timeoutMs / 1000} s`, error);
    }
  };
  try {
    const channels = new URL(`api/kernels/${id}/channels?session_id=${session}`, target.url);
    channels.protocol = channels.protocol === "https:" ? "wss:" : "ws:";
    const headers = { authorization: `token ${target.token}` };
    const open = await inTime(
      deps.webSockets.connect(channels.href, { headers, timeoutMs: left(), signal: deps.signal }),
    );
    connection = open;
    return {
      run: async (code) => {
        const message = executeRequest(session, code);
        open.send(JSON.stringify(message));
        return await inTime(collect(open, message.header.msg_id, left));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function json(answer: HttpResponse, what: string): Record<string, unknown> {
  if (answer.status >= 300) throw trouble(`${what} answered ${answer.status}${reason(answer.body)}`);
  try {
    return JSON.parse(answer.body) as Record<string, unknown>;
  } catch (error) {
    throw trouble(`${what} answered something that is not JSON`, error);
  }
}

/** Jupyter's errors are JSON with a message; of a page only the status is worth telling. */
function reason(body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    return typeof message === "string" && message !== "" ? ` (${message.slice(0, 200)})` : "";
  } catch {
    return "";
  }
}

function trouble(message: string, cause?: unknown): UserError {
  return new UserError({
    code: "unreachable",
    message: `${message.charAt(0).toUpperCase()}${message.slice(1)}.`,
    hint: "`notebox logs` shows what Jupyter wrote.",
    ...(cause === undefined ? {} : { cause }),
  });
}
