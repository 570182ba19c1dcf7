/**
 * What the values of a workbench say about each other, and about the files they name. Works on the file as it was
 * written, value by value, so that one fault does not hide another.
 */
import fs from "node:fs/promises";
import path from "node:path";
import type { Problem } from "../errors.ts";
import type { ServiceKind } from "../services/index.ts";
import { boxNameComplaint } from "./box-values.ts";
import { type Complain, namedNotebook } from "./named-notebook.ts";
import { placeOf } from "./originals.ts";
import { shortened } from "./problems.ts";
import { mayAskRegistry } from "./resolve.ts";
import { isRecord, kindOf, workbenchSchema } from "./schema.ts";
import { nearest } from "./suggest.ts";
import { formatSize, parseSize } from "./units.ts";
import type { YamlText } from "./yaml-text.ts";

interface Context {
  file: string;
  folder: string;
  /** Whether to look at the files that the workbench names. */
  files: boolean;
  /** Whether notebooks must have no lint error, beside what keeps the gateway from starting. */
  lint: boolean;
}

/** A service as far as it can be understood: its kind is known, its options may be wrong. */
interface Entry {
  name: string;
  kind: ServiceKind;
  given: Readonly<Record<string, unknown>>;
}

/** `raw`: the file's values, groups left empty filled with {}. */
export async function crossProblems(
  raw: Record<string, unknown>,
  yaml: YamlText,
  context: Context,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const complain: Complain = (id, at, problem) => {
    if (problem.file !== undefined) return void problems.push({ id, ...problem });
    const { line, column } = yaml.placeOf(at);
    problems.push({ id, file: context.file, line, column, ...problem });
  };
  const services = entries(raw["services"]);
  checkSingles(services, complain);
  checkPorts(services, complain);
  checkMemory(raw, services, complain);
  checkBox(raw["box"], complain);
  if (context.files) {
    await Promise.all([
      ...services.map((service) => checkNotebook(service, "notebook", context, complain)),
      ...services.map((service) => checkNotebook(service, "check", context, complain)),
      ...services.map((service) => checkFiles(service, context, complain)),
      ...checkFolders(raw["folders"], context, complain),
      ...["notebooks", "api"].map((name) => checkStandardFolder(name, context, complain)),
    ]);
  }
  return problems;
}

function entries(services: unknown): Entry[] {
  if (!isRecord(services)) return [];
  return Object.entries(services).flatMap(([name, given]) => {
    const kind = isRecord(given) ? kindOf(name, given) : undefined;
    return kind && isRecord(given) ? [{ name, kind, given }] : [];
  });
}

/** The value of one option, default filled in; undefined where it is wrong, which the schema says. */
function option(service: Entry, key: string): unknown {
  const schema = service.kind.options.shape[key] as { safeParse(value: unknown): { data?: unknown } } | undefined;
  return schema?.safeParse(service.given[key]).data;
}

function checkSingles(services: readonly Entry[], complain: Complain): void {
  for (const [at, service] of services.entries()) {
    const first = services.find((other) => other.kind === service.kind);
    if (!service.kind.single || first === undefined || services.indexOf(first) === at) continue;
    const message = `services.${service.name} is a second ${service.kind.kind}, and there can be only one.`;
    complain("second-service", ["services", service.name], {
      message,
      value: service.name,
      hint: `The first is ${first.name}.`,
    });
  }
}

function checkPorts(services: readonly Entry[], complain: Complain): void {
  const taken = new Map<number, string>();
  const used = new Set(services.map(portOf));
  for (const service of services) {
    const port = portOf(service);
    // A service that cannot be there at all is told once, by checkSingles.
    const surplus = service.kind.single && services.find((other) => other.kind === service.kind) !== service;
    if (typeof port !== "number" || surplus) continue;
    const other = taken.get(port);
    if (other === undefined) {
      taken.set(port, service.name);
      continue;
    }
    let free = port + 1;
    while (used.has(free)) free++;
    const byDefault = service.given["port"] === undefined ? " (its default)" : "";
    const message = `services.${service.name} has port ${port}${byDefault}, which services.${other} has already.`;
    const hint = free > 65535 ? "Give it another port." : `Give it another, such as port: ${free}.`;
    complain("port-clash", ["services", service.name, "port"], { message, value: port, hint });
    used.add(free);
  }
}

/** Where it listens in the VM; undefined where that cannot be told, or it listens nowhere. */
function portOf(service: Entry): unknown {
  const port = option(service, "port");
  if (port !== undefined) return port;
  const sound = resolved(service);
  return sound?.port ?? sound?.innerPort;
}

/** The service, if its options are right. */
function resolved({ name, kind, given }: Entry) {
  const parsed = kind.options.safeParse(withoutKind(given));
  return parsed.success ? kind.resolve(name, parsed.data) : undefined;
}

// The guest's own programs, measured on Debian 13 without a desktop.
const SYSTEM_MIB = 250;

