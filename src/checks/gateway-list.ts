/**
 * The checks of one kernel gateway: its notebook on this computer, and what it answers over HTTP. Which of them needs
 * which is here; the questions themselves are in the other files.
 */
import { UserError } from "../errors.ts";
import { exampleRequest } from "../notebooks/example-request.ts";
import type { Notebook } from "../notebooks/notebook.ts";
import { triedRoutes } from "../notebooks/writing.ts";
import type { HttpResponse } from "../ports.ts";
import type { KernelGatewayService } from "../workbench/model.ts";
import { type Check, failed, notApplicable } from "./check.ts";
import { corsAsListed } from "./cors-checks.ts";
import { askSpec, routesServed, type ServedNotebook } from "./gateway-spec.ts";
import type { HttpDeps } from "./http-answer.ts";
import { gatewayAnswers, gatewayAsksToken } from "./http-checks.ts";
import { notebookIsSound } from "./notebook-checks.ts";
import { routesAnswer } from "./route-checks.ts";

/** The notebook of a service as it lies on this computer. */
export interface NotebookFile {
  notebook: Notebook;
  sha256: string;
}

export interface GatewayInputs {
  service: KernelGatewayService;
  /** Or why it cannot be read. */
  file: NotebookFile | UserError;
  includeWrites: boolean;
  url: () => string;
  token: () => string;
}

/** Before all checks that the notebook can explain. */
export function notebookCheck({ service: { name, notebook, kernels }, file }: GatewayInputs): Check {
  return {
    id: `notebook.${name}`,
    title: `The notebook of ${name} has no errors`,
    needs: [],
    suspects: [],
    ask: async () => {
      if (!(file instanceof UserError)) return notebookIsSound(file.notebook, notebook, kernels);
      const why = [file.message, ...file.problems.map(({ message }) => message)].join(" ");
      const hint = file.problems[0]?.hint ?? file.hint ?? "Put it back into the workbench folder.";
      return failed(why, `the notebook ${notebook}`, hint, { passing: false });
    },
  };
}

/** `outside`: what every question to the service from this computer needs, and what would explain its failure. */
export function gatewayChecks(
  deps: HttpDeps,
  inputs: GatewayInputs,
  outside: Pick<Check, "needs" | "suspects">,
): readonly Check[] {
  const { service, file, url, token } = inputs;
  const { name, kernels, timeoutSeconds, origins } = service;
  const notebook: ServedNotebook | undefined =
    file instanceof UserError
      ? undefined
      : { path: service.notebook, sha256: file.sha256, routes: triedRoutes(file.notebook) };
  const unread = notApplicable(`${service.notebook} cannot be read on this computer`);
  const http = `http.${name}`;
  const inside = { needs: [...outside.needs, `auth.${name}`], suspects: outside.suspects };
  // Asked once in a round, whoever comes first.
  let spec: Promise<HttpResponse> | undefined;
  const described = () => {
    spec ??= askSpec(deps, { url: url(), token: token() });
    return spec;
  };
  return [
    {
      id: http,
      title: `${name} answers this computer`,
      ...outside,
      ask: async () => await gatewayAnswers(deps, url()),
    },
    {
      id: `auth.${name}`,
      title: `${name} asks for its token`,
      needs: [...outside.needs, http],
      suspects: outside.suspects,
      ask: async () => await gatewayAsksToken(deps, url(), token()),
    },
    {
      id: `cors.${name}`,
      title: `Pages of the listed origins, and no others, may call ${name}`,
      ...inside,
      ask: async () => {
        const first = notebook?.routes[0];
        if (first === undefined) return unread;
        const target = { url: url(), token: token(), origins, service: name };
        return await corsAsListed(deps, target, exampleRequest(first.route));
      },
    },
    {
      id: `served.${name}`,
      title: `${name} serves the routes of its notebook`,
      ...inside,
      ask: async () => (notebook === undefined ? unread : routesServed(await described(), notebook, name)),
    },
    {
      id: `routes.${name}`,
      title: `Every route of ${name} answers in time`,
      needs: inside.needs,
      // A route that is not there may follow from what is served; what a cell does never.
      suspects: [...inside.suspects, `served.${name}`],
      ask: async () => {
        if (notebook === undefined) return unread;
        const { includeWrites } = inputs;
        const gateway = { url: url(), token: token(), kernels, timeoutSeconds, includeWrites };
        const setting = { service: name, notebook: notebook.path, suspects: inside.suspects };
        return await routesAnswer(deps, { ...gateway, ...setting }, notebook.routes, await described());
      },
    },
  ];
}
