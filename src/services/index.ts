/** What other rooms ask about services. Everything that depends on a kind is asked of the kind (kind.ts) here. */
import type { AnyService, Lack, Page, ServiceKind } from "./kind.ts";
import type { KernelGatewayService } from "./kinds/kernel-gateway.ts";
import { KINDS } from "./kinds.ts";

export type Service = AnyService;
export type { KernelGatewayService, Lack, Page, ServiceKind };
export { KINDS };

export const KIND_NAMES: readonly string[] = KINDS.map((kind) => kind.kind);

/** The kind of that name, or undefined. */
export function kindNamed(name: string): ServiceKind | undefined {
  return KINDS.find((kind) => kind.kind === name);
}

/** The kind of a service. */
export function kindOfService(service: Service): ServiceKind {
  const kind = kindNamed(service.kind);
  if (kind === undefined) throw new Error(`there is no kind ${service.kind}`);
  return kind;
}

/** Whether it serves an API notebook. */
export function isGateway(service: Service): service is KernelGatewayService {
  return service.kind === "kernel-gateway";
}

/** What services/NAME.json in the guest holds. */
export function dataOf(service: Service): object {
  const { kind, name, port } = service;
  return kindOfService(service).data?.(service) ?? { ...service, kind, name, port };
}

/** What its kind installs in the guest beside the workbench's own packages. */
export function packagesOf(service: Service): { apt: readonly string[]; python: readonly string[] } {
  return { apt: [], python: [], ...kindOfService(service).packages?.(service) };
}

/** Folders beside workbench.yaml that it reads: shared with the VM. */
export function foldersOf(service: Service): readonly string[] {
  return kindOfService(service).folders?.(service) ?? [];
}

/** Files beside workbench.yaml that provisioning needs. */
export function filesOf(service: Service): readonly string[] {
  return kindOfService(service).files?.(service) ?? [];
}

/** The author's notebook that its checks want to read, below the workbench folder; undefined where there is none. */
export function notebookOf(service: Service): string | undefined {
  return kindOfService(service).notebook?.(service);
}

/** Its page for a browser; undefined where it has none, or is not reached from this computer. */
export function pageOf(service: Service): Page | undefined {
  return service.port === undefined ? undefined : kindOfService(service).page?.(service);
}

/** Scheme of its address on this computer. */
export function schemeOf(service: Service): string {
  return kindOfService(service).scheme ?? "http";
}

/** What a person has to provide before it can start; undefined when nothing is missing. */
export function lackOf(service: Service): Lack | undefined {
  return kindOfService(service).lacks?.(service);
}
