/** The service `home`: one page with every service's state and link. It is what the launchers and `open` open. */
import { type Answer, failed, passed } from "../../checks/check.ts";
import { ask, behindDoor, doorChecks } from "../../checks/door-checks.ts";
import { ANSWER_MS, object, told } from "../../checks/http-answer.ts";
import type { KindChecks, ServiceContext } from "../../checks/kind-checks.ts";
import { port } from "../../workbench/values.ts";
import { type AnyService, defineKind } from "../kind.ts";

export interface HomeService extends AnyService {
  kind: "home";
  port: number;
}

export const kind = defineKind({
  kind: "home",
  description: "One page with every service's state and link, which the launchers open.",
  options: { port: port.default(8880) },
  single: true,
  // Measured: 27 MiB.
  memoryMiB: () => 40,
  resolve: (name, options): HomeService => ({ kind: "home", name, port: options.port }),
  // Behind #, the token is sent to nobody; the page takes it from there.
  page: () => ({ title: "the home page", address: "#token={token}", order: 10 }),
  checks,
});

function checks(context: ServiceContext<HomeService>): KindChecks {
  const { name } = context.service;
  return {
    checks: doorChecks(context, "api/state"),
    after: [
      {
        id: `links.${name}`,
        title: "Every link of the home page is answered",
        ...behindDoor(context),
        ask: async () => await linksAnswered(context),
      },
    ],
  };
}

interface Link {
  name: string;
  port: number;
  address: string;
}

async function linksAnswered(context: ServiceContext<HomeService>): Promise<Answer> {
  const state = await ask(context, "api/state");
  const services = object(state.body)?.["services"];
  if (!Array.isArray(services))
    return failed(`api/state answered ${told(state)}`, "the state of every service", "`notebox logs` shows why.");
  const links = services.flatMap(linkOf);
  const answers = await Promise.all(links.map(async (link) => ({ ...link, status: await status(context, link) })));
  const broken = answers.filter(({ status }) => status >= 400);
  const say = (some: typeof answers) =>
    some.map(({ name, port, status }) => `${name} (port ${port}): ${status}`).join(", ");
  if (broken.length === 0) return passed(say(answers) || "no service has a page");
  return failed(
    say(broken),
    "every service's page, with its token",
    "If the service itself is well, the VM was told another address: `notebox up` tells it again.",
  );
}

function linkOf(service: unknown): Link[] {
  const { name, page } = (service ?? {}) as { name?: unknown; page?: { port?: unknown; address?: unknown } };
  if (typeof name !== "string" || typeof page?.port !== "number" || typeof page.address !== "string") return [];
  return [{ name, port: page.port, address: page.address }];
}

/** What comes from the VM leads to this computer's own ports and nowhere else. */
async function status({ deps }: ServiceContext<HomeService>, { port, address }: Link): Promise<number> {
  const own = new URL(`http://127.0.0.1:${Math.trunc(port)}/`);
  const url = new URL(address, own);
  if (url.origin !== own.origin) return 421;
  const answer = await deps.http.request({ url: url.href, timeoutMs: ANSWER_MS, signal: deps.signal });
  return answer.status;
}
