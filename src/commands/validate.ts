/**
 * `validate`: checks the workbench and the notebooks it names. A fault is an error with every problem in it; the
 * linter's warnings are shown.
 */
import { lint } from "../notebooks/lint/lint.ts";
import { type LintFinding, told } from "../notebooks/lint/told.ts";
import { readNotebook } from "../notebooks/notebook.ts";
import { routesOf } from "../notebooks/routes.ts";
import type { Deps } from "../ports.ts";
import { isGateway, lackOf } from "../services/index.ts";
import { loadWorkbench } from "../workbench/load.ts";
import type { Service } from "../workbench/model.ts";
import { placeOf } from "../workbench/originals.ts";

export interface ValidateResult {
  file: string;
  name: string;
  title: string;
  services: {
    name: string;
    kind: string;
    /** On this computer; not there where the service is for notebooks alone. */
    port?: number;
    notebook?: string;
    /** In the order in which they are tried. */
    routes?: { method: string; path: string }[];
    /** What a person has to provide before it can start; `up` refuses until then. */
    lacks?: { message: string; hint: string };
    /** What `api lint` says of the notebook; an error would have ended the command. */
    warnings?: LintFinding[];
  }[];
}

export async function validate(_deps: Deps, options: { folder: string }): Promise<ValidateResult> {
  const workbench = await loadWorkbench(options.folder, { lint: true });
  const { file, name, title } = workbench;
  const services = await Promise.all(workbench.services.map((service) => summary(workbench.folder, service)));
  return { file, name, title, services };
}

async function summary(folder: string, service: Service): Promise<ValidateResult["services"][number]> {
  const { name, kind, port } = service;
  const lacks = lackOf(service);
  if (!isGateway(service))
    return { name, kind, ...(port === undefined ? {} : { port }), ...(lacks === undefined ? {} : { lacks }) };
  const notebook = await readNotebook(await placeOf(folder, service.notebook));
  const routes = routesOf(notebook).map((route) => ({ method: route.method, path: route.path }));
  const warnings = lint(notebook, { kernels: service.kernels }).map(told);
  return {
    name,
    kind,
    port: service.port,
    notebook: service.notebook,
    routes,
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}
