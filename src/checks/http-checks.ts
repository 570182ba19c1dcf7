/**
 * What verify asks of services over HTTP, from this computer and through the forwarded ports, as a browser would:
 * that they answer, refuse strangers, and that an API notebook's routes answer in time.
 */
import { UserError } from "../errors.ts";
import { askJupyter } from "../jupyter/client.ts";
import { exampleRequest, hasExample } from "../notebooks/example-request.ts";
import type { Route } from "../notebooks/routes.ts";
import type { Clock, Http, HttpResponse } from "../ports.ts";
import { type Answer, clean, failed, passed } from "./check.ts";

export interface HttpDeps {
  http: Http;
  clock: Clock;
  signal: AbortSignal;
}

const ANSWER_MS = 20_000;
const LOGS = "`notebox logs` shows what it wrote.";

/** Jupyter's public page number one: its version, which needs no token. */
export async function jupyterAnswers(deps: HttpDeps, url: string): Promise<Answer> {
  const answer = await askJupyter(deps, { url }, "api", { timeoutMs: ANSWER_MS });
  const version = field(answer.body, "version");
  if (answer.status === 200 && version !== undefined) return passed(`${url}api: Jupyter Server ${version}`);
  return failed(
    `${url}api answered ${told(answer)}`,
    "200 and Jupyter's version",
    `Does another program hold this port on this computer? ${LOGS}`,
  );
}

/** The token is really asked for, and the one in the VM is the one that counts. */
export async function jupyterAsksToken(deps: HttpDeps, url: string, token: string): Promise<Answer> {
  return await asksToken(
    `${url}api/status`,
    await Promise.all([
      askJupyter(deps, { url }, "api/status", { timeoutMs: ANSWER_MS }),
      askJupyter(deps, { url, token }, "api/status", { timeoutMs: ANSWER_MS }),
    ]),
  );
}

const SWAGGER = "_api/spec/swagger.json";

/** The gateway has no page without a token: that it refuses one is an answer, too. */
export async function gatewayAnswers(deps: HttpDeps, url: string): Promise<Answer> {
  const answer = await askJupyter(deps, { url }, SWAGGER, { timeoutMs: ANSWER_MS });
  if (answer.status < 500 && answer.status !== 404) return passed(`${url} answered ${answer.status}`);
  return failed(
    `${url}${SWAGGER} answered ${told(answer)}`,
    "an answer of the kernel gateway",
    `Does another program hold this port on this computer? ${LOGS}`,
  );
}

/** Asked of the gateway's own description of the API, which is behind the token and runs no cell. */
export async function gatewayAsksToken(deps: HttpDeps, url: string, token: string): Promise<Answer> {
  return await asksToken(
    `${url}${SWAGGER}`,
    await Promise.all([
      askJupyter(deps, { url }, SWAGGER, { timeoutMs: ANSWER_MS }),
      askJupyter(deps, { url, token }, SWAGGER, { timeoutMs: ANSWER_MS }),
    ]),
  );
}

async function asksToken(page: string, [without, withToken]: readonly [HttpResponse, HttpResponse]): Promise<Answer> {
  const refuses = without.status === 401 || without.status === 403;
  if (refuses && withToken.status === 200) return passed(`${without.status} without, 200 with the token`);
  const seen = `${page} answered ${without.status} without and ${withToken.status} with the token`;
  const expected = "401 or 403 without, 200 with the token";
  if (without.status === 200)
    return failed(
      seen,
      expected,
      "Anybody who reaches the port can run code in the VM: `notebox down` now, then `notebox up` and verify again.",
      { passing: false },
    );
  if (refuses && (withToken.status === 401 || withToken.status === 403))
    return failed(
      seen,
      expected,
      "The service was started with another token than the VM holds now: `notebox ssh -- sudo systemctl restart notebox-tokens` restarts the services; then `notebox up`.",
    );
  return failed(seen, expected, LOGS);
}

export interface GatewayUnderTest {
  url: string;
  token: string;
  /** How many requests it answers side by side. */
  kernels: number;
  timeoutSeconds: number;
}

interface Called {
  route: Route;
  seen: string;
  fault?: string;
  hint?: string;
  timedOut?: boolean;
}

/**
 * Every route answers within the service's time-out. GET routes are called, with the author's example or with 1 for
 * each parameter. PUT, POST and DELETE may change something, so they are called only when the author has given an
 * example in the cell; else it is checked that the gateway has the route (OPTIONS, and the list in its own
 * description), which runs no cell.
 */
export async function routesAnswer(
  deps: HttpDeps,
  gateway: GatewayUnderTest,
  routes: readonly Route[],
): Promise<Answer> {
  const described = await askJupyter(deps, gateway, SWAGGER, { timeoutMs: ANSWER_MS });
  const called: Called[] = [];
  const waiting = [...routes];
  // No more at a time than there are kernels: what waits in the gateway's queue would seem slow.
  const worker = async () => {
    for (let route = waiting.shift(); route !== undefined; route = waiting.shift()) {
      // After one that hangs, all others hang as well: the kernel is lost to them.
      if (called.some(({ timedOut }) => timedOut)) called.push({ route, seen: "not asked", fault: "not asked" });
      else called.push(await (isCalled(route) ? call(deps, gateway, route) : look(deps, gateway, route, described)));
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, gateway.kernels) }, worker));
  const say = ({ route, seen }: Called) => `${route.method} ${route.path}: ${seen}`;
  const bad = called.filter(({ fault }) => fault !== undefined);
  const first = bad.find(({ fault }) => fault !== "not asked") ?? bad[0];
  if (first === undefined) return passed(called.map(say).join("; "));
  return failed(
    say(first) + (bad.length > 1 ? ` (and ${bad.length - 1} more)` : ""),
    first.fault === "not asked" ? "an answer" : (first.fault ?? "an answer"),
    first.hint ?? LOGS,
    { details: called.map(say) },
  );
}

