/**
 * Puts the questions: side by side, each as soon as what it needs has passed; then sorts failures into first
 * causes and consequences. Knows nothing of VMs, SSH or HTTP, and prints nothing.
 */
import { UserError } from "../errors.ts";
import type { Clock } from "../ports.ts";
import { type Answer, type Check, type CheckResult, clean, failed, type Report, type Status } from "./check.ts";

export interface RunnerOptions {
  subject: string;
  name: string;
  clock: Clock;
  /** Only these checks (an id, or the part of it before a dot) and what they need. */
  only?: readonly string[];
  /** Milliseconds during which failures that may pass by themselves are asked again. */
  wait?: number;
  signal?: AbortSignal;
  /** Called after a round that was not the last one, before the pause. */
  onRound?: (failing: readonly CheckResult[]) => Promise<void>;
  /** Takes secrets out of evidence. */
  hide?: (text: string) => string;
}

interface Asked {
  check: Check;
  /** undefined: a need had not passed, so it was not asked. */
  answer: Answer | undefined;
  milliseconds: number;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Asks all checks; with `wait`, again and again until they pass, the time is up, or a failure cannot pass by itself.
 * `makeChecks` is called for each round, so that evidence gathered once a round (the probe) is fresh.
 * Throws UserError `usage` when `only` names no check.
 */
export async function runChecks(
  makeChecks: () => Promise<readonly Check[]> | readonly Check[],
  options: RunnerOptions,
): Promise<Report> {
  const { clock, signal } = options;
  const started = clock.now();
  const deadline = started + (options.wait ?? 0);
  const kept = new Map<string, Asked>();
  for (let round = 1; ; round++) {
    const begun = clock.now();
    const checks = choose(await makeChecks(), options.only);
    const asked = await askAll(checks, clock, kept);
    for (const one of asked) if (one.check.costly && one.answer?.status === "passed") kept.set(one.check.id, one);
    const results = sortOut(asked, options.hide);
    const failing = results.filter((result) => result.status === "failed");
    const hopeless = failing.some((result) => !mayPass(asked, result.id));
    // As long as the round took, so that asking does not keep a slow VM from coming up.
    const pause = Math.min(Math.max(clock.now() - begun, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
    if (failing.length === 0 || hopeless || clock.now() + pause > deadline || signal?.aborted)
      return report(results, { options, started, finished: clock.now(), rounds: round });
    await options.onRound?.(failing);
    await clock.sleep(pause, signal);
  }
}

/** The checks that `only` names and those that they need, in their order; all of them without `only`. */
export function choose(checks: readonly Check[], only: readonly string[] | undefined): readonly Check[] {
  assertOrder(checks);
  if (only === undefined || only.length === 0) return checks;
  const wanted = new Set<string>();
  const unknown = only.filter((name) => !checks.some((check) => named(check.id, name)));
  if (unknown.length > 0)
    throw new UserError({
      code: "usage",
      message: `There is no check called ${unknown.map((name) => `"${name}"`).join(", ")}.`,
      hint: `The checks are: ${checks.map((check) => check.id).join(", ")}.`,
    });
  // Needs stand before those who need them, so one pass from the end finds them all.
  for (const check of [...checks].reverse()) {
    if (!wanted.has(check.id) && !only.some((name) => named(check.id, name))) continue;
    wanted.add(check.id);
    for (const need of check.needs) wanted.add(need);
  }
  return checks.filter((check) => wanted.has(check.id));
}

function named(id: string, name: string): boolean {
  return id === name || id.startsWith(`${name}.`);
}

/** Needs and suspects name earlier checks only; so there are no circles, and causes are listed first. */
function assertOrder(checks: readonly Check[]): void {
  const before = new Set<string>();
  for (const check of checks) {
    if (before.has(check.id)) throw new Error(`two checks are called ${check.id}`);
    for (const other of [...check.needs, ...check.suspects])
      if (!before.has(other)) throw new Error(`${check.id} names ${other}, which does not come before it`);
    before.add(check.id);
  }
}

async function askAll(checks: readonly Check[], clock: Clock, kept: ReadonlyMap<string, Asked>): Promise<Asked[]> {
  const running = new Map<string, Promise<Asked>>();
  for (const check of checks) {
    const needs = check.needs.map((id) => running.get(id)).filter((need) => need !== undefined);
    running.set(check.id, askOne(check, needs, clock, kept.get(check.id)));
  }
  return await Promise.all(running.values());
}

async function askOne(
  check: Check,
  needs: readonly Promise<Asked>[],
  clock: Clock,
  kept: Asked | undefined,
): Promise<Asked> {
  const before = await Promise.all(needs);
  if (before.some((need) => need.answer === undefined || need.answer.status === "failed"))
    return { check, answer: undefined, milliseconds: 0 };
  if (kept !== undefined) return kept;
  const start = clock.now();
  const answer = await Promise.resolve()
    .then(() => check.ask())
    .catch((error: unknown) => unanswered(error));
  return { check, answer, milliseconds: Math.max(0, clock.now() - start) };
}

/** A check that was cut off (no answer, a dead connection) has failed; faults of notebox's own go up. */
function unanswered(error: unknown): Answer {
  if (!(error instanceof UserError) || error.code === "interrupted") throw error;
  return failed(error.message, "an answer", error.hint ?? "`notebox logs` shows what the VM's services wrote.");
}

/** Walks from causes to consequences: whatever has a failed need or suspect is blocked by that one's first cause. */
function sortOut(asked: readonly Asked[], hide = (text: string) => text): CheckResult[] {
  const shown = (text: string) => clean(hide(text));
  const ids = new Set(asked.map(({ check }) => check.id));
  const firstCause = new Map<string, string>();
  return asked.map(({ check, answer, milliseconds }) => {
    const head = { id: check.id, title: check.title };
    if (answer?.status === "passed")
      return { ...head, status: "passed", seen: shown(answer.seen), milliseconds } satisfies CheckResult;
    if (answer?.status === "not-applicable")
      return { ...head, status: "not-applicable", reason: shown(answer.reason), milliseconds } satisfies CheckResult;
    const suspects = answer?.suspects ?? (answer === undefined ? [] : check.suspects);
    const earlier = [...(answer === undefined ? check.needs : []), ...suspects].find(
      (id) => ids.has(id) && firstCause.has(id),
    );
    const because = earlier === undefined ? undefined : firstCause.get(earlier);
    if (answer?.status !== "failed" || answer.explains !== false) firstCause.set(check.id, because ?? check.id);
    return {
      ...head,
      status: because === undefined ? "failed" : "blocked",
      ...(answer === undefined
        ? { seen: "not asked" }
        : {
            seen: shown(answer.seen),
            expected: shown(answer.expected),
            hint: shown(answer.hint),
            ...(answer.details === undefined ? {} : { details: answer.details.map(shown) }),
          }),
      ...(because === undefined ? {} : { because }),
      milliseconds,
    } satisfies CheckResult;
  });
}

function mayPass(asked: readonly Asked[], id: string): boolean {
  const answer = asked.find(({ check }) => check.id === id)?.answer;
  return answer?.status === "failed" && answer.passing !== false;
}

function report(
  checks: readonly CheckResult[],
  run: { options: RunnerOptions; started: number; finished: number; rounds: number },
): Report {
  const counts: Record<Status, number> = { passed: 0, failed: 0, blocked: 0, "not-applicable": 0 };
  for (const check of checks) counts[check.status]++;
  const causes = checks
    .filter((check) => check.status === "failed")
    .map(({ id }) => ({ id, consequences: checks.filter((other) => other.because === id).map((other) => other.id) }));
  return {
    subject: run.options.subject,
    name: run.options.name,
    passed: counts.failed === 0 && counts.blocked === 0,
    started: new Date(run.started).toISOString(),
    milliseconds: run.finished - run.started,
    rounds: run.rounds,
    counts,
    causes,
    checks,
  };
}
