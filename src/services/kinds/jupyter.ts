/** The service `jupyter`: JupyterLab, which shows notebooks/, api/ and the data folders. */
import { jupyterAnswers, jupyterAsksToken } from "../../checks/http-checks.ts";
import { kernelTrials } from "../../checks/kernel-checks.ts";
import type { KindChecks, ServiceContext } from "../../checks/kind-checks.ts";
import { notebookRuns } from "../../checks/notebook-run.ts";
import { checkedText, notebookPathComplaint, port } from "../../workbench/values.ts";
import { type AnyService, defineKind } from "../kind.ts";

export interface JupyterService extends AnyService {
  kind: "jupyter";
  port: number;
  /** A notebook that `verify` runs from top to bottom; relative, with forward slashes. */
  check?: string;
}

const check = checkedText(notebookPathComplaint, {
  description:
    "A notebook below notebooks/ or api/ whose cells `verify` runs in a fresh kernel; each has to end without an error.",
  examples: ["notebooks/install-test.ipynb"],
  pattern: "^(api|notebooks)/.+\\.ipynb$",
  maxLength: 200,
});

export const kind = defineKind({
  kind: "jupyter",
  description: "JupyterLab, to work with the notebooks in a browser.",
  options: { port: port.default(8888), check: check.optional() },
  single: true,
  // The server and one kernel with pandas loaded.
  memoryMiB: () => 400,
  resolve: (name, { port, check }): JupyterService => ({
    ...{ kind: "jupyter", name, port },
    ...(check === undefined ? {} : { check }),
  }),
  // Of the notebook nothing in the VM has to know.
  data: ({ kind, name, port }) => ({ kind, name, port }),
  notebook: (service) => service.check,
  page: () => ({ title: "Jupyter", address: "lab?token={token}", order: 50 }),
  checks,
});

function checks(context: ServiceContext<JupyterService>): KindChecks {
  const { deps, service, url, token, outside, notebook } = context;
  const { name } = service;
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
    // After the other services, which its cells may use.
    after:
      service.check === undefined || notebook === undefined
        ? []
        : [
            {
              id: `notebook.${name}`,
              title: `Every cell of ${service.check} runs`,
              ...inJupyter,
              suspects: [`kernels.${name}`, ...outside.suspects],
              ask: notebookRuns(deps, {
                path: service.check,
                file: notebook,
                target: () => ({ url: url(), token: token() }),
              }),
            },
          ],
    close: () => kernels.closed(),
  };
}
