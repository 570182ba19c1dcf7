/**
 * Calls the routes of an API notebook with their examples, no more at a time than there are kernels, and says of each
 * what became of it. What an answer is worth is for route-verdict.ts.
 */
import { UserError } from "../errors.ts";
import { exampleRequest } from "../notebooks/example-request.ts";
import type { Route } from "../notebooks/routes.ts";
import type { TriedRoute } from "../notebooks/writing.ts";
import type { HttpResponse } from "../ports.ts";
import { type Answer, failed, passed } from "./check.ts";
import { askSpec, readSpec, specKey } from "./gateway-spec.ts";
import { field, type HttpDeps } from "./http-answer.ts";
import { cellOf, judge, type Setting, silent, unreachable, type Verdict } from "./route-verdict.ts";

export interface GatewayUnderTest extends Setting {
  url: string;
  token: string;
  /** How many requests it answers side by side. */
  kernels: number;
  /** Whether routes that may change something are called, too. */
  includeWrites: boolean;
  /** Checks that can explain what a cell does. */
  suspects: readonly string[];
}

interface Called {
  route: Route;
  /** Undefined: not asked, after others that hang. */
  verdict: Verdict | undefined;
}

/** The gateway ends a request after its time-out; its answer then still has to arrive. */
const GRACE_SECONDS = 2;
/** After a hang the kernel is replaced, which the next request may have to wait for: on a slow computer so long. */
const FRESH_KERNEL_SECONDS = 45;
const PAUSE_MS = 500;
/** So many routes that hang cost their time-outs; then it is known, and the rest is not asked. */
const MOST_HANGS = 3;

/**
 * Every route answers within the service's time-out. Routes that only read are called, with the author's example or
 * with 1 for each parameter; of the others it is only asked whether the gateway has them, unless `includeWrites`.
 * `described`: what the gateway said at /_api/spec.
 */
export async function routesAnswer(
  deps: HttpDeps,
  gateway: GatewayUnderTest,
  routes: readonly TriedRoute[],
  described: HttpResponse,
): Promise<Answer> {
  const spec = readSpec(described);
  const results = new Map<Route, Verdict | undefined>();
  const waiting = [...routes];
  let hangs = 0;
  let stuck = false;
  let lost = false;
  // No more at a time than there are kernels: what waits in the gateway's queue would seem slow.
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { route, writes } = next;
      if (writes !== undefined && !gateway.includeWrites) {
        results.set(route, spec?.routes.has(specKey(route)) === false ? absent(gateway) : left(writes));
      } else if (stuck || hangs >= MOST_HANGS) {
        results.set(route, undefined);
      } else {
        // Else the wait for a fresh kernel would count as this route's time.
        if (lost) await freshKernel(deps, gateway);
        const { verdict, silent: none, kernelLost } = await call(deps, gateway, route);
        lost ||= kernelLost === true;
        if (verdict.fault === "hangs") hangs++;
        // The service itself is stuck: all others would hang as well.
        if (none) stuck = true;
        results.set(route, verdict);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, gateway.kernels) }, worker));
  return summary(
    routes.map(({ route }) => ({ route, verdict: results.get(route) })),
    gateway.suspects,
  );
}

function left(writes: string): Verdict {
  return { seen: `there (not called: ${writes}; --include-writes calls it)`, expected: "", hint: "" };
}

function absent({ service }: Setting): Verdict {
  return {
    fault: "answers wrongly",
    elsewhere: true,
    seen: "not in the gateway's list of what it serves",
    expected: "the route of the notebook",
    hint: `The gateway serves an older copy of the notebook: \`notebox verify --only served.${service}\` tells more.`,
  };
}

function summary(called: readonly Called[], suspects: readonly string[]): Answer {
  const say = ({ route, verdict }: Called): string => {
    const name = `${route.method} ${route.path}`;
    if (verdict === undefined) return `${name}: not asked`;
    if (verdict.fault === undefined) return `${name}: ${verdict.seen}`;
    return `${name} (${cellOf(route)}) ${verdict.fault}: ${verdict.seen}`;
  };
  const bad = called.filter(({ verdict }) => verdict === undefined || verdict.fault !== undefined);
  // What hangs costs most and may take others with it.
  const first = bad.find(({ verdict }) => verdict?.fault === "hangs") ?? bad.find(({ verdict }) => verdict) ?? bad[0];
  if (first === undefined) return passed(called.map(say).join("; "));
  const elsewhere = bad.every(({ verdict }) => verdict?.elsewhere);
  const others = bad.length > 1 ? ` (and ${bad.length - 1} more)` : "";
  return failed(say(first) + others, first.verdict?.expected ?? "an answer", first.verdict?.hint ?? "", {
    ...(elsewhere ? {} : { suspects }),
    details: called.map((one) => say(one) + (one !== first && one.verdict?.fault ? ` – ${one.verdict.hint}` : "")),
  });
}

/** Put together as text: the VM can write the notebook, and a path like /http://… must not become another address. */
function addressOf(gateway: GatewayUnderTest, path: string): string {
  return `${new URL(gateway.url).origin}/${path.replace(/^\/+/, "")}`;
}

async function call(
  deps: HttpDeps,
  gateway: GatewayUnderTest,
  route: Route,
): Promise<{ verdict: Verdict; silent?: boolean; kernelLost?: boolean }> {
  const example = exampleRequest(route);
  const seconds = gateway.timeoutSeconds + GRACE_SECONDS;
  const began = deps.clock.now();
  for (;;) {
    const start = deps.clock.now();
    const passed = () => deps.clock.now() - start;
    try {
      const answer = await deps.http.request({
        url: addressOf(gateway, example.path),
        method: example.method,
        headers: {
          authorization: `token ${gateway.token}`,
          ...(example.body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(example.body === undefined ? {} : { body: example.body }),
        timeoutMs: seconds * 1000,
        signal: deps.signal,
      });
      if (!isPassing(answer) || start - began > FRESH_KERNEL_SECONDS * 1000)
        return {
          verdict: judge(route, example, answer, passed(), gateway),
          kernelLost: LOST.includes(field(answer.body, "fault") ?? ""),
        };
    } catch (error) {
      if (!(error instanceof UserError) || error.code === "interrupted") throw error;
      if (passed() < seconds * 1000 - 50) return { verdict: unreachable(error.message, gateway) };
      return { verdict: silent(route, gateway, seconds), silent: true };
    }
    await deps.clock.sleep(PAUSE_MS, deps.signal);
  }
}

/** The gateway's words for: no cell of this route has run, ask again. */
const PASSING = ["starting", "busy", "changed", "stopping"];

/** After these it starts another kernel. */
const LOST = ["timeout", "kernel-died", "input", "output"];

async function freshKernel(deps: HttpDeps, gateway: GatewayUnderTest): Promise<void> {
  for (const end = deps.clock.now() + FRESH_KERNEL_SECONDS * 1000; deps.clock.now() < end; ) {
    const spec = readSpec(await askSpec(deps, gateway));
    if (spec?.idle !== 0) return;
    await deps.clock.sleep(PAUSE_MS, deps.signal);
  }
}

function isPassing({ status, body }: HttpResponse): boolean {
  return (status === 503 || status === 504) && PASSING.includes(field(body, "fault") ?? "");
}
