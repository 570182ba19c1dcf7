/**
 * The single trials that the quick round and the counted trials share: verify, a breakage, a kill, down and up,
 * destroy and up, the API called from the host. Each throws when the thing it names is broken.
 */
import fs from "node:fs";
import path from "node:path";
import type { Breakage } from "./breakages.ts";
import { inGuest, readEndpoints } from "./guest.ts";
import { type Lab, mustNotebox, notebox, startNotebox, UP_SECONDS, up } from "./lab.ts";
import { type Outcome, type Running, run, signalGroup, signalOne, sleep, told } from "./programs.ts";
import { readTokens } from "./secrets.ts";
import { expect } from "./trials.ts";

/** What the trials read of verify's report. */
export interface Report {
  passed: boolean;
  counts: Record<string, number>;
  causes: { id: string; consequences: string[] }[];
  checks: { id: string; status: string; seen?: string }[];
}

const VERIFY_SECONDS = UP_SECONDS / 4;
/** How long services may take to come back, Java among them. */
const WAIT = `${UP_SECONDS / 6}s`;

/** Every check of `verify` passes. */
export async function verified(lab: Lab): Promise<string> {
  const outcome = await notebox(lab, ["--json", "verify", "--wait", WAIT], VERIFY_SECONDS);
  const { result: report } = JSON.parse(outcome.stdout || "{}") as { result?: Report };
  if (report === undefined) throw new Error(told("notebox verify", outcome));
  const wrong = report.checks.filter(({ status }) => status === "failed").map(({ id, seen }) => `${id}: ${seen}`);
  expect(report.passed, `verify: ${wrong.join("; ")}`);
  expect(outcome.code === 0, told("notebox verify, whose checks all passed", outcome));
  expect((report.counts["passed"] ?? 0) > 10, `verify passed only ${report.counts["passed"]} checks`);
  return `${report.counts["passed"]} checks passed`;
}

/** `verify` ends with 8 and names the breakage first, with what follows from it; then it is mended. */
export async function breakAndMend(lab: Lab, breakage: Breakage): Promise<string> {
  await inGuest(lab.workbench, breakage.breaking, 120);
  let outcome: Outcome;
  try {
    outcome = await notebox(lab, ["--json", "verify"], VERIFY_SECONDS);
  } finally {
    if (breakage.mending !== undefined) await inGuest(lab.workbench, breakage.mending, 120);
  }
  expect(outcome.code === 8, told("verify of a broken workbench must end with exit code 8", outcome));
  const { result, error } = JSON.parse(outcome.stdout) as { result: Report; error: { code: string } };
  expect(error.code === "check-failed", `the error's code is ${error.code}`);
  const [first] = result.causes;
  const causes = result.causes.map(({ id, consequences }) => `${id} (${consequences.join(", ")})`).join("; ");
  expect(first?.id === breakage.cause, `the first cause must be ${breakage.cause}; verify says: ${causes}`);
  for (const id of breakage.consequences)
    expect(first.consequences.includes(id), `${id} must follow from ${first.id}; verify says: ${causes}`);
  if (breakage.mending !== undefined) await verified(lab);
  return `verify names ${first.id} first`;
}

/** The API notebook answers a program on the host, and refuses one without the token. */
export async function apiAnswers(lab: Lab): Promise<string> {
  const { services } = readEndpoints(lab.workbench);
  const [name, service] = Object.entries(services).find(([, { kind }]) => kind === "kernel-gateway") ?? [];
  expect(name !== undefined && service !== undefined, "the endpoints name no kernel gateway");
  const token = (await readTokens(lab))[name] ?? "";
  const url = new URL("hello/Ada", service.url);
  const refused = await fetch(url);
  expect(refused.status === 401 || refused.status === 403, `without a token the API answers ${refused.status}`);
  const answer = await fetch(url, { headers: { Authorization: `token ${token}` } });
  const text = (await answer.text()).trim();
  expect(answer.ok && text === '{"message": "Hello, Ada"}', `the API answers ${answer.status} ${text}`);
  return text;
}

