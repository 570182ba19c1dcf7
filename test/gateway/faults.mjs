/**
 * Provokes what makes a kernel gateway hang or lie, in any gateway, and says of each fault whether it stood it: the
 * request ended within its time-out plus 2 s, with a status and a reason that name the fault, and the next request
 * worked soon. The gateway serves faults.ipynb, which is beside this file. Imports nothing but Node.
 *
 *   node faults.mjs --url http://127.0.0.1:8889 --token TOKEN [--timeout 3] [--next 15] [--only NAME]
 *       a gateway that runs, in a VM for instance; --timeout is the service's
 *   node faults.mjs --start 'COMMAND' --url … --token …
 *       the command is run by sh before the first fault, and again after one that was not stood (KG_PORT and
 *       KG_SEED_URI are set for it)
 */
import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

/** Beyond the time-out. Seconds. */
const GRACE = 2;
const STARTS_WITHIN = 60;

// A tier that this is bundled into lies elsewhere.
const checkout = process.env.NOTEBOX_CHECKOUT;
const here = checkout ? path.join(checkout, "test", "gateway") : path.dirname(fileURLToPath(import.meta.url));
export const NOTEBOOK = path.join(here, "faults.ipynb");

/**
 * Each fault: what is sent, and whether an answer is the right one. `fault` is the word in the JSON of our gateway's
 * answer; undefined for what is no fault of a cell's. `together`: sent while another request holds the only kernel.
 */
export const FAULTS = [
  { name: "a cell that takes too long", send: "GET /sleep", status: [504], fault: "timeout" },
  { name: "a cell that prints for ever", send: "GET /flood", status: [500, 504], fault: /timeout|output/ },
  { name: "a kernel that ends itself", send: "GET /exit", status: [500, 504], fault: "kernel-died" },
  { name: "a kernel that the system kills", send: "GET /kill", status: [500, 504], fault: "kernel-died" },
  {
    name: "a kernel that ends itself in ResponseInfo",
    send: "GET /exit-info",
    status: [500, 504],
    fault: "kernel-died",
  },
  { name: "a cell that asks for input", send: "GET /input", status: [500, 504], fault: "input" },
  { name: "a ResponseInfo that is not JSON", send: "GET /not-json", status: [500], fault: "response-info" },
  { name: "two ResponseInfo cells", send: "GET /two-infos", status: [500], fault: "response-info" },
  {
    name: "a queue that does not move",
    send: "GET /hello",
    status: [504],
    fault: /busy|starting/,
    together: "GET /sleep",
  },
  { name: "an answer without a type", send: "GET /umlaut", status: [200], type: /charset=utf-8/i },
  { name: "a path whose first match has no such method", send: "POST /sleep", status: [405], type: /json/ },
];

/**
 * @param {{ url: string, token: string, timeoutSeconds: number, nextSeconds?: number, only?: string,
 *   restart?: () => Promise<void>, onResult?: (result: object) => void }} options
 * @returns {Promise<{ name: string, passed: boolean, seen: string, seconds: number, nextSeconds: number }[]>}
 */
export async function provokeFaults(options) {
  const results = [];
  for (const fault of FAULTS) {
    if (options.only !== undefined && !fault.name.includes(options.only)) continue;
    const result = await provoke(fault, options);
    results.push(result);
    options.onResult?.(result);
    if (!result.passed) await options.restart?.();
  }
  return results;
}

