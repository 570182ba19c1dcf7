/**
 * A rendered examples/hello whose VM is three servers on loopback: SSH, Jupyter and the gateway. The probe is
 * answered with what a healthy VM says, changed as a test wants it.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createClock } from "../../../src/adapters/clock.ts";
import { createDownloads } from "../../../src/adapters/download.ts";
import { createProcesses } from "../../../src/adapters/execa.ts";
import { createHttp } from "../../../src/adapters/got.ts";
import { createHashThreads } from "../../../src/adapters/hash-worker.ts";
import { createHttpServers } from "../../../src/adapters/http-server.ts";
import { createSsh } from "../../../src/adapters/node-ssh.ts";
import { createRunLog } from "../../../src/adapters/run-log.ts";
import { createWebSockets } from "../../../src/adapters/ws.ts";
import { readAssets } from "../../../src/bundle/assets.ts";
import { workbenchHash } from "../../../src/bundle/plan.ts";
import type { Report } from "../../../src/checks/check.ts";
import type { GuestAnswer } from "../../../src/checks/guest-answer.ts";
import { verifyWorkbench } from "../../../src/commands/verify.ts";
import type { Deps } from "../../../src/ports.ts";
import { loadWorkbench } from "../../../src/workbench/load.ts";
import { type FakeGateway, startGateway } from "./gateway.ts";
import { type FakeJupyter, startJupyter } from "./jupyter-server.ts";
import { type Command, type Reply, type SshServer, startSshServer } from "./ssh-server.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const PROGRAM = path.join(root, "dist/notebox.cjs");

export const TOKENS = { jupyter: "1".repeat(48), hello: "2".repeat(48) };

export interface World {
  folder: string;
  ssh: SshServer;
  jupyter: FakeJupyter;
  gateway: FakeGateway;
  /** What the probe says; tests change it. */
  guest: GuestAnswer;
  /** Everything healthy again. */
  heal(): Promise<void>;
  /** The built program, still running. */
  start(...args: string[]): { kill(signal: NodeJS.Signals): void; outcome: Promise<Outcome> };
  /** The built program. */
  verify(...args: string[]): Promise<Outcome>;
  /** The same in this process, which is quicker: the real adapters, and on PATH only the folder `programs`. */
  ask(options?: { wait?: number; only?: string[]; includeWrites?: boolean; programs?: string }): Promise<Report>;
  close(): Promise<void>;
}

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
  /** The JSON document on standard output. */
  json: { ok: boolean; error?: { code: string; message: string; hint: string; problems: { id: string }[] } };
  report: Report;
}

export async function makeWorld(): Promise<World> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-wire-"));
  fs.cpSync(path.join(root, "examples/hello"), folder, { recursive: true });
  const rendered = await run(["-C", folder, "--json", "render"]);
  if (rendered.code !== 0) throw new Error(`render failed: ${rendered.stdout}`);
  const [jupyter, gateway] = await Promise.all([startJupyter(TOKENS.jupyter), startGateway(TOKENS.hello)]);
  const reply = ({ input }: Command): Reply => {
    pretendToTryFolders(folder, input);
    const epoch = world.guest.epoch === 0 ? Date.now() / 1000 : world.guest.epoch;
    return { stdout: `Welcome!\nNOTEBOX-PROBE-1 ${JSON.stringify({ ...world.guest, epoch })}\n` };
  };
  const ssh = await startSshServer(folder, reply);
  fs.writeFileSync(
    path.join(folder, ".notebox/endpoints.json"),
    JSON.stringify({
      version: 1,
      provider: "virtualbox",
      services: {
        jupyter: { kind: "jupyter", url: jupyter.url },
        hello: { kind: "kernel-gateway", url: gateway.url },
      },
      ssh: { host: "127.0.0.1", port: ssh.port, user: "vagrant", key: ssh.key },
    }),
  );
  const workbench = await loadWorkbench(folder);
  const world: World = {
    folder,
    ssh,
    jupyter,
    gateway,
    guest: healthy(""),
    async heal() {
      world.guest = healthy(workbenchHash({ workbench, assets: readAssets(root) }));
      world.ssh.reply = reply;
      Object.assign(jupyter, { token: TOKENS.jupyter, asks: true, order: "reply-first", specs: specs(), requests: [] });
      Object.assign(gateway, { asks: true, routes: routes(), requests: [], most: 0 });
      Object.assign(gateway, { described: ["GET /hello", "GET /hello/{name}"], own: {}, origins: [] });
    },
    start: (...args) => start(["-C", folder, "--json", ...args]),
    verify: async (...args) => await run(["-C", folder, "--json", "verify", ...args]),
    ask: async ({ programs, ...options } = {}) =>
      await verifyWorkbench(makeDeps(programs ?? "/nonexistent"), workbench, options),
    async close() {
      await Promise.all([ssh.close(), jupyter.close(), gateway.close()]);
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
  await world.heal();
  return world;
}

const specs = (): FakeJupyter["specs"] => ({ python3: { language: "python" } });
const routes = (): FakeGateway["routes"] => ({
  "GET /hello": { status: 200, body: '{"message": "Hello, world"}' },
  "GET /hello/Ada": { status: 200, body: '{"message": "Hello, Ada"}' },
});

function makeDeps(programs: string): Deps {
  const clock = createClock();
  const log = createRunLog({ homeDir: os.homedir(), clock, command: "verify" });
  const nobody = () => {
    throw new Error("nobody is asked anything here");
  };
  return {
    processes: createProcesses({ PATH: programs }, log),
    ssh: createSsh(),
    http: createHttp({}),
    downloads: createDownloads({}),
    hashThreads: createHashThreads(),
    servers: createHttpServers(),
    webSockets: createWebSockets(),
    prompts: { interactive: false, confirm: nobody, text: nobody, select: nobody },
    reporter: { emit: () => {} },
    clock,
    log,
    signal: new AbortController().signal,
    env: {},
    platform: process.platform,
    arch: process.arch,
    homeDir: os.homedir(),
    assets: root,
    version: "0.0.0",
  } as Deps;
}

/** The host's files arrive in the VM and are deleted there. */
function pretendToTryFolders(folder: string, input: string): void {
  const asked = questions(input);
  for (const name of asked.folders)
    fs.rmSync(path.join(folder, name, `.notebox-verify-${asked.nonce}-host`), { force: true });
}

export function questions(input: string): { folders: string[]; nonce: string; services: { unit: string }[] } {
  const data = /b64decode\("([^"]*)"\)/.exec(input)?.[1] ?? "";
  return JSON.parse(Buffer.from(data, "base64").toString());
}

