/**
 * The kernel gateway 3.0 in its notebook mode, on loopback: 401 without the token, its own description of the API,
 * OPTIONS without a token, and each route as the test wants it.
 */
import http from "node:http";
import type net from "node:net";

export interface FakeGateway {
  url: string;
  port: number;
  token: string;
  asks: boolean;
  /** "GET /hello" to what it answers; undefined: it never does. */
  routes: Record<string, { status: number; body: string } | undefined>;
  /** As annotated; what its description lists. */
  described: Record<string, Record<string, object>>;
  requests: string[];
  /** The greatest number of requests that were open at once. */
  most: number;
  close(): Promise<void>;
}

export async function startGateway(token: string): Promise<FakeGateway> {
  let open = 0;
  const server = http.createServer((request, response) => {
    const path = (request.url ?? "/").replace(/\?.*/, "");
    self.requests.push(`${request.method} ${request.url}`);
    const say = (status: number, body: string, type = "application/json") => {
      response.writeHead(status, { "content-type": type });
      response.end(body);
    };
    const known = Object.keys(self.routes).some((route) => route.endsWith(` ${path}`));
    if (request.method === "OPTIONS") return known ? say(200, "") : say(404, '{"reason":"Not Found","message":""}');
    if (self.asks && request.headers.authorization !== `token ${self.token}`)
      return say(401, '{"reason":"Unauthorized","message":""}');
    if (path === "/_api/spec/swagger.json") return say(200, JSON.stringify({ swagger: "2.0", paths: self.described }));
    const route = `${request.method} ${path}`;
    if (!known) return say(404, '{"reason":"Not Found","message":""}');
    if (!(route in self.routes)) return say(405, "", "text/html");
    const answer = self.routes[route];
    open++;
    self.most = Math.max(self.most, open);
    response.on("close", () => open--);
    if (answer !== undefined) setTimeout(() => say(answer.status, answer.body, "text/plain"), 20);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = (server.address() as net.AddressInfo).port;
  const self: FakeGateway = {
    url: `http://127.0.0.1:${port}/`,
    port,
    token,
    asks: true,
    routes: {},
    described: {},
    requests: [],
    most: 0,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return self;
}