async function provoke(fault, { url, token, timeoutSeconds, nextSeconds = 15 }) {
  const within = timeoutSeconds + GRACE;
  // It holds the kernel until its own end; how that comes is another fault's subject.
  const holder = fault.together === undefined ? undefined : ask(url, token, fault.together, within);
  if (holder !== undefined) await new Promise((resolve) => setTimeout(resolve, 200));
  const answer = await ask(url, token, fault.send, within);
  const wrong = judge(fault, answer, within);
  await holder;
  const began = performance.now();
  let next = "";
  while (next !== undefined && (performance.now() - began) / 1000 < nextSeconds) {
    const left = nextSeconds - (performance.now() - began) / 1000;
    const { status, body } = await ask(url, token, "GET /hello", left);
    // "fresh": the variables are those of the start, whatever ran before.
    next = status === 200 && body.trim() === "hello" ? undefined : `the next request: ${status ?? "no answer"} ${body}`;
    if (next !== undefined) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const waited = (performance.now() - began) / 1000;
  const seen = [`${answer.status ?? "no answer"} after ${answer.seconds.toFixed(1)} s`, wrong, next].filter(Boolean);
  return {
    ...{ name: fault.name, passed: wrong === undefined && next === undefined, seen: seen.join("; ").slice(0, 300) },
    ...{ seconds: answer.seconds, nextSeconds: waited },
  };
}

/** What is wrong with the answer; undefined when it is as it should be. */
function judge({ status, fault, type }, answer, within) {
  if (answer.status === undefined) return `no answer within ${within} s (${answer.body})`;
  if (answer.seconds > within) return `later than ${within} s`;
  if (!status.includes(answer.status)) return `not ${status.join(" or ")}: ${JSON.stringify(answer.body.slice(0, 80))}`;
  if (type !== undefined && !type.test(answer.type)) return `its type is ${answer.type}`;
  if (fault === undefined) return undefined;
  try {
    const told = JSON.parse(answer.body);
    if (new RegExp(`^(?:${fault.source ?? fault})$`).test(told.fault) && told.message.length > 20) return undefined;
  } catch {}
  return `the body does not say why: ${JSON.stringify(answer.body.slice(0, 80))}`;
}

async function ask(url, token, request, seconds) {
  const [method, target] = request.split(" ");
  const began = performance.now();
  const since = () => (performance.now() - began) / 1000;
  try {
    const headers = { authorization: `token ${token}` };
    const signal = AbortSignal.timeout(Math.max(1, Math.ceil(seconds * 1000)));
    const answer = await fetch(url.replace(/\/$/, "") + target, { method, headers, signal });
    const body = await answer.text();
    return { status: answer.status, type: answer.headers.get("content-type") ?? "", body, seconds: since() };
  } catch (error) {
    return { status: undefined, type: "", body: String(error.cause?.code ?? error.name), seconds: since() };
  }
}

async function main() {
  const text = { type: "string" };
  const { values } = parseArgs({
    options: { url: text, token: text, timeout: text, next: text, only: text, start: text },
  });
  if (values.url === undefined || values.token === undefined) throw new Error("--url and --token are needed");
  let running;
  const restart = async () => {
    if (values.start === undefined) return;
    if (running !== undefined) await endGroup(running);
    const { port } = new URL(values.url);
    const env = { ...process.env, KG_PORT: port, KG_SEED_URI: NOTEBOOK };
    running = spawn("sh", ["-c", values.start], { stdio: ["ignore", "ignore", 2], env, detached: true });
    for (const end = Date.now() + STARTS_WITHIN * 1000; Date.now() < end; )
      if ((await ask(values.url, values.token, "GET /hello", 5)).status === 200) return;
    throw new Error("the gateway does not start");
  };
  await restart();
  try {
    const results = await provokeFaults({
      ...{ url: values.url, token: values.token, timeoutSeconds: Number(values.timeout ?? 3) },
      ...{ nextSeconds: Number(values.next ?? 15), only: values.only, restart },
      onResult: ({ name, passed, seen, nextSeconds }) =>
        console.log(`${passed ? "ok  " : "FAIL"} ${name}: ${seen}; the next after ${nextSeconds.toFixed(1)} s`),
    });
    process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
  } finally {
    if (running !== undefined) await endGroup(running);
  }
}

/** The gateway as it comes may never end by itself. */
async function endGroup(child) {
  const ended = new Promise((resolve) => child.on("exit", resolve));
  try {
    process.kill(-child.pid, "SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await ended;
  } catch {}
}

const program = process.argv[1] ?? "";
if (path.basename(program) === "faults.mjs" && import.meta.url === pathToFileURL(program).href) await main();
