/**
 * The resolved workbench: what every other room works with. Data only; load.ts makes it from the file.
 */
import type { KernelGatewayService, Service } from "../services/index.ts";
import type { Language } from "./handout-values.ts";

export type { KernelGatewayService, Language, Service };

/** Where a value came from: a line of workbench.yaml (counted from 1), or notebox's own default. */
export type Origin = { from: "file"; line: number } | { from: "default" };

export interface Box {
  /** Any Vagrant box name, such as notebox/debian-13. */
  name: string;
  /** Vagrant's version constraint, such as ">= 13.1"; without one, the newest. */
  version?: string;
  /** Doors of the share, tried in this order. */
  shares: readonly string[];
  /** Whether the public registry may be asked: never for names under notebox/. */
  registry: boolean;
}

export interface Workbench {
  /** Absolute folder that holds the file. */
  folder: string;
  /** Absolute path of workbench.yaml. */
  file: string;
  name: string;
  title: string;
  box: Box;
  machine: { cpus: number; memoryMiB: number };
  /** In the file's order. */
  services: readonly Service[];
  /** Those that services bring included. */
  packages: { apt: readonly string[]; python: readonly string[] };
  /** Data folders shared with the VM beside notebooks and api, those that services read included; plain names. */
  folders: readonly string[];
  /** Whom to ask, for READ-ME-FIRST.html; one line. */
  contact?: string;
  /** Of READ-ME-FIRST.html. */
  language: Language;
  handout: {
    /** Files and folders whose outputs may look like personal data; forward slashes. */
    allow: readonly string[];
    /** Regular expressions (JavaScript, with the u flag) of what counts as personal data beside the usual. */
    patterns: readonly string[];
  };
  /** Dotted path of a value, such as "machine.memory", to where it came from. */
  origins: ReadonlyMap<string, Origin>;
}
