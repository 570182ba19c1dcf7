/**
 * Starts the real kernel gateway on loopback, with our personality as the service in the VM starts it, or as it comes
 * ("stock"). Every gateway has a folder of its own; what is asked of it is for the tests.
 */
import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { gatewayPython } from "../../scripts/lib/gateway-python.mjs";
import { freePort } from "../free-port.ts";

// A bundled tier lies elsewhere.
const checkout = process.env["NOTEBOX_CHECKOUT"] ?? path.resolve(import.meta.dirname, "../..");
const PROVISION = path.join(checkout, "provision/services/kernel-gateway");
export const TOKEN = "0123456789abcdef0123456789abcdef";
export const ORIGIN = "https://lms.example.edu";
const STARTS_WITHIN_MS = 60_000;

export type Cell = string | { markdown: string };

export interface Options {
  /** Of the service; a time-out of 3 s and one kernel unless told. */
  timeout?: number;
  kernels?: number;
  origins?: readonly string[];
  /** Traits of NoteboxPersonality. */
  personality?: object;
  env?: Record<string, string>;
  /** Files beside the notebook, by name. */
  files?: Readonly<Record<string, string>>;
  /** Whether to return before it serves. */
  early?: boolean;
}

export interface Gateway {
  url: string;
  port: number;
  folder: string;
  /** The notebook's file. */
  notebook: string;
  child: ChildProcess;
  /** What it has written so far. */
  log(): string;
  /** Lines for people, without what comes before the text. */
  told(): string[];
  ask(request: string, init?: RequestInit & { token?: string | null }): Promise<Response>;
  /** Exit code or signal; undefined while it runs. */
  ended(): number | string | undefined;
  /** Resolves when it has ended by itself, with its exit code. */
  end(seconds: number): Promise<number | string | undefined>;
  /** SIGTERM, and SIGKILL for the whole group after ten seconds. Seconds that it took. */
  stop(): Promise<number>;
}

/** Text of an .ipynb file with these cells. */
export function notebookText(cells: readonly Cell[], metadata: object = PYTHON): string {
  return JSON.stringify({
    ...{ nbformat: 4, nbformat_minor: 5, metadata },
    cells: cells.map((cell, index) =>
      typeof cell === "string"
        ? { ...{ id: `c${index}`, cell_type: "code", metadata: {} }, source: cell, outputs: [], execution_count: null }
        : { id: `c${index}`, cell_type: "markdown", metadata: {}, source: cell.markdown },
    ),
  });
}

export const PYTHON = {
  kernelspec: { name: "python3", display_name: "Python 3", language: "python" },
  language_info: { name: "python" },
};

/** Our service. `notebook`: cells, or the text of the file; undefined: there is none. */
export async function startOurs(notebook: readonly Cell[] | string | undefined, options: Options = {}) {
  const port = await freePort();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-gateway-"));
  const at = (name: string): string => path.join(folder, name);
  const put = (name: string, text: string): void => {
    fs.mkdirSync(path.dirname(at(name)), { recursive: true });
    fs.writeFileSync(at(name), text);
  };
  const { timeout = 3, kernels = 1, origins = [ORIGIN] } = options;
  const data = { name: "marks", kind: "kernel-gateway", port, notebook: "api/marks.ipynb", origins, kernels, timeout };
  const config = JSON.parse(fs.readFileSync(path.join(PROVISION, "kernel_gateway_config.json"), "utf8"));
  config.KernelGatewayApp.ip = "127.0.0.1";
  Object.assign(config.NoteboxPersonality, { watch_interval: 0.3, ...options.personality });
  put("etc/notebox/workbench/services/marks.json", JSON.stringify(data));
  put("opt/notebox/share/kernel-gateway/kernel_gateway_config.json", JSON.stringify(config));
  put("credentials/token", TOKEN);
  put("state/keep", "");
  put("home/notebox/api/keep", "");
  for (const [name, text] of Object.entries(options.files ?? {})) put(`home/notebox/api/${name}`, text);
  if (notebook !== undefined)
    put("home/notebox/api/marks.ipynb", typeof notebook === "string" ? notebook : notebookText(notebook));
  const own = { CREDENTIALS_DIRECTORY: at("credentials"), STATE_DIRECTORY: at("state"), HOME: at("home/notebox") };
  const env = { ...own, ...options.env };
  const args = [path.join(PROVISION, "kernel_gateway_service.py"), "marks", folder];
  return await launch(args, { port, folder, notebook: at("home/notebox/api/marks.ipynb") }, { ...options, env });
}

