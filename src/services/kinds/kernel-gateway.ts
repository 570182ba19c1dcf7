/** The service `kernel-gateway`: one notebook, whose annotated cells answer over HTTP. */
import { gatewayChecks, notebookCheck } from "../../checks/gateway-list.ts";
import type { KindChecks, ServiceContext } from "../../checks/kind-checks.ts";
import { UserError } from "../../errors.ts";
import {
  checkedText,
  duration,
  listOf,
  notebookPathComplaint,
  originComplaint,
  port,
  wholeNumber,
} from "../../workbench/values.ts";
import { type AnyService, defineKind } from "../kind.ts";

export interface KernelGatewayService extends AnyService {
  kind: "kernel-gateway";
  port: number;
  /** Relative to the workbench folder, with forward slashes. */
  notebook: string;
  /** Pages that may call it from a browser: scheme, host and port, as browsers send them. */
  origins: readonly string[];
  /** How many requests it answers side by side. */
  kernels: number;
  /** How long one request may take, waiting included; the gateway answers 504 then. */
  timeoutSeconds: number;
}

const notebook = checkedText(notebookPathComplaint, {
  description: "The notebook that is served: a path below api/ or notebooks/.",
  examples: ["api/marks.ipynb"],
  pattern: "^(api|notebooks)/.+\\.ipynb$",
  maxLength: 200,
});

const origin = checkedText(originComplaint, {
  description: "Scheme, host and port of a page that may call the API.",
  examples: ["https://lms.example.edu"],
  pattern: "^https?://[^/]+$",
});

export const kind = defineKind({
  kind: "kernel-gateway",
  description: "A notebook whose annotated cells are served as an HTTP API.",
  options: {
    notebook,
    port: port.default(8889),
    origins: listOf(
      origin,
      50,
      "Pages that may call the API from a browser: the gateway sends CORS headers to these and to no others.",
    ).default([]),
    kernels: wholeNumber(1, 16, { description: "How many requests are answered side by side." }).default(1),
    timeout: duration(
      1,
      3600,
      "between 1 s and 1 h",
      "How long one request may take, its time in the queue included; then it is answered with 504.",
    ).prefault("30 s"),
  },
  single: false,
  // Measured: 80 MiB for the gateway, 51 MiB for each idle kernel; imports come on top.
  memoryMiB: (service: KernelGatewayService) => 90 + 60 * service.kernels,
  resolve: (name, options): KernelGatewayService => ({
    kind: "kernel-gateway",
    name,
    port: options.port,
    notebook: options.notebook,
    origins: options.origins,
    kernels: options.kernels,
    timeoutSeconds: options.timeout,
  }),
  notebook: (service) => service.notebook,
  data: ({ name, kind, port, notebook, origins, kernels, timeoutSeconds }) => ({
    ...{ name, kind, port, notebook, origins, kernels },
    timeout: timeoutSeconds,
  }),
  checks,
});

function checks(context: ServiceContext<KernelGatewayService>): KindChecks {
  const { deps, service, url, token, includeWrites, outside } = context;
  const missing = new UserError({ code: "invalid", message: `${service.notebook} was not read.` });
  const inputs = { service, file: context.notebook ?? missing, includeWrites, url, token };
  return { before: [notebookCheck(inputs)], checks: gatewayChecks(deps, inputs, outside) };
}
