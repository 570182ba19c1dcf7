/**
 * API notebook → routes, exactly as jupyter-kernel-gateway 3.0.1 finds them
 * (kernel_gateway/notebook_http: cell/parser.py, request_utils.py, __init__.py). Pure.
 * Advice on style and on what goes wrong at run time is for the lint rules, not for here.
 */
import { type Annotation, annotationsOf, commentPrefix, type Method, SPACE, strip } from "./annotations.ts";
import type { Notebook } from "./notebook.ts";
import type { Notes } from "./notes.ts";

export type { Method };

export interface Route {
  method: Method;
  /** As the annotation has it, parameters with their colons: /hello/:name */
  path: string;
  /** Names of the parameters, in the path's order, without colons. */
  parameters: readonly string[];
  /** Indices, in the notebook, of the cells that run for a request, in order. */
  cells: readonly number[];
  /** Indices of the cells that set its status and headers. */
  responseInfoCells: readonly number[];
  /** The sources of `cells`, as they run. */
  source: string;
  /** What the metadata of `cells` says of it. */
  notes?: Notes;
}

/** What keeps the gateway from starting, so that no route answers. */
export interface StartFault {
  id: "no-route" | "no-kernel" | "bad-parameter" | "bad-path";
  message: string;
  cell?: number;
  value?: string;
  hint: string;
}

const NON_SPACE_NON_SLASH = SPACE.replace("[", "[^/");

/**
 * Routes in the order in which the gateway tries them: a path without parameters first, then the deeper first
 * parameter, then the notebook's order. The first path that matches decides, whatever its methods.
 */
export function routesOf(notebook: Notebook): Route[] {
  const annotations = annotationsOf(notebook);
  const api = collect(annotations, "route");
  const info = collect(annotations, "response-info");
  const paths = [...api.keys()].sort((a, b) => {
    const [depthA, depthB] = [firstParameter(a), firstParameter(b)];
    return depthA === depthB ? 0 : depthB > depthA ? 1 : -1;
  });
  return paths.flatMap((path) =>
    [...(api.get(path) ?? [])].map(([method, cells]) => ({
      method,
      path,
      parameters: parametersOf(path),
      cells,
      responseInfoCells: info.get(path)?.get(method) ?? [],
      source: cells.map((cell) => `${notebook.cells[cell]?.source}\n`).join(""),
      ...notesIn(notebook, cells),
    })),
  );
}

function notesIn(notebook: Notebook, cells: readonly number[]): Pick<Route, "notes"> {
  const found = cells.flatMap((cell) => notebook.cells[cell]?.notes ?? []).filter((notes) => !("wrong" in notes));
  return found.length === 0 ? {} : { notes: Object.assign({}, ...found) };
}

/** Indices of the code cells that run once in each kernel, before any request. */
export function seedCells(notebook: Notebook): number[] {
  const annotated = annotationsOf(notebook);
  return notebook.cells.flatMap((cell, index) => (cell.type === "code" && !annotated.has(index) ? [index] : []));
}

/** Everything that makes the gateway give up at its start. */
export function startFaults(notebook: Notebook): StartFault[] {
  const faults: StartFault[] = [];
  const routes = routesOf(notebook);
  if (notebook.kernel === undefined) {
    const hint = "Open it in Jupyter, choose a kernel (Python 3) and save it.";
    faults.push({ id: "no-kernel", message: "This notebook does not say which kernel runs it.", hint });
  }
  if (routes.length === 0) {
    const example = `${commentPrefix(notebook.language)} GET /hello`;
    const hint = `Begin a code cell with a line such as “${example}”: nothing before it, the method in capitals.`;
    faults.push({ id: "no-route", message: "No cell of this notebook is annotated as a route.", hint });
  }
  const seen = new Set<string>();
  for (const route of routes) {
    if (seen.has(route.path)) continue;
    seen.add(route.path);
    const fault = pathFault(route);
    if (fault) faults.push({ ...fault, cell: route.cells[0] ?? 0, value: route.path });
  }
  return faults;
}

