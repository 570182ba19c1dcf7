/**
 * What people have → a workbench: reads Binder's files and docker-compose.yml of a source, runs nothing, and says line by
 * line what it took, changed or could not take. Writing it is `init`'s.
 */
import fs from "node:fs/promises";
import path from "node:path";
import { parseDocument } from "yaml";
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { KIND_NAMES, kindNamed, lackOf } from "../services/index.ts";
import { FILE_NAME } from "../workbench/file.ts";
import { isRecord, workbenchSchema } from "../workbench/schema.ts";
import { type Starter, starterText } from "../workbench/starter.ts";
import { formatSize } from "../workbench/units.ts";
import { readYaml } from "../workbench/yaml-text.ts";
import { readBinder } from "./binder.ts";
import { COMPOSE_FILES, readCompose } from "./compose.ts";
import { openFolder } from "./folder-source.ts";
import { isAddress, openGit } from "./git-source.ts";
import { Findings, type ImportLine, pythonName } from "./lines.ts";
import { type Copied, chooseFiles } from "./own-files.ts";
import { type Source, textOf } from "./source.ts";
import { openZip } from "./zip-source.ts";

export type { ImportLine };

export interface BroughtIn {
  /** For the workbench's name, if nobody gives one. */
  name: string;
  lines: readonly ImportLine[];
  files: readonly Copied[];
  /** Text of workbench.yaml. */
  workbenchText(starter: Starter): string;
  /** Files can be read until then. */
  close(): Promise<void>;
}

/** `from` is a folder, a zip or an address. Throws UserError `usage`, `unreachable`, `integrity`, `missing-program`. */
export async function bringIn(
  deps: Pick<Deps, "processes" | "signal" | "assets">,
  from: string,
  folder: string,
): Promise<BroughtIn> {
  const source = await openSource(deps, from, folder);
  try {
    const findings = new Findings(await basePackages(deps.assets));
    const paths = source.files.map((file) => file.path);
    if (paths.includes(FILE_NAME)) throw isWorkbench(from);
    const read = async (at: string): Promise<string | undefined> => await readText(source, at, findings);
    await readBinder(paths, read, findings);
    await readComposeFiles(paths, read, findings);
    const files = await chooseFiles(source, findings);
    const services = withPorts(findings);
    const lines = findings.lines;
    const text = (starter: Starter): string => workbenchText(starter, findings, services);
    return { name: source.name, lines, files, workbenchText: text, close: source.close };
  } catch (error) {
    await source.close();
    throw error;
  }
}

function isWorkbench(from: string): UserError {
  return new UserError({
    code: "usage",
    message: `${JSON.stringify(from)} is a workbench already: it holds a ${FILE_NAME}.`,
    hint: "Copy it, clone it or unpack it, and work there; init is for what is none yet.",
  });
}

async function openSource(deps: Pick<Deps, "processes" | "signal">, from: string, folder: string): Promise<Source> {
  if (isAddress(from) && !/^[A-Za-z]:[\\/]/.test(from)) return await openGit(deps, from);
  const at = path.resolve(folder, from);
  const stats = await fs.stat(at).catch(() => undefined);
  if (stats?.isDirectory()) return await openFolder(at);
  if (stats?.isFile()) return await openZip(at);
  throw new UserError({
    code: "usage",
    message: `There is no folder and no zip ${at}.`,
    hint: "Name a folder, a zip, or a git repository's address that begins with https://.",
  });
}

/** Names of what every workbench has in its own versions, from the lock of Jupyter's packages. */
async function basePackages(assets: string): Promise<Set<string>> {
  const lock = await fs.readFile(path.join(assets, "provision", "locks", "base.txt"), "utf8");
  return new Set([...lock.matchAll(/^([A-Za-z0-9._-]+)==/gm)].map(([, name = ""]) => pythonName(name)));
}

