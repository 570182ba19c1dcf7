/**
 * `notebox report`: one zip for whoever helps: doctor's checks, logs, versions, the rendered files; without tokens,
 * keys, the person's name and the names of computers. It is listed before it is written. Works without a workbench.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseRendered, RENDERED, sha256 } from "../bundle/rendered.ts";
import { writeZip } from "../bundle/zip.ts";
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { createNameRedactor } from "../redact.ts";
import { commandLines, vagrantEnvironment } from "../vagrant/command-lines.ts";
import { doctor } from "./doctor.ts";

export interface ReportOptions {
  folder: string;
  /** The zip; relative to the current folder. Else report-TIME.zip in the workbench folder. */
  to?: string;
}

export interface SavedReport {
  file: string;
  bytes: number;
  /** Bytes of each file, as it stands in the zip. */
  content: { path: string; bytes: number }[];
}

/** The newest of each; of a long one its end. */
const LOGS = 8;
const LOG_BYTES = 512 * 1024;
const VERSION_MS = 60_000;
const TEXTS = ["Vagrantfile", "workbench.yaml"];
const STATE = ["endpoints.json", "check.json", "host.json", "vm.json", "started/summary.json"];

/** Throws UserError `refused` when the person says no, `usage` and `disk-full` as writeZip. */
export async function report(deps: Deps, options: ReportOptions): Promise<SavedReport> {
  const { folder } = options;
  const stamp = new Date(deps.clock.now())
    .toISOString()
    .replace(/\.\d+Z$/, "")
    .replaceAll(":", "-");
  const file = options.to === undefined ? path.join(folder, `report-${stamp}.zip`) : path.resolve(options.to);
  const redactor = createNameRedactor(deps.homeDir, names(deps));
  const gathered = await gather(deps, folder);
  // Once for the names of computers that only a later text has in an address.
  for (const [, text] of gathered) redactor.clean(text);
  const entries = gathered.map(([name, text]) => ({ path: name, content: Buffer.from(redactor.clean(text), "utf8") }));
  const content = entries.map((entry) => ({ path: entry.path, bytes: entry.content.length }));
  if (deps.prompts.interactive) await ask(deps, file, content);
  const { bytes } = await writeZip(file, entries, deps.processes, deps.signal);
  return { file, bytes, content };
}

async function ask(deps: Deps, file: string, content: SavedReport["content"]): Promise<void> {
  const lines = content.map(({ path: name, bytes }) => `  ${name} (${bytes} bytes)`);
  const text = `The report holds, without tokens, keys and names:\n${lines.join("\n")}`;
  deps.reporter.emit({ type: "say", level: "info", text });
  if (await deps.prompts.confirm({ message: `Write it to ${file}?`, initial: true })) return;
  throw new UserError({ code: "refused", message: "No report was written." });
}

/** Account and computer, by every name that this system has for them. */
function names(deps: Deps): { users: string[]; hosts: string[] } {
  const given = (keys: readonly string[]): string[] => keys.flatMap((key) => deps.env[key] ?? []);
  const hosts = [os.hostname(), ...given(["COMPUTERNAME", "USERDOMAIN"])];
  return {
    users: [path.basename(deps.homeDir), ...given(["USER", "USERNAME", "LOGNAME"])],
    hosts: [...hosts, ...hosts.map((host) => host.split(".")[0] ?? "")],
  };
}

async function gather(deps: Deps, folder: string): Promise<[name: string, text: string][]> {
  const inWorkbench = TEXTS.some((name) => fs.existsSync(path.join(folder, name)));
  const state = STATE.map((name): [string, string] => [`notebox/${name}`, `.notebox/${name}`]);
  const wanted: [string, string][] = inWorkbench
    ? [...TEXTS.map((name): [string, string] => [name, name]), ...state, ...dataFiles(folder), ...logFiles(folder)]
    : [];
  const texts = wanted.flatMap(([name, place]): [string, string][] => {
    const text = readPlain(path.join(folder, ...place.split("/")));
    return text === undefined ? [] : [[name, place.includes("/logs/") ? text.slice(-LOG_BYTES) : text]];
  });
  return [
    ["versions.json", pretty(await versions(deps, folder))],
    ["doctor.json", pretty(await checks(deps, folder))],
    ["files.json", pretty(fileStates(folder))],
    ...texts,
  ];
}

async function versions(deps: Deps, folder: string): Promise<object> {
  const [vagrant, virtualbox] = await Promise.all([
    answerOf(deps, folder, "vagrant", commandLines.version()),
    answerOf(deps, folder, "VBoxManage", ["--version"]),
  ]);
  const system = { platform: deps.platform, arch: deps.arch, release: os.release() };
  return { notebox: deps.version, ...system, vagrant, virtualbox, time: new Date(deps.clock.now()).toISOString() };
}

async function answerOf(deps: Deps, cwd: string, program: string, args: readonly string[]): Promise<string | null> {
  if ((await deps.processes.which(program)) === undefined) return null;
  const options = { cwd, env: vagrantEnvironment(), timeoutMs: VERSION_MS, signal: deps.signal };
  const { stdout, stderr } = await deps.processes.run(program, args, options);
  return (stdout.trim() || stderr.trim()).slice(0, 500);
}

/** Doctor's report, also and above all when a check failed. */
async function checks(deps: Deps, folder: string): Promise<unknown> {
  try {
    return await doctor(deps, { folder });
  } catch (error) {
    if (!(error instanceof UserError) || error.code === "interrupted") throw error;
    return error.result ?? { error: error.message, problems: error.problems };
  }
}

/** Of each rendered file: whether it is as it was rendered. */
function fileStates(folder: string): Record<string, string> {
  const record = parseRendered(readPlain(path.join(folder, RENDERED)));
  return Object.fromEntries(
    [...record.files].map(([name, hash]) => {
      const text = readPlain(path.join(folder, ...name.split("/")));
      return [name, text === undefined ? "missing" : sha256(Buffer.from(text)) === hash ? "as rendered" : "changed"];
    }),
  );
}

function dataFiles(folder: string): [string, string][] {
  const base = "provision/workbench";
  const found = listFolder(path.join(folder, ...base.split("/"))).filter(
    (name) => !/(?:^|\/)(?:hash|workbench\.lock)$/.test(name),
  );
  return found.map((name) => [`${base}/${name}`, `${base}/${name}`]);
}

function logFiles(folder: string): [string, string][] {
  const found = listFolder(path.join(folder, ".notebox", "logs")).filter((name) => /^[^/]+\.(?:log|jsonl)$/.test(name));
  return found.slice(-LOGS).map((name) => [`logs/${name}`, `.notebox/logs/${name}`]);
}

function listFolder(folder: string): string[] {
  try {
    const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
    return names.map((name) => name.split(path.sep).join("/")).sort();
  } catch {
    return [];
  }
}

/** A plain file as text. A link may lead to a file that is nobody's business. */
function readPlain(file: string): string | undefined {
  try {
    return fs.lstatSync(file).isFile() ? fs.readFileSync(file, "utf8") : undefined;
  } catch {
    return undefined;
  }
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