/** Whether the gateway answers a request for this path (percent-encoded, without query) by this route's path. */
export function matches(route: Pick<Route, "path">, requestPath: string): boolean {
  return parameterValues(route, requestPath) !== undefined;
}

/** The parameters in such a request path, as they stand there; undefined when the route does not match it. */
export function parameterValues(route: Pick<Route, "path">, requestPath: string): Record<string, string> | undefined {
  try {
    const match = new RegExp(`^(?:${pattern(route.path).replaceAll("(?P<", "(?<")})$`, "u").exec(requestPath);
    return match === null ? undefined : { ...match.groups };
  } catch {
    return undefined;
  }
}

type Collected = Map<string, Map<Method, number[]>>;

function collect(annotations: ReadonlyMap<number, Annotation>, kind: Annotation["kind"]): Collected {
  const found: Collected = new Map();
  for (const [index, annotation] of annotations) {
    if (annotation.kind !== kind) continue;
    const { path, method } = annotation;
    const methods = found.get(path) ?? new Map<Method, number[]>();
    found.set(path, methods);
    methods.set(method, [...(methods.get(method) ?? []), index]);
  }
  return found;
}

function firstParameter(path: string): number {
  const colon = path.indexOf(":");
  return colon < 0 ? Number.POSITIVE_INFINITY : path.slice(0, colon).split("/").length - 2;
}

/** Names after colons, wherever the colon stands, in the order of the path; "" for a colon alone. */
export function parametersOf(path: string): string[] {
  return [...path.matchAll(new RegExp(`:(${NON_SPACE_NON_SLASH}*)`, "g"))].map((match) => match[1] ?? "");
}

/**
 * The regular expression that the gateway makes of a path: replacement is textual, and everywhere at once. Then it is
 * joined to the base address, which leaves one slash of several at either end (jupyter_server/utils.py: url_path_join).
 */
function pattern(path: string): string {
  let text = path;
  for (const name of parametersOf(path)) text = text.replaceAll(`:${name}`, () => `(?P<${name}>[^/]+)`);
  const whole = strip(text);
  const inner = whole.replace(/^\/+|\/+$/g, "");
  return inner === "" ? "/" : `/${inner}${whole.endsWith("/") ? "/" : ""}`;
}

/** What makes the gateway end at its start because of this path; undefined when it is sound. */
export function pathFault(route: Route): Omit<StartFault, "cell" | "value"> | undefined {
  const id = "bad-parameter";
  for (const [at, name] of route.parameters.entries()) {
    if (name === "") {
      return {
        id,
        message: `The route ${route.path} has a colon without a name.`,
        hint: "Write a name after it: /hello/:name.",
      };
    }
    if (!/^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*$/u.test(name)) {
      const hint = `Use letters, digits and _ only: :${name.replace(/[^A-Za-z0-9_]+/g, "_").replace(/^[0-9]/, "_$&")}.`;
      return { id, message: `The parameter :${name} of ${route.path} is not a name that Python takes.`, hint };
    }
    if (route.parameters.indexOf(name) < at) {
      return { id, message: `The parameter :${name} is twice in ${route.path}.`, hint: "Give each its own name." };
    }
    const longer = route.parameters.slice(at + 1).find((other) => other !== name && other.startsWith(name));
    if (longer !== undefined) {
      const hint = `Rename one: the gateway replaces :${name} inside :${longer} too.`;
      return { id, message: `The parameter :${name} of ${route.path} is the beginning of :${longer}.`, hint };
    }
  }
  const hint = "Take ( ) [ ] * + ? and \\ out of the path.";
  try {
    const groups = new RegExp(`${pattern(route.path).replaceAll("(?P<", "(?<")}|`).exec("")?.length ?? 1;
    // tornado/routing.py (PathMatches): groups must all have names, or none of them.
    if (route.parameters.length === 0 || groups - 1 === route.parameters.length) return undefined;
    const message = `The route ${route.path} has parentheses beside a parameter, which the gateway does not start with.`;
    return { id: "bad-path", message, hint };
  } catch {
    const message = `The route ${route.path} is not a sound pattern: the gateway reads it as a regular expression.`;
    return { id: "bad-path", message, hint };
  }
}
