/**
 * API notebook → its description as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1.html), read off the cells without
 * running them. Pure.
 */
import { createHash } from "node:crypto";
import type { Notebook } from "../notebook.ts";
import { firstHeading, type Operation, operationsOf } from "./operation.ts";

export interface DocumentOptions {
  /** Used when the notebook has neither a title nor a heading. */
  name: string;
  /** Where it is served, with a slash at the end; undefined when no workbench serves it. */
  url: string | undefined;
  /** Whether saved outputs and the author's examples go into it. */
  examples: boolean;
}

export interface OpenApiDocument {
  openapi: "3.1.0";
  info: { title: string; version: string; description?: string };
  servers: readonly object[];
  security: readonly object[];
  paths: Record<string, Record<string, unknown>>;
  components: Record<string, unknown>;
}

/** The notebook has routes that the gateway can serve (`startFaults` found nothing). */
export function openApiDocument(notebook: Notebook, options: DocumentOptions): OpenApiDocument {
  const operations = operationsOf(notebook, options);
  const paths: OpenApiDocument["paths"] = {};
  for (const operation of operations) {
    const path = templateOf(operation.route.path);
    paths[path] = { ...paths[path], [operation.route.method.toLowerCase()]: operationObject(operation) };
  }
  return {
    openapi: "3.1.0",
    info: { title: titleOf(notebook, options.name), version: versionOf(operations) },
    servers: [server(options.url)],
    security: [{ token: [] }, { bearer: [] }, { tokenInQuery: [] }],
    paths,
    components: COMPONENTS,
  };
}

export function titleOf(notebook: Notebook, name: string): string {
  return notebook.title ?? firstHeading(notebook) ?? name;
}

/** A number that another set of routes, or the same with other code, does not have: "1.<28 bits of a hash>". */
export function versionOf(operations: readonly Operation[]): string {
  const hash = createHash("sha256");
  for (const { route } of operations) hash.update(JSON.stringify([route.method, route.path, route.source]));
  return `1.${hash.digest().readUInt32BE() >>> 4}`;
}

/** :name becomes {name}; what a path cannot hold is percent-encoded. */
export function templateOf(path: string): string {
  return path
    .split(/(:[^/\s]+)/)
    .map((part) => (part.startsWith(":") && part.length > 1 ? `{${part.slice(1)}}` : encoded(part)))
    .join("");
}

function encoded(text: string): string {
  return encodeURI(text.replace(/\p{Surrogate}/gu, "\ufffd"))
    .replaceAll("%25", "%")
    .replace(/[{}?#]/g, encodeURIComponent);
}

function server(url: string | undefined): object {
  if (url !== undefined) return { url: url.replace(/\/$/, ""), description: "The workbench on this computer" };
  const variables = { port: { default: "8889", description: "The port of the service" } };
  return { url: "http://127.0.0.1:{port}", description: "The workbench on this computer", variables };
}

function operationObject({ route, id, summary, description, parameters, body, ...response }: Operation): object {
  return {
    operationId: id,
    summary,
    ...(description === "" ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters: parameters.map((each) => parameterObject(each)) }),
    ...(body === undefined ? {} : { requestBody: bodyObject(body) }),
    responses: {
      ...Object.fromEntries(response.statuses.map((status) => [status, responseObject(status, response)])),
      ...Object.fromEntries(
        Object.entries(COMMON)
          .filter(([status]) => !response.statuses.includes(Number(status)))
          .map(([status, name]) => [status, { $ref: `#/components/responses/${name}` }]),
      ),
    },
    "x-notebox-cells": route.cells,
  };
}

function parameterObject({ example, schema, ...parameter }: Operation["parameters"][number]): object {
  const value = example === undefined ? undefined : typed(example, schema.type);
  return { ...parameter, schema, ...(value === undefined ? {} : { example: value }) };
}

/** A text of an address as the parameter's type has it. */
function typed(text: string, type: string | undefined): unknown {
  if (type === "array") return [text];
  if (type !== "integer" && type !== "number") return text;
  return Number.isNaN(Number(text)) ? undefined : Number(text);
}

function bodyObject({ required, schema, example }: NonNullable<Operation["body"]>): object {
  const json = { schema, ...(example === undefined ? {} : { example }) };
  const form = { type: "object", additionalProperties: true };
  return {
    required,
    description: "JSON only with exactly this type, without a charset; any other text arrives as text.",
    content: {
      "application/json": json,
      "application/x-www-form-urlencoded": { schema: form },
      "text/plain": { schema: { type: "string" } },
    },
  };
}

function responseObject(status: number, { contentType, answer }: Pick<Operation, "contentType" | "answer">): object {
  const description = STATUS[status] ?? (status < 400 ? "The answer" : "The notebook refuses");
  if (status === 204 || status === 304) return { description };
  const shown = status < 300 && answer !== undefined;
  const media = shown ? { schema: answer.schema, ...("example" in answer ? { example: answer.example } : {}) } : {};
  return { description, content: { [contentType]: media } };
}

const STATUS: Readonly<Record<number, string>> = {
  200: "The answer",
  201: "Made",
  204: "Done; there is nothing to say",
  400: "The request is not as it should be",
  404: "There is no such thing",
};

// The same as in provision/services/kernel-gateway/notebox_gateway/openapi.py, which a test compares.
const COMMON = { 401: "NoToken", 404: "NoSuchRoute", 405: "NoSuchMethod", 500: "CellFailed", 504: "TimedOut" };
const text = { "text/plain": { schema: { type: "string" } } };
const fault = {
  type: "object",
  properties: {
    reason: { type: "string" },
    message: { type: "string" },
    fault: { type: "string" },
    cells: { type: "array", items: { type: "integer" } },
  },
};
const json = { "application/json": { schema: fault } };
const COMPONENTS = {
  securitySchemes: {
    token: {
      ...{ type: "apiKey", in: "header", name: "Authorization" },
      description: "The word token, a blank and the token: `Authorization: token 0123…`.",
    },
    bearer: { type: "http", scheme: "bearer", description: "The same with the word Bearer." },
    tokenInQuery: { type: "apiKey", in: "query", name: "token", description: "The token in the address." },
  },
  responses: {
    NoToken: { description: "The token is missing or wrong", content: json },
    NoSuchRoute: { description: "No route of the notebook has this path", content: json },
    NoSuchMethod: { description: "The path that matches has no such method", content: json },
    CellFailed: {
      description: "A cell of this route failed, or its kernel died; the text says how",
      content: { ...text, ...json },
    },
    TimedOut: { description: "The answer took longer than the service allows", content: json },
  },
};
