/** The service `jupyter`: JupyterLab, which shows notebooks/, api/ and the data folders. */
import { jupyterAnswers, jupyterAsksToken } from "../../checks/http-checks.ts";
import { kernelTrials } from "../../checks/kernel-checks.ts";
import type { KindChecks, ServiceContext } from "../../checks/kind-checks.ts";
import { port } from "../../workbench/values.ts";
import { type AnyService, defineKind } from "../kind.ts";

export interface JupyterService extends AnyService {
  kind: "jupyter";
  port: number;
}

export const kind = defineKind({
  kind: "jupyter",
  description: "JupyterLab, to work with the notebooks in a browser.",
  options: { port: port.default(8888) },
  single: true,
  // The server and one kernel with pandas loaded.
  memoryMiB: () => 400,
  resolve: (name, options): JupyterService => ({ kind: "jupyter", name, port: options.port }),
  page: () => ({ title: "Jupyter", address: "lab?token={token}", order: 50 }),
  checks,
});

function checks({ deps, service: { name }, url, token, outside }: ServiceContext<JupyterService>): KindChecks {
  const kernels = kernelTrials(deps, () => ({ url: url(), token: token() }));
  const http = `http.${name}`;
  const inJupyter = { needs: [...outside.needs, http, `auth.${name}`], suspects: outside.suspects, costly: true };
  return {
    checks: [
      {
        id: http,
        title: `${name} answers this computer`,
        ...outside,
        ask: async () => await jupyterAnswers(deps, url()),
      },
      {
        id: `auth.${name}`,
        title: `${name} asks for its token`,
        needs: [...outside.needs, http],
        suspects: outside.suspects,
        ask: async () => await jupyterAsksToken(deps, url(), token()),
      },
      { id: `kernels.${name}`, title: "Every kernel computes 6*7", ...inJupyter, ask: () => kernels.compute() },
      { id: `root.${name}`, title: "A kernel cannot become root", ...inJupyter, ask: () => kernels.becomeRoot() },
    ],
    close: () => kernels.closed(),
  };
}
