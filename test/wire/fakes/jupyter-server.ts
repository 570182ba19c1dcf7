/**
 * Jupyter Server on loopback, as far as verify asks it: /api, /api/status, /api/kernelspecs, /api/kernels and their
 * websockets. Its answers, statuses and the orders of messages are those of jupyter_server 2.21.
 */
import { randomUUID } from "node:crypto";
import http from "node:http";
import type net from "node:net";
import { WebSocketServer } from "ws";

export interface FakeJupyter {
  url: string;
  port: number;
  token: string;
  /** Kernels by name; the language decides nothing here. */
  specs: Record<string, { language: string; run?: (code: string) => Outcome }>;
  /** Which comes first of the reply and `status: idle`; both are seen in the wild. */
  order: "reply-first" | "idle-first";
  /** False: no token is asked for. */
  asks: boolean;
  /** Beside which file each kernel was asked to work. */
  paths: string[];
  started: string[];
  ended: string[];
  requests: string[];
  close(): Promise<void>;
}

export type Outcome =
  | { result: string }
  | { stdout: string }
  | { error: [name: string, value: string] }
  | { dies: true }
  | { silent: true };

const ROOT = JSON.stringify({ uid: 1900, attempts: { sudo: [1, "sudo: a password is required"], su: [1, "refused"] } });

/** What a healthy Python kernel says to what verify asks it. */
export function python(code: string): Outcome {
  return code.includes("attempts") ? { stdout: `${ROOT}\n` } : { result: code === "6*7" ? "42" : "None" };
}

export async function startJupyter(token: string): Promise<FakeJupyter> {
  const kernels = new Map<string, string>();
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    self.requests.push(`${request.method} ${url.pathname}`);
    const say = (status: number, body: unknown) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(status === 204 ? undefined : JSON.stringify(body));
    };
    if (url.pathname === "/api") return say(200, { version: "2.21.1" });
    if (self.asks && request.headers.authorization !== `token ${self.token}`)
      return say(403, { message: "Forbidden", reason: null });
    if (url.pathname === "/api/status") return say(200, { connections: 0, kernels: kernels.size });
    if (url.pathname === "/api/kernelspecs") {
      const list = Object.entries(self.specs).map(([name, { language }]) => [name, { name, spec: { language } }]);
      return say(200, { default: "python3", kernelspecs: Object.fromEntries(list) });
    }
    if (url.pathname === "/api/kernels" && request.method === "POST") {
      let text = "";
      request.on("data", (chunk) => {
        text += chunk;
      });
      request.on("end", () => {
        const { name, path } = JSON.parse(text) as { name: string; path?: string };
        if (path !== undefined) self.paths.push(path);
        if (self.specs[name] === undefined) return say(500, { message: `No such kernel named ${name}` });
        const id = randomUUID();
        kernels.set(id, name);
        self.started.push(id);
        return say(201, { id, name });
      });
      return;
    }
    const id = /^\/api\/kernels\/([\w-]+)$/.exec(url.pathname)?.[1];
    if (request.method === "DELETE" && id !== undefined && kernels.delete(id)) {
      self.ended.push(id);
      return say(204, null);
    }
    return say(404, { message: "Not Found" });
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const name = kernels.get(/^\/api\/kernels\/([\w-]+)\/channels$/.exec(url.pathname)?.[1] ?? "");
    if (name === undefined || (self.asks && request.headers.authorization !== `token ${self.token}`))
      return void socket.end("HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n");
    sockets.handleUpgrade(request, socket, head, (connection) => {
      connection.on("message", (data) => {
        const asked = JSON.parse(String(data)) as { header: { msg_id: string }; content: { code: string } };
        const outcome = (self.specs[name]?.run ?? python)(asked.content.code);
        for (const message of messages(asked.header.msg_id, outcome, self.order)) connection.send(message);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = (server.address() as net.AddressInfo).port;
  const self: FakeJupyter = {
    url: `http://127.0.0.1:${port}/`,
    port,
    token,
    specs: { python3: { language: "python" } },
    order: "reply-first",
    asks: true,
    paths: [],
    started: [],
    ended: [],
    requests: [],
    async close() {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return self;
}

function messages(parent: string, outcome: Outcome, order: FakeJupyter["order"]): string[] {
  const make = (channel: string, type: string, content: object, of = parent) =>
    JSON.stringify({
      channel,
      msg_type: type,
      header: { msg_id: randomUUID(), msg_type: type },
      parent_header: of === "" ? {} : { msg_id: of },
      content,
    });
  const status = (state: string, of?: string) => make("iopub", "status", { execution_state: state }, of);
  if ("silent" in outcome) return [status("busy")];
  if ("dies" in outcome) return [status("busy"), status("restarting", "")];
  const failed = "error" in outcome;
  const problem = failed ? { ename: outcome.error[0], evalue: outcome.error[1] } : {};
  const reply = make("shell", "execute_reply", failed ? { status: "error", ...problem } : { status: "ok" });
  const output =
    "result" in outcome
      ? make("iopub", "execute_result", { data: { "text/plain": outcome.result } })
      : "stdout" in outcome
        ? make("iopub", "stream", { name: "stdout", text: outcome.stdout })
        : make("iopub", "error", problem);
  // The server asks the kernel something of its own first: its answers must not be taken for ours.
  const nudge = [make("shell", "kernel_info_reply", { status: "ok" }, randomUUID()), status("idle", randomUUID())];
  // Two channels, so the reply may even come before the output.
  const rest = order === "reply-first" ? [reply, output, status("idle")] : [output, status("idle"), reply];
  return [...nudge, status("busy"), ...rest];
}
