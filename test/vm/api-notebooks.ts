/**
 * The API notebook of a lab's running VM, exchanged for others: written on the host, as its author would, and read by
 * the service through the shared folder. Also what the service and `verify` then say.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { readEndpoints } from "./guest.ts";
import { type Lab, notebox } from "./lab.ts";
import { type Outcome, sleep, told } from "./programs.ts";
import { readTokens } from "./secrets.ts";
import { expect } from "./trials.ts";

export const SERVICE = "hello";
export const UNIT = `kernel-gateway@${SERVICE}.service`;
const NOTEBOOK = path.join("api", "hello.ipynb");
/** Without hardware virtualisation a kernel takes its time. */
export const FRESH_KERNEL_SECONDS = hasKvm() ? 15 : 45;

function hasKvm(): boolean {
  try {
    // The file may be there where the processor offers nothing to it.
    return /^flags\s*:.*\b(?:vmx|svm)\b/m.test(fs.readFileSync("/proc/cpuinfo", "utf8")) && fs.existsSync("/dev/kvm");
  } catch {
    return false;
  }
}

export interface Check {
  id: string;
  status: string;
  seen?: string;
  hint?: string;
  details?: string[];
}

export interface Verified {
  causes: string[];
  check(id: string): Check;
}

export const original = (lab: Lab): string => fs.readFileSync(path.join(lab.workbench, NOTEBOOK), "utf8");

/** Text of a notebook: code cells, counted from 0. */
export function notebookOf(cells: readonly string[], metadata: object = PYTHON): string {
  return JSON.stringify({
    ...{ nbformat: 4, nbformat_minor: 5, metadata },
    cells: cells.map((source, index) => ({
      ...{ id: `c${index}`, cell_type: "code", metadata: {}, source, outputs: [], execution_count: null },
    })),
  });
}

const PYTHON = {
  kernelspec: { name: "python3", display_name: "Python 3", language: "python" },
  language_info: { name: "python" },
};

export interface Endpoint {
  url: string;
  token: string;
}

export async function endpointOf(lab: Lab): Promise<Endpoint> {
  const url = readEndpoints(lab.workbench).services[SERVICE]?.url;
  expect(url !== undefined, `the endpoints name no ${SERVICE}`);
  return { url, token: (await readTokens(lab))[SERVICE] ?? "" };
}

/** One request; status 0 when no answer came in that time. */
export async function ask({ url, token }: Endpoint, request: string, seconds: number) {
  const [method = "GET", target = "/"] = request.split(" ");
  const began = performance.now();
  const since = (): number => (performance.now() - began) / 1000;
  try {
    const headers = { authorization: `token ${token}` };
    const signal = AbortSignal.timeout(seconds * 1000);
    const answer = await fetch(url.replace(/\/$/, "") + target, { method, headers, signal });
    return { status: answer.status, body: await answer.text(), seconds: since() };
  } catch (error) {
    return { status: 0, body: error instanceof Error ? error.name : "", seconds: since() };
  }
}

interface Described {
  sha256: string;
  state: string;
  problem: { message: string; cell: number | null; sha256?: string | null } | null;
}

/** Exchanges the notebook; returns when the service has taken it up, or has said why it keeps the earlier one. */
export async function serve(lab: Lab, text: string, seconds = 120): Promise<Described> {
  const at = await endpointOf(lab);
  const old = JSON.stringify((await describedBy(at))?.problem ?? null);
  fs.writeFileSync(path.join(lab.workbench, NOTEBOOK), text);
  const sha256 = createHash("sha256").update(text).digest("hex");
  let last: Described | undefined;
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(0.5)) {
    last = await describedBy(at);
    if (last === undefined || last.state !== "serving") continue;
    const { problem } = last;
    if (problem === null && last.sha256 === sha256) return last;
    // A file that could not be read as a notebook has no hash in the service's words.
    if (problem !== null && (problem.sha256 === sha256 || (!problem.sha256 && JSON.stringify(problem) !== old)))
      return last;
  }
  throw new Error(`the service did not take up the notebook within ${seconds} s: ${JSON.stringify(last)}`);
}

async function describedBy(at: Endpoint): Promise<Described | undefined> {
  const { status, body } = await ask(at, "GET /_api/spec", 10);
  return status === 200 ? (JSON.parse(body) as { "x-notebox-notebook": Described })["x-notebox-notebook"] : undefined;
}

/** `verify` of a workbench with a fault: it must end with 8. */
export async function verifyFinds(lab: Lab, ...args: string[]): Promise<Verified> {
  const outcome: Outcome = await notebox(lab, ["--json", "verify", ...args], 300);
  expect(outcome.code === 8, told("verify of a faulty API must end with exit code 8", outcome));
  const { result } = JSON.parse(outcome.stdout) as { result: { causes: { id: string }[]; checks: Check[] } };
  return {
    causes: result.causes.map(({ id }) => id),
    check: (id) => {
      const found = result.checks.find((check) => check.id === id);
      expect(found !== undefined, `verify has no check ${id}`);
      return found;
    },
  };
}

/** All that a check says: what was seen, what to do, line by line. */
export function words({ seen, hint, details }: Check): string {
  return [seen, hint, ...(details ?? [])].join("\n");
}