/** Put together as text: the VM can write the notebook, and a path like /http://… must not become another address. */
function addressOf(gateway: GatewayUnderTest, path: string): string {
  return `${new URL(gateway.url).origin}/${path.replace(/^\/+/, "")}`;
}

function isCalled(route: Route): boolean {
  return route.method === "GET" || hasExample(route);
}

async function call(deps: HttpDeps, gateway: GatewayUnderTest, route: Route): Promise<Called> {
  const example = exampleRequest(route);
  const start = deps.clock.now();
  const timeoutMs = gateway.timeoutSeconds * 1000;
  let answer: HttpResponse;
  try {
    answer = await deps.http.request({
      url: addressOf(gateway, example.path),
      method: example.method,
      headers: {
        authorization: `token ${gateway.token}`,
        ...(example.body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(example.body === undefined ? {} : { body: example.body }),
      timeoutMs,
      signal: deps.signal,
    });
  } catch (error) {
    if (!(error instanceof UserError) || error.code === "interrupted") throw error;
    const timedOut = deps.clock.now() - start >= timeoutMs - 50;
    return {
      route,
      seen: timedOut ? `no answer within ${gateway.timeoutSeconds} s` : error.message,
      fault: `an answer within ${gateway.timeoutSeconds} s`,
      hint: timedOut
        ? `A cell that fails or waits for input at the gateway's start, or a kernel that died, makes every route hang: run the notebook from top to bottom in Jupyter; ${LOGS} A slow route needs a larger timeout in workbench.yaml.`
        : LOGS,
      timedOut,
    };
  }
  const milliseconds = deps.clock.now() - start;
  const seen = `${told(answer)} in ${(milliseconds / 1000).toFixed(1)} s${example.path === route.path ? "" : ` (${example.path})`}`;
  if (answer.status === 404 && field(answer.body, "reason") !== undefined)
    return {
      route,
      seen,
      fault: "the route of the notebook",
      hint: "The gateway serves an older copy of the notebook: `notebox ssh -- sudo systemctl restart 'kernel-gateway@*'`.",
    };
  if (answer.status === 405 || answer.status === 401 || answer.status === 403)
    return {
      route,
      seen,
      fault: "the route of the notebook",
      hint: "The gateway serves an older copy of the notebook, or another route hides this one.",
    };
  if (answer.status < 500) return { route, seen };
  // Made-up values may be nonsense to a notebook; then an error of the cell's own is a fair answer, and in time.
  if (route.parameters.length > 0 && !hasExample(route) && /^Error /.test(answer.body))
    return { route, seen: `${seen}, for a made-up value` };
  return {
    route,
    seen,
    fault: "a status below 500",
    hint: "The cell of this route raises an error: run it in Jupyter. Which request to try can be said in the cell: `# example: /path?with=values`.",
  };
}

/** Finds out that the gateway has a route without running its cell. OPTIONS asks for no token. */
async function look(deps: HttpDeps, gateway: GatewayUnderTest, route: Route, described: HttpResponse): Promise<Called> {
  const example = exampleRequest(route);
  const answer = await deps.http.request({
    url: addressOf(gateway, example.path),
    method: "OPTIONS",
    timeoutMs: ANSWER_MS,
    signal: deps.signal,
  });
  const listed = isListed(described.body, route);
  if (answer.status < 300 && listed) return { route, seen: "there (not called: it may change something)" };
  return {
    route,
    seen: answer.status < 300 ? "not in the gateway's description" : `OPTIONS answered ${told(answer)}`,
    fault: "the route of the notebook",
    hint: "The gateway serves an older copy of the notebook: `notebox ssh -- sudo systemctl restart 'kernel-gateway@*'`.",
  };
}

/** The gateway's description keeps paths as they are annotated, `:name` included. */
function isListed(swagger: string, route: Route): boolean {
  try {
    const { paths } = JSON.parse(swagger) as { paths?: Record<string, Record<string, unknown>> };
    return paths?.[route.path]?.[route.method.toLowerCase()] !== undefined;
  } catch {
    return false;
  }
}

function field(body: string, name: string): string | undefined {
  try {
    const value = (JSON.parse(body) as Record<string, unknown> | null)?.[name];
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** "200", or "500 Error NameError: …": of an error the first line, which is the reason. */
function told({ status, body, headers }: HttpResponse): string {
  if (status < 400 || (headers["content-type"] ?? "").includes("html")) return String(status);
  const line = clean((field(body, "message") || field(body, "reason") || body).trim().split("\n")[0] ?? "", 160);
  return line === "" ? String(status) : `${status} ${line}`;
}
