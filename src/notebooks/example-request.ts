/** A request that a route should answer: what `verify` sends, and what documentation shows. Pure. */
import { type Notes, notesOfSource } from "./notes.ts";
import { matches, type Route } from "./routes.ts";

export interface ExampleRequest {
  method: Route["method"];
  /** Path and query, percent-encoded. */
  path: string;
  /** JSON text, for PUT and POST. */
  body?: string;
  /** What the author says that it is answered with. */
  status?: number;
}

/** Without an example of the author's each parameter is "1", and the body of PUT and POST is `{}`. */
export function exampleRequest(route: Route): ExampleRequest {
  const notes = notesOf(route);
  const path = encoded(usablePath(route) ?? filled(route));
  const head = { method: route.method, path, ...(notes.status === undefined ? {} : { status: notes.status }) };
  if (route.method !== "PUT" && route.method !== "POST") return head;
  return { ...head, body: notes.body ?? "{}" };
}

/** Whether the author has said which request to send. */
export function hasExample(route: Route): boolean {
  return usablePath(route) !== undefined || notesOf(route).body !== undefined;
}

/** The author's path; undefined when there is none, or one that another route or none would answer. */
function usablePath(route: Route): string | undefined {
  const { path } = notesOf(route);
  return path?.startsWith("/") && matches(route, encoded(path).replace(/[?#].*$/s, "")) ? path : undefined;
}

/** All that the author says about the route, wherever it stands. */
export function notesOf(route: Route): Notes {
  return { ...notesOfSource(route.source), ...route.notes };
}

function filled(route: Route): string {
  return route.parameters.reduce((path, name) => path.replace(`:${name}`, "1"), route.path);
}

/** What a client sends for this text: blanks and letters beyond ASCII percent-encoded, `%` left alone. */
function encoded(path: string): string {
  return encodeURI(path.replace(/\p{Surrogate}/gu, "\ufffd")).replaceAll("%25", "%");
}
