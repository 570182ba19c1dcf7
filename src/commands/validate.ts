/** `validate`: checks the workbench and the notebooks it names. A fault is an error with every problem in it. */
import path from "node:path";
import { readNotebook } from "../notebooks/notebook.ts";
import { routesOf } from "../notebooks/routes.ts";
import type { Deps } from "../ports.ts";
import { loadWorkbench } from "../workbench/load.ts";
import type { Service } from "../workbench/model.ts";

export interface ValidateResult {
  file: string;
  name: string;
  title: string;
  services: {
    name: string;
    kind: string;
    port: number;
    notebook?: string;
    /** In the order in which they are tried. */
    routes?: { method: string; path: string }[];
  }[];
}

export async function validate(_deps: Deps, options: { folder: string }): Promise<ValidateResult> {
  const workbench = await loadWorkbench(options.folder);
  const { file, name, title } = workbench;
  const services = await Promise.all(workbench.services.map((service) => summary(workbench.folder, service)));
  return { file, name, title, services };
}

async function summary(folder: string, service: Service): Promise<ValidateResult["services"][number]> {
  const { name, kind, port } = service;
  if (service.kind !== "kernel-gateway") return { name, kind, port };
  const notebook = await readNotebook(path.join(folder, ...service.notebook.split("/")));
  const routes = routesOf(notebook).map((route) => ({ method: route.method, path: route.path }));
  return { name, kind, port, notebook: service.notebook, routes };
}
