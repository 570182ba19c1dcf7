/**
 * A request that a route should answer: what `verify` sends, and what documentation shows. Pure.
 * An author can say which one, in comment lines of the route's cell:
 *   # example: /hello/Ada?times=2
 *   # example body: {"points": 3}
 */
import { matches, type Route } from "./routes.ts";

export interface ExampleRequest {
  method: Route["method"];
  /** Path and query, percent-encoded. */
  path: string;
  /** JSON text, for PUT and POST. */
  body?: string;
}

/** Without an example in the cell each parameter is "1", and the body of PUT and POST is `{}`. */
export function exampleRequest(route: Route): ExampleRequest {
  const given = commentValue(route.source, "example");
  const usable = given?.startsWith("/") && matches(route, encoded(given).replace(/[?#].*$/s, ""));
  const path = usable ? encoded(given ?? "") : encoded(filled(route));
  if (route.method !== "PUT" && route.method !== "POST") return { method: route.method, path };
  return { method: route.method, path, body: commentValue(route.source, "example body") ?? "{}" };
}

/** Whether the author has said which request to send: leave to send it, also for a route that changes something. */
export function hasExample(route: Route): boolean {
  return ["example", "example body"].some((key) => commentValue(route.source, key) !== undefined);
}

function filled(route: Route): string {
  return route.parameters.reduce((path, name) => path.replace(`:${name}`, "1"), route.path);
}

/** What a client sends for this text: blanks and letters beyond ASCII percent-encoded, `%` left alone. */
function encoded(path: string): string {
  return encodeURI(path.replace(/\p{Surrogate}/gu, "\ufffd")).replaceAll("%25", "%");
}

function commentValue(source: string, key: string): string | undefined {
  return new RegExp(`^(?:#|//)[ \\t]*${key}:[ \\t]*(\\S.*?)[ \\t\\r]*$`, "m").exec(source)?.[1];
}
