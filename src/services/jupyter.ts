/** The service `jupyter`: JupyterLab, which shows notebooks/, api/ and the data folders. */
import { port } from "../workbench/values.ts";
import { defineKind } from "./kind.ts";

export interface JupyterService {
  kind: "jupyter";
  name: string;
  /** In the guest and, unless it is taken there, on the host. */
  port: number;
}

export const jupyter = defineKind({
  kind: "jupyter",
  description: "JupyterLab, to work with the notebooks in a browser.",
  options: { port: port.default(8888) },
  single: true,
  // The server and one kernel with pandas loaded.
  memoryMiB: () => 400,
  resolve: (name, options): JupyterService => ({ kind: "jupyter", name, port: options.port }),
});
