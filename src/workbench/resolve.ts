/** The checked file → the resolved workbench: defaults filled in, and where each value came from. Pure. */
import path from "node:path";
import { foldersOf, packagesOf } from "../services/index.ts";
import type { Origin, Service, Workbench } from "./model.ts";
import type { WorkbenchFile } from "./schema.ts";
import { formatDuration, formatSize } from "./units.ts";
import type { YamlText } from "./yaml-text.ts";

export function resolveWorkbench(file: string, given: WorkbenchFile, yaml: YamlText): Workbench {
  const { name, version, shares, registry } = given.box;
  const brought = given.services.map(packagesOf);
  const workbench = {
    folder: path.dirname(file),
    file,
    name: given.name,
    title: given.title ?? given.name,
    box: {
      name,
      ...(version === undefined ? {} : { version }),
      shares,
      registry: mayAskRegistry(name) && (registry ?? shares.length === 0),
    },
    machine: { cpus: given.machine.cpus, memoryMiB: given.machine.memory },
    services: given.services,
    packages: {
      apt: once([...given.packages.apt, ...brought.flatMap(({ apt }) => apt)]),
      python: once([...given.packages.python, ...brought.flatMap(({ python }) => python)]),
    },
    folders: once([...given.folders, ...given.services.flatMap(foldersOf)]),
    ...(given.contact === undefined ? {} : { contact: given.contact }),
    language: given.language,
    handout: given.handout,
  };
  const origins = new Map<string, Origin>();
  for (const [key] of settingsOf(workbench)) {
    const at = key.split(".");
    origins.set(key, yaml.has(at) ? { from: "file", line: yaml.placeOfKey(at).line } : { from: "default" });
  }
  return { ...workbench, origins };
}

function once(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

/** Nobody owns names under notebox/ on the public registry, so it is never asked for them. */
export function mayAskRegistry(boxName: string): boolean {
  return !boxName.toLowerCase().startsWith("notebox/");
}

/** Every setting of a workbench under the name it has in the file, written as the file would write it. */
export function settingsOf(workbench: Omit<Workbench, "origins">): [string, unknown][] {
  const { box, machine, packages } = workbench;
  return [
    ["name", workbench.name],
    ["title", workbench.title],
    ["box.name", box.name],
    ["box.version", box.version ?? null],
    ["box.shares", box.shares],
    ["box.registry", box.registry],
    ["machine.cpus", machine.cpus],
    ["machine.memory", formatSize(machine.memoryMiB)],
    ...workbench.services.flatMap(serviceSettings),
    ["packages.apt", packages.apt],
    ["packages.python", packages.python],
    ["folders", workbench.folders],
    ["contact", workbench.contact ?? null],
    ["language", workbench.language],
    ["handout.allow", workbench.handout.allow],
    ["handout.patterns", workbench.handout.patterns],
  ];
}

function serviceSettings(service: Service): [string, unknown][] {
  const { name, ...rest } = service;
  return Object.entries(rest).flatMap(([key, value]): [string, unknown][] => {
    if (value === undefined || key === "innerPort") return [];
    if (key.endsWith("Seconds"))
      return [[`services.${name}.${key.slice(0, -"Seconds".length)}`, formatDuration(Number(value))]];
    if (key.endsWith("MiB")) return [[`services.${name}.${key.slice(0, -"MiB".length)}`, formatSize(Number(value))]];
    return [[`services.${name}.${key}`, value]];
  });
}
