/**
 * Whether the ports that lead into the VM are bound to this computer's loopback only, so that nobody on the network
 * reaches them: read from the system's own table of sockets, and tried from outside by this computer's addresses.
 */
import fs from "node:fs/promises";
import os from "node:os";
import { UserError } from "../errors.ts";
import type { Http, Processes } from "../ports.ts";
import { type Answer, failed, passed } from "./check.ts";

export interface HostDeps {
  processes: Processes;
  http: Http;
  platform: NodeJS.Platform;
  signal: AbortSignal;
}

interface Listener {
  address: string;
  port: number;
}

const CONNECT_MS = 1500;
const MOST_ADDRESSES = 8;

/** `ports`: on this computer, each with what it leads to. */
export async function hostPorts(deps: HostDeps, ports: ReadonlyMap<number, string>): Promise<Answer> {
  const [table, reached] = await Promise.all([listeners(deps), reachable(deps, [...ports.keys()])]);
  const open = [
    ...(table ?? [])
      .filter(({ address, port }) => ports.has(port) && !isLoopback(address))
      .map(({ address, port }) => `${ports.get(port)} listens on ${bracketed(address)}:${port}`),
    ...reached.map(({ address, port }) => `${ports.get(port)} answers at ${bracketed(address)}:${port}`),
  ];
  if (open.length > 0)
    return failed(
      [...new Set(open)].join("; "),
      "127.0.0.1 only",
      "Others on the network can reach the VM. Did somebody change the Vagrantfile (host_ip)? `notebox render --force`, then `notebox down` and `notebox up` put it right.",
      { passing: false },
    );
  const list = [...ports.keys()].sort((a, b) => a - b).join(", ");
  const how = table === undefined ? "no other address of this computer answers" : "bound to loopback";
  return passed(`${list}: ${how}`);
}

/** Every listening TCP socket of this computer, or undefined where that cannot be found out. */
async function listeners(deps: HostDeps): Promise<Listener[] | undefined> {
  if (deps.platform === "linux") {
    const texts = await Promise.all(
      ["/proc/net/tcp", "/proc/net/tcp6"].map((file) => fs.readFile(file, "utf8").catch(() => "")),
    );
    return texts.flatMap(procNetTcp);
  }
  const args = deps.platform === "win32" ? ["-an"] : ["-an", "-p", "tcp"];
  try {
    const end = await deps.processes.run("netstat", args, { timeoutMs: 10_000, signal: deps.signal });
    return end.exitCode === 0 ? netstat(end.stdout) : undefined;
  } catch (error) {
    if (error instanceof UserError && error.code === "missing-program") return undefined;
    throw error;
  }
}

/** Linux's table: addresses in hexadecimal, in the machine's byte order by words of 32 bits; 0A is LISTEN. */
export function procNetTcp(text: string): Listener[] {
  return text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === "0A")
    .map((fields) => {
      const [host = "", port = ""] = (fields[1] ?? "").split(":");
      return { address: host.length === 8 ? ipv4(host) : ipv6(host), port: Number.parseInt(port, 16) };
    });
}

function words(hex: string): Buffer[] {
  const all = hex.match(/.{8}/g) ?? [];
  return all.map((word) => (os.endianness() === "LE" ? Buffer.from(word, "hex").reverse() : Buffer.from(word, "hex")));
}

function ipv4(hex: string): string {
  return [...Buffer.concat(words(hex))].join(".");
}

function ipv6(hex: string): string {
  const raw = Buffer.concat(words(hex));
  const plain = raw.toString("hex");
  if (/^0{20}ffff/.test(plain)) return [...raw.subarray(12)].join(".");
  if (/^0{32}$/.test(plain)) return "::";
  if (/^0{31}1$/.test(plain)) return "::1";
  return (plain.match(/.{4}/g) ?? []).join(":");
}

/**
 * `netstat -an` of Windows ("TCP  127.0.0.1:8888  0.0.0.0:0  LISTENING", the last word translated) and of macOS
 * ("tcp4  0  0  127.0.0.1.8888  *.*  LISTEN").
 */
export function netstat(text: string): Listener[] {
  return text.split("\n").flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const windows = /^TCP$/.test(fields[0] ?? "") && /^(0\.0\.0\.0|\[::\]):0$/.test(fields[2] ?? "");
    const mac = /^tcp(4|6|46)$/.test(fields[0] ?? "") && fields[5] === "LISTEN";
    const local = windows ? fields[1] : mac ? fields[3] : undefined;
    const match = /^(.*)[.:](\d+)$/.exec(local ?? "");
    return match === null ? [] : [{ address: (match[1] ?? "").replace(/^\[|\]$/g, ""), port: Number(match[2]) }];
  });
}

/** Which of the ports answer HTTP at an address of this computer that others can reach. */
async function reachable(deps: HostDeps, ports: readonly number[]): Promise<Listener[]> {
  const addresses = Object.values(os.networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address, family }) => !internal && (family === "IPv4" || !address.startsWith("fe80")))
    .map(({ address }) => address)
    .slice(0, MOST_ADDRESSES);
  const tries = addresses.flatMap((address) =>
    ports.map(async (port) => {
      try {
        const url = `http://${bracketed(address)}:${port}/`;
        await deps.http.request({ url, timeoutMs: CONNECT_MS, direct: true, signal: deps.signal });
        return [{ address, port }];
      } catch (error) {
        if (error instanceof UserError && error.code === "unreachable") return [];
        throw error;
      }
    }),
  );
  return (await Promise.all(tries)).flat();
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