export async function run(args: readonly string[]): Promise<Outcome> {
  return await start(args).outcome;
}

function start(args: readonly string[]): ReturnType<World["start"]> {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, CI: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const outcome = new Promise<number | null>((resolve) => child.on("close", resolve)).then((code) => {
    const json = stdout.startsWith("{") ? JSON.parse(stdout) : {};
    return { code, stdout, stderr, json, report: json.result };
  });
  return { kill: (signal) => child.kill(signal), outcome };
}

/** What the probe says in a healthy VM. An epoch of 0 stands for now. */
export function healthy(hash: string): GuestAnswer {
  const unit = {
    load: "loaded",
    active: "active",
    sub: "running",
    result: "success",
    restarts: 0,
    pid: 700,
    exit: 0,
    activeSeconds: 320,
    inactiveSeconds: null,
  };
  const token = (value: string) => ({ value, mode: 0o600, uid: 0 });
  const socket = (port: number, program: string, owner: string) => ({
    protocol: "tcp" as const,
    address: "0.0.0.0",
    port,
    pid: port,
    program,
    unit: owner,
  });
  const folder = () => ({ kind: "vboxsf", ok: true, steps: ["read what the host wrote", "delete it"], error: null });
  return {
    provisioned: { workbench: hash, finished: "2026-11-20T09:00:00Z" },
    tokens: { jupyter: token(TOKENS.jupyter), hello: token(TOKENS.hello) },
    units: { "jupyter@jupyter.service": { ...unit }, "kernel-gateway@hello.service": { ...unit } },
    failed: [],
    journals: {},
    said: {},
    sockets: [
      socket(22, "sshd", "ssh.service"),
      socket(8888, "python", "jupyter@jupyter.service"),
      socket(8889, "python", "kernel-gateway@hello.service"),
      { protocol: "udp", address: "10.0.2.15", port: 68, pid: 1, program: "systemd-network", unit: null },
      { protocol: "tcp", address: "127.0.0.1", port: 40123, pid: 900, program: "python", unit: null },
    ],
    disks: [{ path: "/", kind: "ext4", size: 6.4e10, free: 6e10, inodes: 4e6, inodesFree: 3.9e6 }],
    memory: { total: 2.05e9, available: 1.4e9, swap: 0, swapFree: 0, oomKills: 0, cpus: 2 },
    packages: { python: "3.13", checked: 104, missing: [], damaged: [], different: [] },
    systemPackages: [],
    account: {
      uid: 1900,
      groups: ["notebox"],
      locked: { root: true, vagrant: true, notebox: true },
      sudo: false,
      sudoSaid: "sudo: a password is required",
    },
    folders: { notebooks: folder(), api: folder() },
    uptime: 400,
    seconds: 0.4,
    epoch: 0,
    problems: {},
  };
}