async function readText(source: Source, at: string, findings: Findings): Promise<string | undefined> {
  const file = source.files.find((each) => each.path === at);
  if (file === undefined) return undefined;
  try {
    const { text, was } = await textOf(file);
    if (was !== undefined) findings.tell({ file: at }, at, "changed", `Read as ${was}.`);
    return text;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    findings.tell({ file: at }, at, "could-not-take", `It was not read: ${error.message.replace(/\.$/, "")}.`);
    return undefined;
  }
}

type ReadText = (path: string) => Promise<string | undefined>;

/** environment.yml and compose files that are no sound YAML are told like any other line. */
async function readComposeFiles(paths: readonly string[], read: ReadText, findings: Findings): Promise<void> {
  const [first, ...others] = COMPOSE_FILES.filter((name) => paths.includes(name));
  for (const other of others)
    findings.tell({ file: other }, other, "could-not-take", `Compose takes ${first} alone; so does this.`);
  if (first === undefined) return;
  const text = await read(first);
  if (text === undefined) return;
  findings.attempt({ file: first }, () =>
    readCompose(text, first, findings, { kinds: KIND_NAMES, takesPort, databaseComplaint }),
  );
}

function takesPort(kind: string): boolean {
  return "port" in (kindNamed(kind)?.options.shape ?? {});
}

function databaseComplaint(kind: string, name: string): string | undefined {
  const issue = kindNamed(kind)?.options.safeParse({ database: name }).error?.issues[0];
  if (issue === undefined) return undefined;
  const hint = "params" in issue ? issue.params?.["hint"] : undefined;
  return `It ${issue.message}.${typeof hint === "string" ? ` ${hint}` : ""}`;
}

/** Jupyter always; no two services at one port. Each service's own options go before. */
function withPorts(findings: Findings): Record<string, Record<string, unknown>> {
  const services: Record<string, Record<string, unknown>> = { jupyter: {}, ...Object.fromEntries(findings.services) };
  const taken = new Set(Object.values(services).flatMap(({ port }) => (typeof port === "number" ? [port] : [])));
  for (const [kind, options] of Object.entries(services)) {
    const usual = kindNamed(kind)?.options.safeParse(options);
    if (!usual?.success) continue;
    const { port } = usual.data as { port?: unknown };
    if (options["port"] === undefined && typeof port === "number") {
      let free = port;
      while (taken.has(free)) free++;
      taken.add(free);
      options["port"] = free;
    }
    const lack = lackOf(kindNamed(kind)?.resolve(kind, { ...usual.data, ...options }) ?? { kind, name: kind });
    if (lack !== undefined) findings.tell({ file: "." }, kind, "changed", `${lack.message} ${lack.hint}`);
  }
  return services;
}

// What the VM itself needs beside its services, in MiB; and the size that people expect of a workbench.
const SYSTEM_MIB = 1024;
const USUAL_MIB = 2048;

function workbenchText(
  starter: Starter,
  findings: Findings,
  services: Record<string, Record<string, unknown>>,
): string {
  const document = parseDocument(
    starterText(
      "# yaml-language-server: $schema=./.notebox/workbench.schema.json\nversion: 1\nname: x\ntitle: x\n",
      starter,
    ),
  );
  let need = SYSTEM_MIB;
  for (const [name, options] of Object.entries(services)) {
    const kind = kindNamed(name);
    const parsed = kind?.options.safeParse(options);
    if (kind !== undefined && parsed?.success) need += kind.memoryMiB(kind.resolve(name, parsed.data));
  }
  const memory = formatSize(Math.max(USUAL_MIB, Math.ceil(need / 1024) * 1024));
  document.set("machine", document.createNode({ cpus: 2, memory }, { flow: true }));
  document.set("services", document.createNode(services));
  const { apt, python } = findings;
  document.set("packages", document.createNode({ apt, python }));
  const text = document.toString({ lineWidth: 0 });
  const { value, problems } = readYaml(text);
  const checked = isRecord(value) ? workbenchSchema.safeParse(value) : undefined;
  if (problems.length > 0 || !checked?.success) throw new Error(`this workbench is not valid:\n${text}`);
  return text;
}
