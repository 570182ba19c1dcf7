/**
 * A gateway with notebox's personality, as a test wants it, on loopback: 401 without the token, its own description of
 * the API, CORS for the origins that it is given, and each route as the test says. The real one is in real-gateway.ts.
 */
import http from "node:http";
import type net from "node:net";

export interface FakeGateway {
  url: string;
  port: number;
  token: string;
  asks: boolean;
  /** "GET /hello" to what it answers; undefined: it never does. */
  routes: Record<string, { status: number; body: string; type?: string } | undefined>;
  /** "GET /hello/{name}": what its description lists. */
  described: readonly string[];
  /** What it says of the notebook that it serves. */
  own: { sha256?: string; problem?: { message: string } };
  /** Origins of pages that may call it; "*" for everybody. */
  origins: readonly string[];
  requests: string[];
  /** What was sent with them, where something was. */
  bodies: string[];
  /** The greatest number of requests that were open at once. */
  most: number;
  close(): Promise<void>;
}

export async function startGateway(token: string): Promise<FakeGateway> {
  let open = 0;
  const server = http.createServer((request, response) => {
    const path = (request.url ?? "/").replace(/\?.*/, "");
    self.requests.push(`${request.method} ${request.url}`);
    request.on("data", (chunk) => self.bodies.push(String(chunk)));
    const say = (status: number, body: string, type = "application/json") => {
      response.writeHead(status, { "content-type": type });
      response.end(body);
    };
    const origin = request.headers.origin ?? "";
    if (self.origins.includes("*")) response.setHeader("access-control-allow-origin", "*");
    else if (self.origins.includes(origin)) response.setHeader("access-control-allow-origin", origin);
    if (self.origins.length > 0 && request.method === "OPTIONS") {
      response.setHeader("access-control-allow-methods", "GET, PUT, POST, DELETE");
      response.setHeader("access-control-allow-headers", "Authorization, Content-Type");
    }
    const known = Object.keys(self.routes).some((route) => route.endsWith(` ${path}`));
    if (request.method === "OPTIONS") return known ? say(200, "") : say(404, '{"reason":"Not Found","message":""}');
    if (self.asks && request.headers.authorization !== `token ${self.token}`)
      return say(401, '{"reason":"Unauthorized","message":""}');
    if (path === "/_api/spec" && !(`GET ${path}` in self.routes))
      return say(
        200,
        JSON.stringify({ openapi: "3.1.0", paths: paths(self.described), "x-notebox-notebook": self.own }),
      );
    const route = `${request.method} ${path}`;
    if (!known) return say(404, '{"reason":"Not Found","message":""}');
    if (!(route in self.routes)) return say(405, "", "text/html");
    const answer = self.routes[route];
    open++;
    self.most = Math.max(self.most, open);
    response.on("close", () => open--);
    if (answer !== undefined) setTimeout(() => say(answer.status, answer.body, answer.type ?? "text/plain"), 20);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = (server.address() as net.AddressInfo).port;
  const self: FakeGateway = {
    url: `http://127.0.0.1:${port}/`,
    port,
    token,
    asks: true,
    routes: {},
    described: [],
    own: {},
    origins: [],
    requests: [],
    bodies: [],
    most: 0,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return self;
}

function paths(described: readonly string[]): Record<string, Record<string, object>> {
  const found: Record<string, Record<string, object>> = {};
  for (const route of described) {
    const [method = "", path = ""] = route.split(" ");
    found[path] = { ...found[path], [method.toLowerCase()]: {} };
  }
  return found;
}
