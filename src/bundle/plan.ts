/**
 * Workbench → the files of its bundle. Pure: the same workbench and the same assets give the same bytes on every
 * platform. Writing them into a folder is for write.ts, into a zip for zip.ts.
 */
import { createHash } from "node:crypto";
import vagrantfile from "../../templates/Vagrantfile.hbs";
import { catalogAddress } from "../boxes/doors.ts";
import { dataOf, pageOf, schemeOf } from "../services/index.ts";
import type { Workbench } from "../workbench/model.ts";
import type { Assets } from "./assets.ts";
import { planLaunchers } from "./launchers.ts";
import { byPath, file, type PlannedFile, textFile } from "./planned-file.ts";
import { line } from "./quote.ts";
import { planReadMe } from "./read-me.ts";
import { joinRuby } from "./ruby.ts";
import { renderTemplate } from "./template.ts";

export interface PlanInputs {
  workbench: Workbench;
  assets: Assets;
  /** The files that services bring along (`filesOf`), by name. */
  files?: ReadonlyMap<string, Buffer>;
  /** What workbench.lock beside workbench.yaml holds, if it is there. */
  lock?: Buffer | undefined;
}

/** All files of the bundle, sorted by path. Throws UserError `invalid` for a value that some language cannot hold. */
export function planBundle(inputs: PlanInputs): PlannedFile[] {
  const { workbench, assets } = inputs;
  const files = [
    textFile("Vagrantfile", renderVagrantfile(workbench)),
    textFile("vagrant/notebox.rb", joinRuby(rubyParts(assets))),
    file("vagrant/faults.json", forPeople(assets.get("templates/vagrant/faults.json") ?? Buffer.alloc(0))),
    ...planLaunchers(workbench, assets),
    planReadMe(workbench, sharedFolders(workbench), assets),
    ...planProvision(inputs),
  ];
  return files.sort(byPath);
}

function rubyParts(assets: Assets): Map<string, string> {
  const parts = below(assets, "templates/vagrant/").filter(([name]) => name.endsWith(".rb"));
  return new Map(parts.map(([name, content]) => [name, content.toString("utf8")]));
}

/** The table of known faults without what only notebox and its docs tell; it is the largest file of the bundle. */
function forPeople(table: Buffer): Buffer {
  const { about: _about, faults, ...rest } = JSON.parse(table.toString("utf8")) as { about: string; faults: object[] };
  const told = faults.map((fault) => {
    const { cause: _c, user: _u, it: _i, author: _a, source: _s, ...needed } = fault as Record<string, unknown>;
    return JSON.stringify(needed);
  });
  const head = JSON.stringify(rest).replace(/}$/, "");
  return Buffer.from(`${head},"faults":[\n${told.join(",\n")}\n]}\n`, "utf8");
}

/** The hash that the guest reports once it is provisioned from this workbench: 64 hex digits. */
export function workbenchHash(inputs: PlanInputs): string {
  return hashOf(planGuestFiles(inputs));
}

function planProvision(inputs: PlanInputs): PlannedFile[] {
  const files = planGuestFiles(inputs);
  const extra = [textFile("provision/workbench/hash", `${hashOf(files)}\n`)];
  if (inputs.lock) extra.push(file("provision/workbench/workbench.lock", inputs.lock));
  return [...files, ...extra];
}

/** What the guest is provisioned from, but for the lock: that comes back from the guest, so it cannot be waited for. */
function planGuestFiles({ workbench, assets, files = new Map() }: PlanInputs): PlannedFile[] {
  const kinds = new Set<string>(workbench.services.map((service) => service.kind));
  const all = below(assets, "provision/");
  const kindOf = (name: string): string | undefined => /^services\/([^/]+)\//.exec(name)?.[1];
  const scripts = all.filter(([name]) => name.endsWith(".sh") && kinds.has(kindOf(name) ?? "")).map(([, text]) => text);
  // Every step of every workbench, what its kinds have, and of gate/, which several share, nothing when none names it.
  const isUsed = (name: string): boolean => {
    if (name.startsWith("gate/")) return scripts.some((script) => script.includes("$PROVISION/gate/"));
    const kind = kindOf(name);
    return kind === undefined || kinds.has(kind);
  };
  const steps = all.filter(([name]) => isUsed(name));
  return [
    ...steps.map(([name, content]) => file(`provision/${name}`, content)),
    ...planData(workbench),
    ...[...files].map(([name, content]) => file(`provision/workbench/files/${name}`, content)),
  ];
}

/** The workbench as the guest reads it: lists line by line, services as JSON; nothing is ever sourced. */
function planData(workbench: Workbench): PlannedFile[] {
  const { services, packages } = workbench;
  const at = (name: string, text: string): PlannedFile => textFile(`provision/workbench/${name}`, text);
  const lines = (values: readonly string[]): string => values.map(line).join("");
  return [
    at("name", line(workbench.name)),
    at("title", line(workbench.title)),
    at("apt.txt", lines(packages.apt)),
    at("python.txt", lines(packages.python)),
    at("folders.txt", lines(sharedFolders(workbench))),
    at("services.txt", lines(services.map(({ kind, name, port }) => `${kind} ${name} ${port ?? 0}`))),
    ...services.map((service) => at(`services/${service.name}.json`, `${JSON.stringify(dataOf(service), null, 2)}\n`)),
  ];
}

/** Folders beside workbench.yaml that the VM shares. */
export function sharedFolders(workbench: Workbench): string[] {
  return ["notebooks", "api", ...workbench.folders];
}

function renderVagrantfile(workbench: Workbench): string {
  const { name, title, box, machine, services } = workbench;
  return renderTemplate(vagrantfile, {
    name,
    title,
    box: {
      name: box.name,
      version: box.version,
      doors: box.shares.map((door) => catalogAddress(door, box.name)),
      registry: asksRegistry(workbench),
    },
    machine: { cpus: machine.cpus, memory: machine.memoryMiB },
    folders: sharedFolders(workbench),
    services: services.map((service) => ({
      ...{ kind: service.kind, name: service.name, port: service.port },
      ...{ scheme: schemeOf(service), page: pageOf(service) },
    })),
  });
}

/** Nobody owns the names under notebox/ in the public registry, so it is never asked for them. */
export function asksRegistry({ box }: Workbench): boolean {
  return !box.name.startsWith("notebox/") && (box.registry || box.shares.length === 0);
}

function below(assets: Assets, folder: string): [string, Buffer][] {
  return [...assets]
    .filter(([name]) => name.startsWith(folder))
    .map(([name, content]): [string, Buffer] => [name.slice(folder.length), content]);
}

/** SHA-256 over paths and contents, each with its length before it, so that nothing can shift from one to the next. */
function hashOf(files: readonly PlannedFile[]): string {
  const hash = createHash("sha256");
  for (const { path, content } of [...files].sort(byPath)) {
    hash.update(`${Buffer.byteLength(path)} ${content.length}\n${path}\n`).update(content);
  }
  return hash.digest("hex");
}
