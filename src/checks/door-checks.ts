/**
 * What verify asks of every service that has a door of notebox's own (provision/gate): home, openrefine, desktop. What is
 * behind the door is for the kinds in src/services.
 */
import { askJupyter } from "../jupyter/client.ts";
import type { HttpResponse } from "../ports.ts";
import type { AnyService } from "../services/kind.ts";
import { type Answer, type Check, clean, failed, notApplicable, passed } from "./check.ts";
import { ANSWER_MS, told } from "./http-answer.ts";
import type { ServiceContext } from "./kind-checks.ts";

const STARTING_STATUS = 503;

/** `http.NAME`: it answers and is not just starting; `auth.NAME`: `page` is refused without the token and with a wrong one. */
export function doorChecks(context: ServiceContext<AnyService>, page: string): Check[] {
  const { service, outside } = context;
  const { name } = service;
  const http = `http.${name}`;
  return [
    { id: http, title: `${name} answers this computer`, ...outside, ask: async () => answers(context, page) },
    {
      id: `auth.${name}`,
      title: `${name} asks for its token`,
      needs: [...outside.needs, http],
      suspects: outside.suspects,
      ask: async () => asksToken(context, page),
    },
  ];
}

/** What a check behind the door needs and suspects. */
export function behindDoor({ service, outside }: ServiceContext<AnyService>): Pick<Check, "needs" | "suspects"> {
  return { needs: [...outside.needs, `http.${service.name}`, `auth.${service.name}`], suspects: outside.suspects };
}

/** Programs without a token of their own listen here (provision/gate); the units of notebooks may not connect to it. */
const INSIDE = /^127\.77\./;

/** `inside.NAME`: a notebook cannot reach the program behind the door by itself. */
export function pastDoor({ service, outside, kernel, told, unit }: ServiceContext<AnyService>): Check {
  return {
    id: `inside.${service.name}`,
    title: `No notebook reaches ${service.name} past its door`,
    needs: [...outside.needs, ...(kernel?.needs ?? [])],
    suspects: outside.suspects,
    ask: async () => {
      if (kernel === undefined) return notApplicable("the workbench has no Jupyter, in whose kernels this is asked");
      const sockets = told().answer.sockets ?? [];
      const inside = Array.isArray(sockets) ? sockets.filter(({ address }) => INSIDE.test(address)) : [];
      if (inside.length === 0)
        return failed("nothing listens behind the door", "the program", `\`notebox logs\` shows what ${unit} wrote.`);
      const run = await kernel.run(connecting(inside.map(({ address, port }) => [address, port])));
      if (/^NOTEBOX-INSIDE closed$/m.test(run.text)) return passed("a connection from a notebook's kernel is refused");
      return failed(
        clean((run.error ?? run.text).replace("NOTEBOX-INSIDE ", "").trim(), 120),
        "a connection from a notebook's kernel refused",
        "The VM's kernel does not filter addresses for services (IPAddressDeny= of systemd needs BPF in control groups): take a box of Debian 12, Debian 13 or Ubuntu 24.04.",
        { passing: false, explains: false },
      );
    },
  };
}

/** Python that says whether one of the addresses takes a connection. */
function connecting(places: readonly (readonly [string, number])[]): string {
  return `import socket
found = []
for place in ${JSON.stringify(places)}:
    try:
        socket.create_connection(tuple(place), 3).close()
        found.append("%s:%d" % tuple(place))
    except OSError:
        pass
print("NOTEBOX-INSIDE " + (" ".join(found) + " takes connections" if found else "closed"))
`;
}

/** One request through the door, with the token unless told otherwise. */
export async function ask(
  { deps, url, token }: ServiceContext<AnyService>,
  path: string,
  given: string | undefined = token(),
): Promise<HttpResponse> {
  const target = given === undefined ? { url: url() } : { url: url(), token: given };
  return await askJupyter(deps, target, path, { timeoutMs: ANSWER_MS });
}

async function answers(context: ServiceContext<AnyService>, page: string): Promise<Answer> {
  const answer = await ask(context, page);
  if (answer.status < 500) return passed(`${context.url()} answered ${answer.status}`);
  return failed(
    `${context.url()}${page} answered ${told(answer)}`,
    "an answer of the service",
    answer.status === STARTING_STATUS
      ? "It is starting, which takes a minute or more on a slow computer: `notebox verify --wait 300s` waits for it."
      : `\`notebox logs\` shows what it wrote; \`notebox ssh -- sudo systemctl restart ${context.unit}\` starts it anew.`,
  );
}

async function asksToken(context: ServiceContext<AnyService>, page: string): Promise<Answer> {
  const { url } = context;
  const [without, wrong, right] = await Promise.all([
    askJupyter(context.deps, { url: url() }, page, { timeoutMs: ANSWER_MS }),
    ask(context, page, "0".repeat(48)),
    ask(context, page),
  ]);
  const refuses = [without, wrong].every(({ status }) => status === 401 || status === 403);
  if (refuses && right.status < 400) return passed(`${without.status} without, ${right.status} with the token`);
  const seen = `${url()}${page} answered ${without.status} without, ${wrong.status} with a wrong and ${right.status} with the right token`;
  const expected = "401 without and with a wrong token, and an answer with the right one";
  if (!refuses)
    return failed(
      seen,
      expected,
      "Anybody who reaches the port can use it: `notebox down` now, then `notebox up` and verify again.",
      { passing: false },
    );
  return failed(
    seen,
    expected,
    "If it was started with another token than the VM holds now, `notebox ssh -- sudo systemctl restart notebox-tokens` restarts the services; then `notebox up`.",
  );
}
