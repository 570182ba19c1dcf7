// The row of the benchmark about a request to an API notebook: ours beside the kernel gateway as it comes, both running
// on this computer with the same notebook. What our personality adds counts, in milliseconds.
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { gatewayPython } from "../scripts/lib/gateway-python.mjs";
import { compare, freePort } from "./measure.mjs";

const PROVISION = path.resolve(import.meta.dirname, "../provision/services/kernel-gateway");
const NOTEBOOK = path.resolve(import.meta.dirname, "../examples/hello/api/hello.ipynb");
const TOKEN = "0123456789abcdef0123456789abcdef";
const REQUESTS = 301;

export const gatewayRow = {
  what: "a request to an API notebook",
  beside: "the same to the kernel gateway without our personality",
  aim: "at most 3 ms more",
  bound: "three executions in the kernel (REQUEST, the cell, ResponseInfo); the ratio may be below 1.",
  needs: () => (gatewayPython() ? undefined : "needs a Python with the gateway: node scripts/setup.mjs"),
  measure: async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-bench-gateway-"));
    const children = [];
    try {
      const [ours, theirs] = await Promise.all([startOurs(folder, children), startStock(folder, children)]);
      return await compare(
        () => request(ours),
        () => request(theirs),
        REQUESTS,
      );
    } finally {
      for (const child of children) {
        const ended = new Promise((resolve) => child.on("exit", resolve));
        child.kill("SIGTERM");
        await ended;
      }
      fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  },
};

async function startOurs(folder, children) {
  const port = await freePort();
  const put = (name, text) => {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  };
  const service = { port, notebook: "api/hello.ipynb", origins: ["https://lms.example.edu"], kernels: 1, timeout: 30 };
  const config = JSON.parse(fs.readFileSync(path.join(PROVISION, "kernel_gateway_config.json"), "utf8"));
  config.KernelGatewayApp.ip = "127.0.0.1";
  put("etc/notebox/workbench/services/hello.json", JSON.stringify(service));
  put("opt/notebox/share/kernel-gateway/kernel_gateway_config.json", JSON.stringify(config));
  put("credentials/token", TOKEN);
  put("home/notebox/api/hello.ipynb", fs.readFileSync(NOTEBOOK));
  const env = { CREDENTIALS_DIRECTORY: path.join(folder, "credentials") };
  const args = [path.join(PROVISION, "kernel_gateway_service.py"), "hello", folder];
  return await launch(args, env, { folder, port, children });
}

async function startStock(folder, children) {
  const port = await freePort();
  const env = {
    KG_API: "kernel_gateway.notebook_http",
    KG_SEED_URI: NOTEBOOK,
    KG_PORT: String(port),
    KG_AUTH_TOKEN: TOKEN,
  };
  // The same transport to the kernel as in the service.
  const args = ["-m", "kernel_gateway", "--KernelManager.transport=ipc"];
  return await launch(args, env, { folder, port, children });
}

async function launch(args, env, { folder, port, children }) {
  const runtime = fs.mkdtempSync(path.join(folder, "runtime-"));
  const own = { PATH: process.env.PATH, LANG: "C.UTF-8", JUPYTER_RUNTIME_DIR: runtime, IPYTHONDIR: runtime };
  const child = spawn(gatewayPython(), args, { cwd: folder, env: { ...own, ...env }, stdio: "ignore" });
  children.push(child);
  const url = `http://127.0.0.1:${port}/hello`;
  for (const end = Date.now() + 90_000; Date.now() < end; )
    try {
      await request(url);
      return url;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  throw new Error(`${args.join(" ")} does not answer`);
}

/** Seconds that one takes, over a connection that is kept. */
async function request(url) {
  const start = process.hrtime.bigint();
  const answer = await fetch(url, {
    headers: { authorization: `token ${TOKEN}` },
    signal: AbortSignal.timeout(20_000),
  });
  const body = await answer.text();
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${body}`);
  return seconds;
}
