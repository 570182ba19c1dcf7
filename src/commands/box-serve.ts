/** `box serve`: a share over HTTP until somebody stops it; with `--print nginx` the configuration that does the same. */
import os from "node:os";
import path from "node:path";
import { nginxConfiguration } from "../boxes/serve/nginx.ts";
import { answerer } from "../boxes/serve/serve.ts";
import { requireSettings } from "../boxes/share.ts";
import type { Deps, Served } from "../ports.ts";

export interface BoxServeOptions {
  folder: string;
  share: string;
  host: string;
  port: number;
  print?: "nginx";
}

export type BoxServeResult =
  | { share: string; address: string; requests: number; bytes: number }
  | { share: string; door: string; configuration: string };

/** Downloads under way get this long when the server is stopped; Vagrant goes on where it was cut off. */
const GRACE_MS = 10_000;

/** Ends when the signal fires, as a success. Throws UserError `usage`, `unreachable` (the share), `busy`, `refused`. */
export async function boxServe(deps: Deps, options: BoxServeOptions): Promise<BoxServeResult> {
  const share = path.resolve(options.share);
  const settings = await requireSettings(share);
  if (options.print === "nginx") return { share, ...nginxConfiguration(share, settings.doors) };
  return await serve(deps, share, options);
}

async function serve(deps: Deps, share: string, { host, port }: BoxServeOptions): Promise<BoxServeResult> {
  const say = (text: string, level: "info" | "warning" = "info"): void =>
    deps.reporter.emit({ type: "say", level, text });
  let requests = 0;
  let bytes = 0;
  const server = await deps.servers.listen({
    host,
    port,
    answer: answerer(share, ({ message, hint = "" }) => say(`${message} ${hint}`, "warning")),
    served: (what) => {
      requests += 1;
      bytes += what.bytes;
      say(accessLine(what, deps.clock.now()));
    },
  });
  const address = `http://${host.includes(":") ? `[${host}]` : host}:${server.port}`;
  if (!isLoopback(host))
    say(
      `Everybody who reaches this computer over the network can read ${share} now; stop it when class is over.`,
      "warning",
    );
  say(`Serving ${share} at ${reachable(host, server.port).join(" and ")} until Ctrl-C.`);
  await stopped(deps.signal);
  if (server.busy() > 0) say(`Stopping; ${server.busy()} under way have ${GRACE_MS / 1000} seconds to finish.`);
  await server.close(GRACE_MS);
  return { share, address, requests, bytes };
}

async function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** The addresses to tell a class; 0.0.0.0 itself is none. */
function reachable(host: string, port: number): string[] {
  if (host !== "0.0.0.0" && host !== "::") return [`http://${host.includes(":") ? `[${host}]` : host}:${port}`];
  const own = Object.values(os.networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => `http://${address}:${port}`);
  return own.length > 0 ? own : [`http://127.0.0.1:${port}`];
}

/** The combined log format, which every tool that reads web servers' logs knows. */
function accessLine({ client, request, status, bytes }: Served, now: number): string {
  const quoted = (value: string | undefined): string =>
    value === undefined || value === "" ? '"-"' : `"${value.slice(0, 300).replace(/[^ -~]|["\\]/g, "?")}"`;
  const { method, target, headers } = request;
  return `${client} - - [${logTime(now)}] ${quoted(`${method} ${target} HTTP/1.1`)} ${status} ${bytes} ${quoted(headers["referer"])} ${quoted(headers["user-agent"])}`;
}

function logTime(now: number): string {
  // Tue, 24 Nov 2026 00:25:57 GMT
  const [, day, month, year, time] = new Date(now).toUTCString().split(" ");
  return `${day}/${month}/${year}:${time} +0000`;
}
