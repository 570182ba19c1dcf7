/** The kinds of service there are. Everything that depends on a kind asks here. */
import { type JupyterService, jupyter } from "./jupyter.ts";
import { type KernelGatewayService, kernelGateway } from "./kernel-gateway.ts";
import type { AnyService, ServiceKind } from "./kind.ts";

export type Service = JupyterService | KernelGatewayService;
export type { JupyterService, KernelGatewayService };

// A list of kinds of different services: each `resolve` and `memoryMiB` takes only its own kind's.
export const KINDS = [jupyter, kernelGateway] as unknown as readonly ServiceKind<Service>[];

export const KIND_NAMES: readonly string[] = KINDS.map((kind) => kind.kind);

/** The kind of that name, or undefined. */
export function kindNamed(name: string): ServiceKind<Service> | undefined {
  return KINDS.find((kind) => kind.kind === name);
}

/** Memory that a service needs in the VM, in MiB. */
export function memoryNeed(service: Service): number {
  return kindNamed(service.kind)?.memoryMiB(service) ?? 0;
}

export type { AnyService, ServiceKind };
