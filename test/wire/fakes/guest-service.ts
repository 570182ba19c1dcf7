/**
 * One of notebox's own services of the guest (home, openrefine, desktop), started on loopback as its unit starts it, with
 * a folder that stands for the VM's root. Needs the Python with tornado that the gateway's tests have.
 */
import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { gatewayPython } from "../../../scripts/lib/gateway-python.mjs";
import { freePort } from "../../free-port.ts";
import { until } from "../../gateway/start.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const PROVISION = path.join(ROOT, "provision");
export const TOKEN = "0123456789abcdef0123456789abcdef";

export interface GuestService {
  url: string;
  port: number;
  /** Stands for / in the VM. */
  root: string;
  child: ChildProcess;
  log(): string;
  /** Writes a file below the root. */
  put(name: string, text: string): void;
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** SIGTERM; seconds that it took to end, or undefined when it had to be killed after ten. */
  stop(): Promise<number | undefined>;
}

/** `tokens`: of the other services. `program`: the file in provision/services/KIND that the unit starts. */
export async function startService(
  kind: string,
  program: string,
  options: {
    settings?: object;
    tokens?: Record<string, string>;
    env?: Record<string, string>;
    files?: Record<string, string>;
  } = {},
): Promise<GuestService> {
  const port = await freePort();
  const root = fs.mkdtempSync(path.join(os.tmpdir(), `notebox-${kind}-`));
  const put = (name: string, text: string): void => {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  };
  put(`etc/notebox/workbench/services/${kind}.json`, JSON.stringify({ name: kind, kind, port, ...options.settings }));
  put("credentials/token", TOKEN);
  for (const [name, token] of Object.entries(options.tokens ?? {})) put(`credentials/tokens_${name}`, token);
  for (const [name, text] of Object.entries(options.files ?? {})) put(name, text);
  put("state/keep", "");
  put("runtime/keep", "");
  const { PATH = "" } = process.env;
  const own = {
    ...{ PATH, LANG: "C.UTF-8", PYTHONDONTWRITEBYTECODE: "1", HOME: root, NOTEBOX_LISTEN: "127.0.0.1" },
    NOTEBOX_LIB: [path.join(PROVISION, "gate"), path.join(PROVISION, "services", kind)].join(":"),
    CREDENTIALS_DIRECTORY: path.join(root, "credentials"),
    STATE_DIRECTORY: path.join(root, "state"),
    RUNTIME_DIRECTORY: path.join(root, "runtime"),
  };
  const child = spawn(
    gatewayPython() ?? "python3",
    ["-P", path.join(PROVISION, "services", kind, program), kind, root],
    {
      cwd: root,
      env: { ...own, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    },
  );
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (text += String(chunk)));
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const url = `http://127.0.0.1:${port}`;
  const answers = async (): Promise<boolean> =>
    ended() ||
    (await fetch(url).then(
      () => true,
      () => false,
    ));
  const service: GuestService = {
    ...{ url, port, root, child, put, log: () => text },
    ask: async (target, init = {}) => await fetch(url + target, { redirect: "manual", ...init }),
    stop: async () => {
      const began = performance.now();
      child.kill("SIGTERM");
      const inTime = await until(ended, 10_000);
      const took = (performance.now() - began) / 1000;
      try {
        process.kill(-(child.pid ?? 0), "SIGKILL");
      } catch {}
      fs.rmSync(root, { recursive: true, force: true, maxRetries: 5 });
      return inTime ? took : undefined;
    },
  };
  if (!(await until(answers, 20_000)) || ended()) throw new Error(`${kind} does not start:\n${text}`);
  return service;
}
