/**
 * What a kind of service says about itself. A new kind is a file in kinds/ and a folder in provision/services/, and
 * nothing else: docs/adding-a-service.md goes through one. What every kind has in common is asked in src/checks and laid
 * down in provision/steps; here is only what differs.
 */
import * as z from "zod";
import type { KindChecks, ServiceContext } from "../checks/kind-checks.ts";

/** What every service has, whatever its kind. */
export interface AnyService {
  kind: string;
  /** Its key in workbench.yaml. */
  name: string;
  /** In the guest and, unless it is taken there, on the host. Undefined: the host does not reach it. */
  port?: number | undefined;
  /** Where it listens on the guest's loopback address; for those that the host does not reach. */
  innerPort?: number | undefined;
}

/** The page of a service that people open in a browser. */
export interface Page {
  /** What people call it: "Jupyter". */
  title: string;
  /** Below the service's address; {token} stands for its token: "lab?token={token}". */
  address: string;
  /** The launchers open the page with the smallest one. */
  order: number;
}

/** Something that only a person can provide. `validate` and `render` warn of it; `up` does not begin without it. */
export interface Lack {
  message: string;
  hint: string;
}

export interface ServiceKind<S extends AnyService = AnyService, Shape extends z.ZodRawShape = z.ZodRawShape> {
  kind: S["kind"];
  /** One sentence, shown by editors. */
  description: string;
  /** The keys that it takes in workbench.yaml beside `kind`; defaults included. */
  options: z.ZodObject<Shape, z.core.$strict>;
  /** Whether a workbench can have only one of them. */
  single: boolean;
  /** Memory it needs in the VM to do its work, in MiB. */
  memoryMiB(service: S): number;
  /** Options of the file, defaults filled in, to the resolved service. */
  resolve(name: string, options: z.output<z.ZodObject<Shape, z.core.$strict>>): S;
  /** Packages of the distribution and of Python that it needs; what runs them is in provision/services/. */
  packages?(service: S): { apt?: readonly string[]; python?: readonly string[] };
  /** Plain names of folders beside workbench.yaml that it reads; shared with the VM, made where they are missing. */
  folders?(service: S): readonly string[];
  /** Plain names of files beside workbench.yaml that provisioning needs: they travel in the bundle, as workbench/files/NAME. */
  files?(service: S): readonly string[];
  /** A notebook of the author's that its checks want to read: a path below the workbench folder. */
  notebook?(service: S): string | undefined;
  /** What its program in the guest reads, as services/NAME.json; the resolved service when left out. */
  data?(service: S): object;
  /** What a browser opens; nothing when left out. */
  page?(service: S): Page;
  lacks?(service: S): Lack | undefined;
  /** Of its address on this computer; http when left out. */
  scheme?: string;
  /** What `verify` asks beside whether its token is there, its unit runs and its port is held by it. */
  checks?(context: ServiceContext<S>): KindChecks;
}

/** Ties the type of a kind's options to its `resolve`. */
export function defineKind<S extends AnyService, Shape extends z.ZodRawShape>(
  kind: Omit<ServiceKind<S, Shape>, "options"> & { options: Shape },
): ServiceKind<S, Shape> {
  return { ...kind, options: z.strictObject(kind.options) };
}