/** The service account writes what the host reads, and the other way round. */
export async function foldersAreShared(lab: Lab): Promise<string> {
  const folder = path.join(lab.workbench, "notebooks");
  await inGuest(lab.workbench, "runuser -u notebox -- bash -c 'echo from the VM >/home/notebox/notebooks/vm.txt'");
  expect(fs.readFileSync(path.join(folder, "vm.txt"), "utf8") === "from the VM\n", "the host reads something else");
  fs.writeFileSync(path.join(folder, "host.txt"), "from the host\n");
  const seen = await inGuest(lab.workbench, "runuser -u notebox -- cat /home/notebox/notebooks/host.txt");
  expect(seen === "from the host", `the VM reads ${JSON.stringify(seen)}`);
  return "both ways";
}

/** What must outlive `down` and `up`, in one text. */
async function lasting(lab: Lab): Promise<string> {
  const { services } = readEndpoints(lab.workbench);
  return JSON.stringify({ services, tokens: await readTokens(lab), notebooks: notebooksOf(lab) });
}

export function notebooksOf(lab: Lab): Record<string, string> {
  const folder = path.join(lab.workbench, "notebooks");
  const names = fs.readdirSync(folder).filter((name) => fs.statSync(path.join(folder, name)).isFile());
  return Object.fromEntries(names.sort().map((name) => [name, fs.readFileSync(path.join(folder, name), "utf8")]));
}

/** `down` removes what only a running VM has; `up` brings notebooks, tokens and ports back as they were. */
export async function downAndUp(lab: Lab): Promise<string> {
  const before = await lasting(lab);
  await mustNotebox(lab, ["down"]);
  for (const name of ["endpoints.json", "open.html"])
    expect(!fs.existsSync(path.join(lab.workbench, ".notebox", name)), `down left .notebox/${name}`);
  await up(lab);
  const after = await lasting(lab);
  expect(after === before, "notebooks, tokens or ports are not as they were before down and up");
  return "notebooks, tokens and ports as before";
}

export async function destroy(lab: Lab): Promise<string> {
  const before = JSON.stringify(notebooksOf(lab));
  await mustNotebox(lab, ["destroy", "--force"], 240);
  expect(JSON.stringify(notebooksOf(lab)) === before, "destroy changed the notebooks");
  const status = await run("vagrant", ["status", "--machine-readable"], { cwd: lab.workbench, env: lab.env });
  expect(/,state,not_created/.test(status.stdout), told("vagrant status after destroy", status));
  return "the notebooks are still there";
}

export interface Kill {
  /** Kill this many seconds after `up` has printed `after` (or since its start). */
  seconds: number;
  after?: RegExp;
  /** notebox alone, or its whole process group (a closed terminal, a lost session). */
  whole: boolean;
}

/** For a trial's name. */
export function momentOf({ after, seconds, whole }: Kill): string {
  const moment = after === undefined ? "start" : `"${after.source}"`;
  return `${seconds} s after ${moment}, ${whole ? "the whole process group" : "notebox alone"}`;
}

/** Waits for the moment and kills; false when it ended before. */
export async function killAt(running: Running, { after, seconds, whole }: Kill): Promise<boolean> {
  let ended = false;
  void running.done.then(() => {
    ended = true;
  });
  while (after !== undefined && !after.test(running.printed()) && !ended) await sleep(0.1);
  for (let waited = 0; waited < seconds && !ended; waited += 0.1) await sleep(0.1);
  if (ended) return false;
  if (whole) signalGroup(running.pid, "SIGKILL");
  else signalOne(running.pid, "SIGKILL");
  await running.done;
  return true;
}

/** Kills the first `up` at a moment; the next one ends verified. */
export async function killedUp(lab: Lab, kill: Kill): Promise<string> {
  const running = startNotebox(lab, ["up", "--provider", lab.provider]);
  const killed = await killAt(running, kill);
  expect(killed, `up ended before it could be killed:\n${running.printed().slice(-2000)}`);
  const last = running.printed().trim().split("\n").at(-1) ?? "";
  await up(lab); // which verifies
  return `killed at "${last.slice(0, 60)}", the next up ended verified`;
}
