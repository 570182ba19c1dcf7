// Calls the workbench's notebook API from this computer. The token is read over SSH into memory and goes out in a
// header: it is in no argument list, file, log or line on the terminal.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { readJson } from "./place.mjs";
import { EXIT, Stop } from "./stop.mjs";

/** The addresses of the running workbench: service name → { kind, url }. Throws Stop when it is not up. */
export function readEndpoints(workbench) {
  const endpoints = readJson(path.join(workbench, ".notebox/endpoints.json"));
  if (endpoints) return endpoints;
  throw new Stop(EXIT.vagrant, "The VM is up, but it wrote no addresses.", "Run npm run quickstart again.");
}

async function readToken(ssh, service) {
  const args = [
    ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
    ...["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=60"],
    ...["-i", ssh.key, "-p", String(ssh.port), `${ssh.user}@${ssh.host}`],
    `sudo cat /var/lib/notebox/tokens/${service}`,
  ];
  try {
    return (await promisify(execFile)("ssh", args, { timeout: 120_000 })).stdout.trim();
  } catch (error) {
    throw new Stop(
      EXIT.vagrant,
      `The token could not be read over SSH: ${String(error.stderr).trim()}`,
      "Run it again.",
    );
  }
}

/** GETs a route of a kernel-gateway service; resolves with the address and the parsed JSON answer. */
export async function callApi(endpoints, service, route) {
  const url = new URL(route, endpoints.services[service].url).href;
  const token = await readToken(endpoints.ssh, service);
  let response;
  try {
    response = await fetch(url, {
      headers: { Authorization: `token ${token}` },
      signal: AbortSignal.timeout(120_000),
    });
  } catch (error) {
    throw new Stop(EXIT.check, `${url} does not answer: ${error.cause?.message ?? error.message}`, "Run it again.");
  }
  const text = await response.text();
  if (!response.ok)
    throw new Stop(EXIT.check, `${url} answered ${response.status}: ${text.slice(0, 200)}`, "Run it again.");
  return { url, answer: JSON.parse(text) };
}
