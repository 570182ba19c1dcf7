/**
 * What verify asks of services over HTTP, from this computer and through the forwarded ports, as a browser would:
 * that they answer and refuse strangers. An API notebook's routes are for route-checks.ts.
 */
import { askJupyter } from "../jupyter/client.ts";
import type { HttpResponse } from "../ports.ts";
import { type Answer, failed, passed } from "./check.ts";
import { SPEC } from "./gateway-spec.ts";
import { ANSWER_MS, field, type HttpDeps, told } from "./http-answer.ts";

const LOGS = "`notebox logs` shows what it wrote.";

/** Jupyter's public page number one: its version, which needs no token. */
export async function jupyterAnswers(deps: HttpDeps, url: string): Promise<Answer> {
  const answer = await askJupyter(deps, { url }, "api", { timeoutMs: ANSWER_MS });
  const version = field(answer.body, "version");
  if (answer.status === 200 && version !== undefined) return passed(`${url}api: Jupyter Server ${version}`);
  return failed(
    `${url}api answered ${told(answer)}`,
    "200 and Jupyter's version",
    `Does another program hold this port on this computer? ${LOGS}`,
  );
}

/** The token is really asked for, and the one in the VM is the one that counts. */
export async function jupyterAsksToken(deps: HttpDeps, url: string, token: string): Promise<Answer> {
  return await asksToken(
    `${url}api/status`,
    await Promise.all([
      askJupyter(deps, { url }, "api/status", { timeoutMs: ANSWER_MS }),
      askJupyter(deps, { url, token }, "api/status", { timeoutMs: ANSWER_MS }),
    ]),
  );
}

/** The gateway has no page without a token: that it refuses one is an answer, too. */
export async function gatewayAnswers(deps: HttpDeps, url: string): Promise<Answer> {
  const answer = await askJupyter(deps, { url }, SPEC, { timeoutMs: ANSWER_MS });
  if (answer.status < 500 && answer.status !== 404) return passed(`${url} answered ${answer.status}`);
  return failed(
    `${url}${SPEC} answered ${told(answer)}`,
    "an answer of the kernel gateway",
    `Does another program hold this port on this computer? ${LOGS}`,
  );
}

/** Asked of the gateway's own description of the API, which is behind the token and runs no cell. */
export async function gatewayAsksToken(deps: HttpDeps, url: string, token: string): Promise<Answer> {
  return await asksToken(
    `${url}${SPEC}`,
    await Promise.all([
      askJupyter(deps, { url }, SPEC, { timeoutMs: ANSWER_MS }),
      askJupyter(deps, { url, token }, SPEC, { timeoutMs: ANSWER_MS }),
    ]),
  );
}

async function asksToken(page: string, [without, withToken]: readonly [HttpResponse, HttpResponse]): Promise<Answer> {
  const refuses = without.status === 401 || without.status === 403;
  if (refuses && withToken.status === 200) return passed(`${without.status} without, 200 with the token`);
  const seen = `${page} answered ${without.status} without and ${withToken.status} with the token`;
  const expected = "401 or 403 without, 200 with the token";
  if (without.status === 200)
    return failed(
      seen,
      expected,
      "Anybody who reaches the port can run code in the VM: `notebox down` now, then `notebox up` and verify again.",
      { passing: false },
    );
  if (refuses && (withToken.status === 401 || withToken.status === 403))
    return failed(
      seen,
      expected,
      "The service was started with another token than the VM holds now: `notebox ssh -- sudo systemctl restart notebox-tokens` restarts the services; then `notebox up`.",
    );
  if (refuses && withToken.status === 404)
    return failed(seen, expected, "The VM has another gateway than this notebox makes: run `notebox up`.");
  return failed(seen, expected, LOGS);
}