/** The gateway as it comes, in its notebook mode. */
export async function startStock(notebook: readonly Cell[] | string, options: Options = {}): Promise<Gateway> {
  const port = await freePort();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-stock-"));
  const file = path.join(folder, "marks.ipynb");
  fs.writeFileSync(file, typeof notebook === "string" ? notebook : notebookText(notebook));
  const env = {
    ...{ KG_API: "kernel_gateway.notebook_http", KG_SEED_URI: file, KG_PORT: String(port), KG_PORT_RETRIES: "0" },
    ...{ KG_AUTH_TOKEN: TOKEN, KG_ALLOW_ORIGIN: ORIGIN, KG_PRESPAWN_COUNT: String(options.kernels ?? 1) },
    ...options.env,
  };
  return await launch(["-m", "kernel_gateway"], { port, folder, notebook: file }, { ...options, env });
}

async function launch(
  args: readonly string[],
  place: Pick<Gateway, "port" | "folder" | "notebook">,
  options: Options,
): Promise<Gateway> {
  const python = gatewayPython();
  if (python === undefined) throw new Error("there is no Python with the kernel gateway: node scripts/setup.mjs");
  const runtime = path.join(place.folder, "runtime");
  fs.mkdirSync(runtime);
  const { PATH = "", LANG = "C.UTF-8" } = process.env;
  const own = { PATH, LANG, PYTHONDONTWRITEBYTECODE: "1", IPYTHONDIR: path.join(place.folder, "ipython") };
  const child = spawn(python, args, {
    cwd: place.folder,
    env: { ...own, JUPYTER_RUNTIME_DIR: runtime, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (text += String(chunk)));
  const url = `http://127.0.0.1:${place.port}`;
  const gateway: Gateway = {
    ...{ url, child, ...place, log: () => text },
    told: () => text.split("\n").flatMap((line) => (line.startsWith("notebox: ") ? [line.slice(9)] : [])),
    ask: async (request, { token = TOKEN, ...init } = {}) => {
      const [method = "GET", target = "/"] = request.split(/ (.*)/s);
      const headers = new Headers(init.headers);
      if (token !== null && !headers.has("authorization")) headers.set("authorization", `token ${token}`);
      return await fetch(url + target, { method, ...init, headers });
    },
    ended: () => child.exitCode ?? child.signalCode ?? undefined,
    end: async (seconds) => {
      await until(() => gateway.ended() !== undefined, seconds * 1000);
      return gateway.ended();
    },
    stop: async () => {
      const began = performance.now();
      child.kill("SIGTERM");
      await gateway.end(10);
      const took = (performance.now() - began) / 1000;
      try {
        // The kernels have groups of their own; they end by themselves when the gateway is gone.
        process.kill(-(child.pid ?? 0), "SIGKILL");
      } catch {}
      fs.rmSync(place.folder, { recursive: true, force: true, maxRetries: 5 });
      return took;
    },
  };
  if (options.early !== true) await serving(gateway);
  return gateway;
}

/** Its description answers, and says that the kernels are there (which the stock gateway never does). */
async function serving(gateway: Gateway): Promise<void> {
  const ready = async (): Promise<boolean> => {
    if (gateway.ended() !== undefined) return true;
    try {
      const ours = await gateway.ask("GET /_api/spec");
      if (ours.status === 404) return (await gateway.ask("GET /_api/spec/swagger.json")).ok;
      return ((await ours.json()) as Spec)["x-notebox-notebook"].state === "serving";
    } catch {
      return false;
    }
  };
  if (!(await until(ready, STARTS_WITHIN_MS))) throw new Error(`it does not serve:\n${gateway.log()}`);
}

export interface Spec {
  paths: Record<string, Record<string, { operationId: string }>>;
  "x-notebox-notebook": { path: string; sha256: string; state: string; problem: Record<string, unknown> | null };
  "x-notebox-service": { name: string; kernels: number; kernelsReplaced: number };
}

/** Whether it came true in that time. */
export async function until(condition: () => boolean | Promise<boolean>, milliseconds: number): Promise<boolean> {
  for (const end = Date.now() + milliseconds; Date.now() < end; ) {
    if (await condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  return await condition();
}

/** Each start takes seconds: the quick tests take these cases, `npm run test:soak -- --only gateway` all. */
export function sample<T>(cases: Record<string, T>, quick: readonly string[]): [string, T][] {
  return Object.entries(cases).filter(([name]) => takesAll || quick.includes(name));
}

export const takesAll = process.env["NOTEBOX_TEST_GATEWAY"] === "all";
