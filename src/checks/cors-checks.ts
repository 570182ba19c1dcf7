/**
 * Which pages a browser lets call an API: asked as a browser asks before the call (a preflight, Fetch standard,
 * "CORS-preflight fetch"), from each origin that the workbench lists and from a stranger; and whether the answer itself
 * then carries the leave. Runs no cell.
 */
import type { ExampleRequest } from "../notebooks/example-request.ts";
import type { HttpResponse } from "../ports.ts";
import { type Answer, failed, passed } from "./check.ts";
import { SPEC } from "./gateway-spec.ts";
import { ANSWER_MS, type HttpDeps } from "./http-answer.ts";

/** Nobody's: RFC 2606 keeps the name free. */
const STRANGER = "https://stranger.example";

interface Target {
  url: string;
  token: string;
  /** As in the workbench. */
  origins: readonly string[];
  service: string;
}

interface Asked {
  origin: string;
  listed: boolean;
  preflight: HttpResponse;
  reply: HttpResponse;
}

/** `request`: one that a page might make. */
export async function corsAsListed(deps: HttpDeps, target: Target, request: ExampleRequest): Promise<Answer> {
  const origins = [
    ...target.origins.map((origin) => ({ origin, listed: true })),
    { origin: target.origins.includes(STRANGER) ? `${STRANGER}:8443` : STRANGER, listed: false },
  ];
  const asked = await Promise.all(
    origins.map(async (one): Promise<Asked> => {
      const [preflight, reply] = await Promise.all([
        deps.http.request({
          url: `${new URL(target.url).origin}/${request.path.replace(/^\/+/, "")}`,
          method: "OPTIONS",
          headers: {
            origin: one.origin,
            "access-control-request-method": request.method,
            "access-control-request-headers": "authorization,content-type",
          },
          timeoutMs: ANSWER_MS,
          signal: deps.signal,
        }),
        deps.http.request({
          url: new URL(SPEC, target.url).href,
          headers: { origin: one.origin, authorization: `token ${target.token}` },
          timeoutMs: ANSWER_MS,
          signal: deps.signal,
        }),
      ]);
      return { ...one, preflight, reply };
    }),
  );
  const faults = asked.map((one) => ({ ...one, fault: faultOf(one, request.method) }));
  const bad = faults.filter(({ fault }) => fault !== undefined);
  // A stranger that is let in is worse than a friend that is kept out.
  const first = bad.find(({ listed }) => !listed) ?? bad[0];
  if (first === undefined)
    return passed(
      `${target.origins.length === 0 ? "no page" : target.origins.join(", ")} may call it; a stranger may not`,
    );
  const details = bad.map(({ origin, fault }) => `${origin}: ${fault}`);
  const seen = `${details[0] === undefined || first === bad[0] ? details[0] : `${first.origin}: ${first.fault}`}`;
  const expected = `leave for ${target.origins.join(", ") || "no page"} and for nobody else`;
  const hint = first.listed
    ? `Pages of ${first.origin} cannot call the API by themselves. \`notebox up\` brings the origins of workbench.yaml into the VM; \`notebox logs ${target.service}\` shows what the service wrote.`
    : "Any web page can read the API's answers once it knows the token: `notebox up` provisions the VM again.";
  return failed(seen, expected, hint, { details, passing: first.listed });
}

function faultOf({ origin, listed, preflight, reply }: Asked, method: string): string | undefined {
  const leave = ({ headers }: HttpResponse) => headers["access-control-allow-origin"];
  if (!listed) {
    const let_in = [preflight, reply].find((answer) => leave(answer) === "*" || leave(answer) === origin);
    return let_in === undefined ? undefined : `a stranger is let in (Access-Control-Allow-Origin: ${leave(let_in)})`;
  }
  if (leave(preflight) !== origin)
    return `the preflight is answered ${preflight.status} with ${leave(preflight) === undefined ? "no leave" : `leave for ${leave(preflight)}`}`;
  const allowed = words(preflight, "access-control-allow-methods");
  if (!allowed.includes(method.toLowerCase())) return `leave without the method ${method}`;
  const headers = words(preflight, "access-control-allow-headers");
  const lacking = ["authorization", "content-type"].find((name) => !headers.includes(name));
  if (lacking !== undefined) return `leave without the header ${lacking}`;
  if (preflight.status >= 300) return `the preflight is answered ${preflight.status}`;
  if (leave(reply) !== origin) return "the preflight gives leave, and the answer itself does not";
  return undefined;
}

function words({ headers }: HttpResponse, name: string): string[] {
  return (headers[name] ?? "").split(",").map((word) => word.trim().toLowerCase());
}
