/**
 * What the gateway says of itself at /_api/spec: OpenAPI 3.1 of the routes that it really serves, which notebook it
 * read them from, and why it does not serve a newer one. And whether those are the routes of the notebook here.
 */
import { askJupyter } from "../jupyter/client.ts";
import { templateOf } from "../notebooks/openapi/document.ts";
import type { TriedRoute } from "../notebooks/writing.ts";
import type { HttpResponse } from "../ports.ts";
import { type Answer, clean, failed, passed } from "./check.ts";
import { ANSWER_MS, type HttpDeps, object, told } from "./http-answer.ts";

/** Behind the token; runs no cell. Made by provision/services/kernel-gateway. */
export const SPEC = "_api/spec";

export interface GatewaySpec {
  /** "GET /hello/{}" for each route that is served. */
  routes: ReadonlySet<string>;
  /** Of the bytes of the notebook that is served. */
  sha256: string | undefined;
  /** Why a newer notebook is not served. */
  problem: string | undefined;
  /** Kernels that wait for a request; undefined when it does not say. */
  idle: number | undefined;
}

export async function askSpec(deps: HttpDeps, target: { url: string; token: string }): Promise<HttpResponse> {
  return await askJupyter(deps, target, SPEC, { timeoutMs: ANSWER_MS });
}

/** Undefined when it is not such a description. */
export function readSpec({ status, body }: HttpResponse): GatewaySpec | undefined {
  const {
    paths,
    "x-notebox-notebook": own,
    "x-notebox-service": service,
  } = (status === 200 ? object(body) : undefined) ?? {};
  if (typeof paths !== "object" || paths === null) return undefined;
  const items = Object.entries(paths);
  // The VM may answer anything.
  if (!items.every(([, methods]) => typeof methods === "object" && methods !== null)) return undefined;
  const routes = items.flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${shape(path)}`),
  );
  const { sha256, problem } = (own ?? {}) as { sha256?: unknown; problem?: { message?: unknown } | null };
  const message = problem?.message;
  const idle = ((service ?? {}) as { kernelsIdle?: unknown }).kernelsIdle;
  return {
    routes: new Set(routes),
    sha256: typeof sha256 === "string" ? sha256 : undefined,
    problem: typeof message === "string" ? message : undefined,
    idle: typeof idle === "number" ? idle : undefined,
  };
}

/** How a route stands in `GatewaySpec.routes`: parameters have no names there, because the first name wins. */
export function specKey({ method, path }: { method: string; path: string }): string {
  return `${method} ${shape(templateOf(path))}`;
}

function shape(template: string): string {
  return template.replace(/\{[^{}]*\}/g, "{}");
}

export interface ServedNotebook {
  /** In the workbench folder: api/marks.ipynb. */
  path: string;
  sha256: string;
  routes: readonly TriedRoute[];
}

/** Both ways: each route of the notebook is served, and nothing else is. */
export function routesServed(answer: HttpResponse, notebook: ServedNotebook, service: string): Answer {
  const spec = readSpec(answer);
  const expected = `the ${notebook.routes.length} routes of ${notebook.path}`;
  const restart = `\`notebox ssh -- sudo systemctl restart kernel-gateway@${service}\``;
  if (spec === undefined)
    return failed(
      `/${SPEC} answered ${told(answer)}, not a description of the API`,
      expected,
      "The VM has another gateway than this notebox makes: run `notebox up`.",
      { passing: false },
    );
  const missing = notebook.routes.filter(({ route }) => !spec.routes.has(specKey(route)));
  const own = new Set(notebook.routes.map(({ route }) => specKey(route)));
  const surplus = [...spec.routes].filter((key) => !own.has(key));
  const details = [
    ...missing.map(({ route }) => `not served: ${route.method} ${route.path} (cell ${route.cells[0]})`),
    ...surplus.map((key) => `served, and not in the notebook: ${key}`),
  ];
  if (spec.problem !== undefined)
    return failed(
      `an older ${notebook.path} is served, because the new one cannot be: ${clean(spec.problem)}`,
      expected,
      `Mend it in Jupyter and save it: it is read again by itself. \`notebox api lint ${notebook.path}\` tells more.`,
      { details },
    );
  if (details.length > 0)
    return failed(
      `${details[0]}${details.length > 1 ? ` (and ${details.length - 1} more)` : ""}`,
      expected,
      `A changed notebook is read again within seconds: ask again. If that does not help, ${restart}.`,
      { details },
    );
  if (spec.sha256 !== undefined && spec.sha256 !== notebook.sha256)
    return failed(
      `the routes are the same, but the ${notebook.path} that is served is not the one in the folder`,
      `the notebook with SHA-256 ${notebook.sha256.slice(0, 12)}…`,
      `A changed notebook is read again within seconds: ask again. If that does not help, ${restart}.`,
    );
  return passed(
    `${spec.routes.size} routes${spec.sha256 === undefined ? "" : ", read from the notebook as it is now"}`,
  );
}
