/**
 * A gateway on loopback that answers as a notebook says: its cells are run by python3, a process for each request.
 * CORS for the origins that it is given and for nobody else, and a token, as the service in the VM has them.
 */
import { spawn } from "node:child_process";
import http from "node:http";
import type net from "node:net";
import path from "node:path";
import { readNotebook } from "../../../src/notebooks/notebook.ts";
import { parameterValues, type Route, routesOf, seedCells } from "../../../src/notebooks/routes.ts";

export interface NotebookGateway {
  url: string;
  /** "POST /activity from https://…". */
  requests: string[];
  close(): Promise<void>;
}

export async function serveNotebook(
  file: string,
  { token, origins = [] }: { token: string; origins?: readonly string[] },
): Promise<NotebookGateway> {
  const notebook = await readNotebook(file);
  const routes = routesOf(notebook);
  const sources = (cells: readonly number[]): string[] => cells.map((cell) => notebook.cells[cell]?.source ?? "");
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://x");
    const origin = request.headers.origin;
    requests.push(`${request.method} ${url.pathname} from ${origin ?? "nobody"}`);
    if (origin !== undefined && origins.includes(origin)) {
      response.setHeader("Access-Control-Allow-Origin", origin);
      response.setHeader("Vary", "Origin");
      if (request.method === "OPTIONS") {
        response.setHeader("Access-Control-Allow-Headers", "authorization, content-type");
        response.setHeader("Access-Control-Allow-Methods", "GET, PUT, POST, DELETE");
      }
    }
    if (request.method === "OPTIONS") return void response.end();
    const answer = (status: number, body: string): void => {
      response.statusCode = status;
      response.end(body);
    };
    if (request.headers.authorization !== `token ${token}`) return answer(401, '{"reason":"Unauthorized"}');
    const first = routes.find((route) => parameterValues(route, url.pathname));
    if (first === undefined) return answer(404, '{"reason":"Not Found"}');
    const route = routes.find((each) => each.path === first.path && each.method === request.method);
    if (route === undefined) return answer(405, "");
    const given = { args: lists(url.searchParams), path: decoded(route, url.pathname), headers: {} };
    const { body, info } = await run({
      folder: path.dirname(file),
      seed: sources(seedCells(notebook)),
      request: { body: await bodyOf(request), ...given },
      route: sources(route.cells),
      info: sources(route.responseInfoCells),
    });
    const { status = 200, headers = {} } = JSON.parse(info || "{}");
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, String(value));
    answer(status, body);
  });
  const requests: string[] = [];
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}/`,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function lists(parameters: URLSearchParams): Record<string, string[]> {
  return Object.fromEntries([...parameters.keys()].map((key) => [key, parameters.getAll(key)]));
}

function decoded(route: Route, pathname: string): Record<string, string> {
  const values = parameterValues(route, pathname) ?? {};
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, decodeURIComponent(value)]));
}

async function bodyOf(request: http.IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const type = request.headers["content-type"];
  if (type === "application/json") return JSON.parse(text);
  return type === "application/x-www-form-urlencoded" ? lists(new URLSearchParams(text)) : text;
}

async function run(asked: object): Promise<{ body: string; info: string }> {
  const child = spawn("python3", [path.join(import.meta.dirname, "notebook-gateway.py")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(JSON.stringify(asked));
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}
