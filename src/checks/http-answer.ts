/** An HTTP answer in few words, and fields of it: what the checks that ask over HTTP share. Pure. */
import type { Clock, Http, HttpResponse } from "../ports.ts";
import { clean } from "./check.ts";

export interface HttpDeps {
  http: Http;
  clock: Clock;
  signal: AbortSignal;
}

/** How long a page that runs no cell may take. */
export const ANSWER_MS = 20_000;

/** A text of a JSON object; undefined when it is none. */
export function field(body: string, name: string): string | undefined {
  const value = object(body)?.[name];
  return typeof value === "string" ? value : undefined;
}

/** The JSON object that a body is; undefined when it is something else. */
export function object(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** "200", or "500 Error NameError: …": of an error the first line, which is the reason. */
export function told(answer: HttpResponse): string {
  const { status, headers } = answer;
  if (status < 400 || (headers["content-type"] ?? "").includes("html")) return String(status);
  const line = reasonOf(answer);
  return line === "" ? String(status) : `${status} ${line}`;
}

/**
 * The gateway's own errors are JSON: `message` says what happened, `reason` is often only the status in words. An
 * error of a cell is plain text.
 */
export function reasonOf({ body }: Pick<HttpResponse, "body">): string {
  const text = field(body, "message") || field(body, "reason") || body;
  return clean(text.trim().split("\n")[0] ?? "", 240);
}