function checkMemory(raw: Readonly<Record<string, unknown>>, services: readonly Entry[], complain: Complain): void {
  const machine = raw["machine"];
  const given = isRecord(machine) ? machine["memory"] : undefined;
  const size = given === undefined ? { value: 2048 } : typeof given === "string" ? parseSize(given) : undefined;
  if (size === undefined || !("value" in size) || size.value < 512) return;
  let need = SYSTEM_MIB;
  for (const service of services) {
    const sound = resolved(service);
    if (sound) need += service.kind.memoryMiB(sound);
  }
  if (need <= size.value) return;
  const message = `machine.memory is ${formatSize(size.value)}, but these services need about ${need} MiB.`;
  // Those of an API notebook; Jupyter's are its users' to open.
  const hasKernels = services.some(({ kind }) => "kernels" in kind.options.shape);
  const hint = `Write memory: ${formatSize(Math.ceil(need / 512) * 512)} or more${hasKernels ? ", or use fewer kernels" : ""}.`;
  complain("too-little-memory", ["machine", "memory"], { message, value: given, hint });
}

function withoutKind(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { kind: _kind, ...options } = given;
  return options;
}

function checkBox(box: unknown, complain: Complain): void {
  if (!isRecord(box) || typeof box["name"] !== "string" || boxNameComplaint(box["name"])) return;
  const { name, registry, shares } = box;
  if (registry === true && !mayAskRegistry(name)) {
    const message = `box.registry is true, but nobody owns ${shortened(name)} on the public registry: it is never asked for it.`;
    complain("registry-name", ["box", "registry"], { message, value: true, hint: "Take the line out." });
  }
  if (!name.includes("/") && ((Array.isArray(shares) && shares.length > 0) || registry === true)) {
    const message = `box.name "${shortened(name)}" has no owner, so no share can hold it.`;
    complain("box-owner", ["box", "name"], {
      message,
      value: shortened(name),
      hint: "Write it like notebox/debian-13.",
    });
  }
}

/** `notebook` is one that is served, `check` one that is run as it is. */
async function checkNotebook(
  service: Entry,
  key: "notebook" | "check",
  context: Context,
  complain: Complain,
): Promise<void> {
  const notebook = option(service, key);
  if (typeof notebook !== "string") return;
  const { folder } = context;
  const served = key === "check" ? undefined : { kernels: context.lint ? kernelsOf(service) : undefined };
  await namedNotebook({ at: ["services", service.name, key], notebook, folder, served }, complain);
}

/** Files that its kind brings into the VM: beside workbench.yaml, or in the bundle of a hand-out. */
async function checkFiles(service: Entry, { folder }: Context, complain: Complain): Promise<void> {
  const sound = resolved(service);
  for (const name of (sound && service.kind.files?.(sound)) ?? []) {
    const places = [path.join(folder, name), path.join(folder, "provision", "workbench", "files", name)];
    const found = await Promise.all(
      places.map((place) =>
        fs.stat(place).then(
          (stats) => stats.isFile(),
          () => false,
        ),
      ),
    );
    if (found.includes(true)) continue;
    const message = `services.${service.name}: there is no file ${name} beside workbench.yaml.`;
    complain("file-missing", ["services", service.name], { message, value: name, hint: "Put it there." });
  }
}

function kernelsOf(service: Entry): number {
  const kernels = option(service, "kernels");
  return typeof kernels === "number" ? kernels : 1;
}

/** Made by the first start where it is missing; but what is there has to be a folder that the VM can be given. */
async function checkStandardFolder(name: string, context: Context, complain: Complain): Promise<void> {
  const at = path.join(context.folder, name);
  const stats = await fs.lstat(at).catch(() => undefined);
  if (stats === undefined || stats.isDirectory()) return;
  const what = stats.isSymbolicLink()
    ? "a link; the VM gets real folders only"
    : "no folder, and the VM needs one there";
  complain("folder-missing", [], { file: at, message: `${name} is ${what}.`, hint: "Put a folder in its place." });
}

function checkFolders(given: unknown, context: Context, complain: Complain): Promise<void>[] {
  if (!Array.isArray(given)) return [];
  const item = workbenchSchema.shape.folders.unwrap().element;
  return given.map(async (name, at) => {
    if (!item.safeParse(name).success) return;
    const stats = await fs.lstat(await placeOf(context.folder, String(name))).catch(() => undefined);
    if (stats?.isDirectory()) return;
    const isLink = stats?.isSymbolicLink() ?? false;
    const what = isLink
      ? "is a link; the VM gets real folders only"
      : stats
        ? "is a file, not a folder"
        : "is not there";
    const message = `folders: ${name} ${what}.`;
    const names = await fs.readdir(context.folder).catch(() => []);
    const near = nearest(
      String(name),
      names.filter((other) => other !== name),
    );
    const hint = isLink
      ? "Put a folder in its place."
      : stats
        ? "Rename one of them."
        : near
          ? `Did you mean ${near}?`
          : `Make the folder ${name}, or take it out.`;
    complain("folder-missing", ["folders", at], { message, value: name, hint });
  });
}
