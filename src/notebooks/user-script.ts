/**
 * API notebook → a user script: its header and one typed function for each route, put into the templates of
 * templates/api/, which hold everything that is the same for all. Pure.
 */

import type { Notebook } from "./notebook.ts";
import { templateOf, titleOf, versionOf } from "./openapi/document.ts";
import { embeddable, fillIn } from "./openapi/embed.ts";
import { jsdocType, memberName } from "./openapi/infer.ts";
import { type Operation, operationsOf } from "./openapi/operation.ts";

export interface ScriptOptions {
  /** The file's name, for a notebook without a title. */
  name: string;
  /** The service's name, as people know it from workbench.yaml. */
  service: string;
  /** Where it is served, with a slash at the end. */
  url: string;
  /** Pages on which the script runs: scheme, host and port. */
  origins: readonly string[];
  timeoutMs: number;
  transport: "auto" | "gm" | "fetch";
  templates: { script: string; main: string };
}

/** The route that a script of the template `activity` calls, or undefined. */
export function activityRoute(notebook: Notebook): Operation | undefined {
  const posts = operationsOf(notebook, { examples: true }).filter(
    ({ route }) => route.method === "POST" && route.parameters.length === 0,
  );
  return posts.find(({ route }) => /activity/i.test(route.path)) ?? (posts.length === 1 ? posts[0] : undefined);
}

/** The notebook has routes that the gateway can serve, and for the template `activity` an `activityRoute`. */
export function userScript(notebook: Notebook, options: ScriptOptions): string {
  const operations = operationsOf(notebook, { examples: true });
  const title = titleOf(notebook, options.name).replace(/\s+/g, " ");
  const base = options.url.replace(/\/$/, "");
  const { service, timeoutMs, transport } = options;
  const data = { base, title, service, timeoutMs, transport, notebook: options.name };
  const routes = operations.map(routeFunction).join("\n\n").replace(/^/gm, "    ").replace(/^ +$/gm, "");
  const main = options.templates.main.trimEnd();
  const activity = activityRoute(notebook);
  const calls: Record<string, string> = main.includes(ACTIVITY)
    ? { [ACTIVITY]: `api.${activity?.id}` }
    : { [EXAMPLE]: exampleCall(operations) };
  return fillIn(options.templates.script, {
    "/*@@HEADER@@*/": header(title, options, versionOf(operations)),
    "/*@@API@@*/ {}": embeddable(data),
    "    /*@@ROUTES@@*/": routes,
    "/*@@MAIN@@*/": fillIn(main, calls),
  });
}

const ACTIVITY = "/*@@ACTIVITY@@*/";
const EXAMPLE = "/*@@EXAMPLE@@*/";

/** https://www.tampermonkey.net/documentation.php, wiki.greasespot.net/Metadata_Block: one value a line. */
function header(title: string, { origins, service, url }: ScriptOptions, version: string): string {
  const both = (name: string): string[] => [`GM.${name}`, `GM_${name}`];
  // Before some managers allowed 127.0.0.1 by a wildcard they did not: both names of this computer are listed.
  const hosts = new Set([new URL(url).hostname, "127.0.0.1", "localhost"]);
  const lines: [string, string][] = [
    ["name", line(title)],
    ["namespace", "notebox"],
    ["version", version],
    ["description", line(`Calls the service ${service} of the workbench on this computer.`)],
    ...origins.map((origin): [string, string] => ["match", `${origin.replace(/:\d+$/, "")}/*`]),
    ["noframes", ""],
    ["run-at", "document-idle"],
    ...both("xmlHttpRequest").map((name): [string, string] => [
      "grant",
      name.replace("GM_xmlHttpRequest", "GM_xmlhttpRequest"),
    ]),
    ...["getValue", "setValue", "deleteValue", "registerMenuCommand"]
      .flatMap(both)
      .map((name): [string, string] => ["grant", name]),
    ...[...hosts].map((host): [string, string] => ["connect", host]),
  ];
  const rows = lines.map(([key, value]) => `// @${key.padEnd(11)} ${value}`.trimEnd());
  return ["// ==UserScript==", ...rows, "// ==/UserScript=="].join("\n");
}

/** One line whatever is in it: a line feed would be code, or another entry. */
function line(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
}

function routeFunction({ id, route, summary, description, parameters, body, answer }: Operation): string {
  const path = parameters.filter((each) => each.in === "path");
  const query = parameters.filter((each) => each.in === "query");
  const members = [
    ...(path.length === 0 ? [] : [`path: { ${path.map(({ name }) => `${memberName(name)}: Value`).join("; ")} }`]),
    ...(query.length === 0
      ? []
      : [`query${query.some(({ required }) => required) ? "" : "?"}: { ${query.map(queryMember).join("; ")} }`]),
    ...(body === undefined ? [] : [`body?: ${jsdocType(body.schema)}; form?: Record<string, string>`]),
  ];
  const needed = members.some((member) => /^(?:path|query):/.test(member));
  const words = [summary, ...description.split("\n")].filter(
    (each) => each !== "" && each !== `${route.method} ${route.path}`,
  );
  const doc = [
    ...words,
    `${route.method} ${route.path}`,
    ...(members.length === 0 ? [] : [`@param {{ ${members.join("; ")} }} ${needed ? "call" : "[call]"}`]),
    `@returns {Promise<${answer === undefined ? "any" : jsdocType(answer.schema)}>}`,
  ];
  const parameter = members.length === 0 ? "" : "call";
  const sent = [embeddable(route.method), embeddable(templateOf(route.path)), ...(parameter === "" ? [] : [parameter])];
  const comment = ["/**", ...doc.map((each) => ` * ${line(each).replaceAll("*/", "*\\/")}`), " */"].join("\n");
  return `${comment}\n${id}: (${parameter}) => send(${sent.join(", ")}),`;
}

function queryMember({ name, required, schema }: Operation["parameters"][number]): string {
  const type = schema.type === "array" ? "Value | readonly Value[]" : "Value";
  return `${memberName(name)}${required ? "" : "?"}: ${type}`;
}

/** A GET with the author's example if there is one; else one without parameters; else the first route. */
function exampleCall(operations: readonly Operation[]): string {
  const gets = operations.filter(({ route }) => route.method === "GET");
  const bare = (each: Operation): boolean => each.parameters.every(({ required }) => !required);
  const chosen = gets.find(bare) ?? gets[0] ?? operations[0];
  if (chosen === undefined) return "undefined";
  const group = (place: "path" | "query"): Record<string, unknown> =>
    Object.fromEntries(
      chosen.parameters.flatMap(({ name, in: where, required, example }) =>
        where === place && (required || example !== undefined) ? [[name, example ?? "1"]] : [],
      ),
    );
  const call = {
    path: group("path"),
    query: group("query"),
    ...(chosen.body === undefined ? {} : { body: chosen.body.example ?? {} }),
  };
  const used = Object.entries(call).filter(([key, value]) => key === "body" || Object.keys(value as object).length > 0);
  return `api.${chosen.id}(${used.length === 0 ? "" : embeddable(Object.fromEntries(used))})`;
}
