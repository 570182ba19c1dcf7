/**
 * Which routes may change something, so that nobody calls them just to see whether they answer: PUT, POST and DELETE,
 * and a GET of which the lint rule W32 says that it writes; unless the author says otherwise (notes.ts). Pure.
 */
import { notesOf } from "./example-request.ts";
import { lint } from "./lint/lint.ts";
import type { Notebook } from "./notebook.ts";
import { type Route, routesOf } from "./routes.ts";

/** A route, and why it is thought to change something; undefined: it only reads. */
export interface TriedRoute {
  route: Route;
  writes: string | undefined;
}

/** In the order of routesOf. */
export function triedRoutes(notebook: Notebook): TriedRoute[] {
  const writing = new Map(
    lint(notebook).flatMap(({ id, cell, message }) => (id === "W32" ? [[cell, message] as const] : [])),
  );
  return routesOf(notebook).map((route) => ({ route, writes: whyItWrites(route, writing) }));
}

function whyItWrites(route: Route, writing: ReadonlyMap<number | undefined, string>): string | undefined {
  const said = notesOf(route).writes;
  if (said === false) return undefined;
  if (said === true) return "its cell says that it writes";
  if (route.method !== "GET") return `a ${route.method} may change something`;
  const cell = route.cells.find((each) => writing.has(each));
  return cell === undefined ? undefined : `lint W32, cell ${cell}: ${writing.get(cell)?.replace(/\.$/, "")}`;
}
