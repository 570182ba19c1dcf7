/** Rules on the paths of routes, alone and beside each other. Pure. */
import { matches, parametersOf, pathFault, type Route } from "../routes.ts";
import { at, type Subject } from "../subject.ts";
import type { Finding } from "./catalogue.ts";

export function* pathRules(subject: Subject): Generator<Finding> {
  const place = placesOf(subject);
  const paths = pathsOf(subject.routes);
  for (const { path, routes } of paths) {
    for (const finding of alone(path, routes[0])) yield { ...place(routes[0]), ...finding };
  }
  // Pairs are many: what each path is made of is worked out once, and only paths of the same length can meet.
  const before = new Map<number, PathRoutes[]>();
  for (const later of paths) {
    const peers = before.get(later.segments.length) ?? [];
    for (const earlier of peers) {
      const finding = beside(earlier, later);
      if (finding) yield { ...place(later.routes[0]), ...finding };
    }
    peers.push(later);
    before.set(later.segments.length, peers);
  }
}

interface PathRoutes {
  path: string;
  routes: readonly [Route, ...Route[]];
  methods: readonly string[];
  shape: string;
  segments: readonly string[];
}

/** Routes by path, in the gateway's order. */
function pathsOf(routes: readonly Route[]): PathRoutes[] {
  const found = new Map<string, [Route, ...Route[]]>();
  for (const route of routes) {
    const there = found.get(route.path);
    if (there) there.push(route);
    else found.set(route.path, [route]);
  }
  return [...found].map(([path, group]) => ({
    ...{ path, routes: group, methods: group.map(({ method }) => method) },
    ...{ shape: path.replace(/:[^/\s]*/g, ":"), segments: path.split("/") },
  }));
}

function placesOf({ code }: Subject): (route: Route) => ReturnType<typeof at> {
  const cells = new Map(code.map((cell) => [cell.index, cell]));
  return (route) => {
    const index = route.cells[0] ?? 0;
    return at(cells.get(index) ?? { index, source: route.source });
  };
}

type Told = Pick<Finding, "id" | "message" | "hint">;

// Names that the gateway's own calls use already: a request for such a route ends in a TypeError, status 500.
const TAKEN = ["self", "transforms"];

function* alone(path: string, route: Route): Generator<Told> {
  const fault = pathFault(route);
  if (fault?.id === "bad-parameter") yield { id: "E03", message: fault.message, hint: fault.hint };
  const taken = parametersOf(path).find((name) => TAKEN.includes(name));
  if (taken !== undefined) {
    const message = `The parameter :${taken} of ${path} has a name that the gateway uses itself.`;
    yield { id: "E03", message, hint: `Take another, such as :the_${taken}.` };
  }
  const literal = path.replace(/:[^/\s]*/g, "");
  const special = [...new Set(literal.match(/[.?*+()[\]{}^$|\\]/g) ?? [])];
  if (special.length > 0) {
    const message = `The path ${path} has ${special.join(" ")} in it, which the gateway takes for a regular expression.`;
    yield {
      id: "E04",
      message,
      hint: special
        .map((sign) => SPECIAL[sign] ?? OTHER)
        .filter(first)
        .join(" "),
    };
  }
  if (/[\s#]/.test(path)) {
    const message = `The path is “${path}”: blanks and # are part of it.`;
    yield {
      id: "E05",
      message,
      hint: "Put nothing behind the path; a remark goes on the next line, blanks into no path.",
    };
  }
  const raw = [...new Set(path.replace(/:[^/\s]*/g, "").match(/[^\0-\x7f]/gu) ?? [])];
  if (raw.length > 0) {
    const hint = `Use ASCII letters only${!/\p{Surrogate}/u.test(path) ? `, or write it as ${encodeURI(path).replaceAll("%25", "%")}` : ""}.`;
    yield { id: "E06", message: `The path ${path} has ${raw.join(" ")} in it, which no request matches.`, hint };
  }
  const segment = path.split("/")[1];
  if (segment === "_api" || segment === "public") {
    yield {
      id: "E14",
      message: `${path} is below /${segment}/, which the gateway serves itself.`,
      hint: "Begin the path otherwise.",
    };
  } else if (matches(route, SWAGGER)) {
    const message = `${path} also matches ${SWAGGER}, the gateway's own description, and hides it.`;
    yield { id: "E14", message, hint: "Begin the path with a word of its own, such as /marks." };
  }
}

const SWAGGER = "/_api/spec/swagger.json";
const OTHER = "Take it out of the path.";
const SPECIAL: Readonly<Record<string, string>> = {
  ".": "The dot stands for any character: write /marks/csv instead of /marks.csv.",
  "?": "A query (?name=value) does not belong here: the cell finds it in REQUEST's args.",
  "*": "The gateway has no wildcards: use a parameter such as /:name.",
  "(": "Parentheses make every request end with status 500.",
};

function first(text: string, index: number, all: readonly string[]): boolean {
  return all.indexOf(text) === index;
}

/** `earlier` is tried first. */
function beside(earlier: PathRoutes, later: PathRoutes): Told | undefined {
  if (earlier.shape === later.shape) {
    const message = `${later.path} and ${earlier.path} differ in the names of parameters only.`;
    return { id: "E12", message, hint: `Write ${earlier.path} in both.` };
  }
  const hidden = later.methods.filter((method) => !earlier.methods.includes(method));
  if (hidden.length === 0 || !overlap(earlier.segments, later.segments)) return undefined;
  const message = `A ${hidden.join(" or ")} request that both ${earlier.path} and ${later.path} match gets 405: ${earlier.path} has ${earlier.methods.join(", ")} only.`;
  const hint = `Add a cell ${hidden.map((method) => `“${method} ${earlier.path}”`).join(" and ")}, or give the paths different beginnings.`;
  return { id: "E13", message, hint };
}

/**
 * Whether one request can match both, which have as many segments. A segment with a parameter in it is taken to match
 * any other such segment.
 */
function overlap(left: readonly string[], right: readonly string[]): boolean {
  return left.every((segment, index) => {
    const other = right[index] ?? "";
    if (segment === other) return true;
    if (segment.includes(":")) return other.includes(":") || fits(segment, other);
    return other.includes(":") && fits(other, segment);
  });
}

/** Whether the segment's parameters, each one character or more, can make it this text. */
function fits(segment: string, text: string): boolean {
  const parts = segment.split(/:[^/\s]*/).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^/]+")}$`).test(text);
}
