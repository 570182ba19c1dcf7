/**
 * What a kind of service says about itself. A new kind is one file beside this one, a line in index.ts and a
 * folder in provision/services/; what runs in the guest is there, what verify asks of it is in src/checks.
 */
import { z } from "zod";

/** What every service has, whatever its kind. */
export interface AnyService {
  kind: string;
  /** Its key in workbench.yaml. */
  name: string;
  port: number;
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
}

/** Ties the type of a kind's options to its `resolve`. */
export function defineKind<S extends AnyService, Shape extends z.ZodRawShape>(
  kind: Omit<ServiceKind<S, Shape>, "options"> & { options: Shape },
): ServiceKind<S, Shape> {
  return { ...kind, options: z.strictObject(kind.options) };
}
