/**
 * Doctor's checks of the doors of the share, before anything is downloaded: whether one answers, lets this account in,
 * and gives a catalog that Vagrant takes and that has a box for this computer. Asked with curl, because Vagrant asks so.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { faultTable, lineWith } from "../faults.ts";
import { boxesFolder, boxFolderName } from "../vagrant/box-home.ts";
import { compareVersions } from "../vagrant/installed.ts";
import type { Check } from "./check.ts";
import type { Computer } from "./computer.ts";
import { fails, type HostAnswer, hostCheck, isUnc, notApplicable, passed } from "./host-answers.ts";

export interface ShareInputs {
  /** The box's name; undefined without a workbench, `reason` then says why. */
  name: string | undefined;
  reason: string;
  /** The addresses of its catalogs, in the order in which they are tried. */
  doors: readonly string[];
  /** Whether the public registry may be asked. */
  registry: boolean;
}

/** curl's exit codes (curl(1)): what could not be done on the way to an answer. */
const CURL_FAULTS: Readonly<Record<number, string>> = {
  ...{ 5: "proxy", 97: "proxy", 35: "certificate", 51: "certificate", 58: "certificate", 60: "certificate" },
  ...{ 77: "certificate", 83: "certificate", 90: "certificate", 91: "certificate" },
};
const STATUS_FAULTS: Readonly<Record<number, string>> = {
  ...{ 401: "door-account", 403: "door-account", 405: "door-type", 407: "proxy", 501: "door-type" },
};
/** Windows' error numbers for a share that answers and refuses (net helpmsg). */
const REFUSED = "\\b(5|86|1219|1272|1326|1331|2242)\\b";
const CHECKSUMS = ["md5", "sha1", "sha256", "sha384", "sha512"];
/** A file server that is gone blocks whoever asks for its files, on Windows for a minute. */
const FILE_MS = 5000;

/** What came out at one door: which fault (undefined: none), the evidence, and the catalog's text where it was had. */
interface Probe {
  door: string;
  fault?: string;
  seen: string;
  text?: string;
}

interface Box {
  name?: string;
  url?: string;
  checksum?: string;
  checksum_type?: string;
  architecture?: string;
}

interface Catalog {
  name?: string;
  versions?: { version?: string; providers?: Box[] }[];
}

export function shareChecks(computer: Computer, inputs: ShareInputs): Record<string, Check> {
  let chosen: Promise<Probe> | undefined;
  const door = async (): Promise<Probe> => {
    chosen ??= chooseDoor(computer, inputs.doors);
    return await chosen;
  };
  const aspect = (id: string): Check => hostCheck(id, async () => await doorAspect(computer, inputs, id, door));
  const withCatalog = (id: string, ask: (catalog: Catalog) => HostAnswer | Promise<HostAnswer>): Check =>
    hostCheck(id, async () => {
      const reason = await noDoors(computer, inputs);
      if (reason !== undefined) return notApplicable(reason);
      const probe = await door();
      if (probe.fault !== undefined) return notApplicable("no door gives its catalog");
      const catalog = parse(probe.text);
      return catalog === undefined ? fails(`${probe.door} is no JSON`, { fault: "it cannot be read" }) : ask(catalog);
    });
  const provider = async (): Promise<string> => await computer.provider();
  return {
    registry: hostCheck("registry", async () => await registry(computer, inputs)),
    door: aspect("door"),
    "door-account": aspect("door-account"),
    "door-type": aspect("door-type"),
    proxy: aspect("proxy"),
    certificate: aspect("certificate"),
    catalog: withCatalog("catalog", (catalog) => soundCatalog(catalog, inputs.name ?? "")),
    checksum: withCatalog("checksum", async (catalog) => checksums(boxes(catalog, await provider()))),
    architecture: withCatalog("architecture", async (catalog) =>
      architecture(computer.architecture(), boxes(catalog, await provider())),
    ),
    download: withCatalog(
      "download",
      async (catalog) => await stuckDownloads(computer, boxes(catalog, await provider())),
    ),
  };
}

async function noDoors(computer: Computer, inputs: ShareInputs): Promise<string | undefined> {
  if (inputs.name === undefined) return inputs.reason;
  if (inputs.doors.length === 0) return "the workbench names no share";
  return (await boxInstalled(computer, inputs.name)) ? "the box is installed already" : undefined;
}

/** Whatever its version: Vagrant keeps boxes/NAME/VERSION/[ARCHITECTURE/]PROVIDER. */
async function boxInstalled(computer: Computer, name: string): Promise<boolean> {
  const provider = await computer.provider();
  const folder = path.join(boxesFolder(computer.deps), boxFolderName(name, computer.deps.platform));
  const below = (place: string): string[] =>
    fs.existsSync(place) && fs.statSync(place).isDirectory()
      ? fs.readdirSync(place).map((one) => path.join(place, one))
      : [];
  return below(folder)
    .flatMap((version) => [version, ...below(version)])
    .some((place) => fs.existsSync(path.join(place, provider, "metadata.json")));
}

async function doorAspect(
  computer: Computer,
  inputs: ShareInputs,
  id: string,
  door: () => Promise<Probe>,
): Promise<HostAnswer> {
  const { name, doors, registry: asks } = inputs;
  if (id === "door" && name !== undefined && doors.length === 0 && !asks && !(await boxInstalled(computer, name)))
    return fails("the workbench names no share");
  const reason = await noDoors(computer, inputs);
  if (reason !== undefined) return notApplicable(reason);
  const chosen = await door();
  if (chosen.fault === id) return fails(`${chosen.door}: ${chosen.seen}`);
  if (chosen.fault === "door") return notApplicable("no door answers");
  if (["door-type", "certificate", "proxy"].includes(id) && !isWeb(chosen.door))
    return notApplicable(`${chosen.door} is no web address`);
  return passed(chosen.door);
}

/** The first door without a fault; else the first that at least answered. */
async function chooseDoor(computer: Computer, doors: readonly string[]): Promise<Probe> {
  const seen: Probe[] = [];
  for (const door of doors) {
    const probe = await (isWeb(door) ? probeWeb(computer, door) : probeFile(computer, door));
    if (probe.fault === undefined) return probe;
    seen.push(probe);
  }
  return seen.find(({ fault }) => fault !== "door") ?? (seen[0] as Probe);
}

function isWeb(address: string): boolean {
  return /^https?:\/\//i.test(address);
}

async function curl(computer: Computer, ...args: string[]) {
  const how = ["-q", "--silent", "--show-error", "--location", "--globoff", "--max-redirs", "10"];
  return await computer.run("curl", ...how, ...args);
}

const LIMITS = ["--connect-timeout", "2", "--max-time", "5"];

async function probeWeb(computer: Computer, door: string): Promise<Probe> {
  const ran = await curl(computer, "--head", ...LIMITS, "--write-out", "\n%{http_code} %{content_type}", door);
  if (ran === undefined) return { door, fault: "door", seen: "curl is missing or does not end" };
  const told = /^curl: .*/m.exec(ran.text)?.[0] ?? "";
  if (/CONNECT tunnel failed|response 407/.test(told)) return { door, fault: "proxy", seen: told };
  if (ran.code !== 0)
    return { door, fault: CURL_FAULTS[ran.code ?? 0] ?? "door", seen: told || `curl ended with ${ran.code}` };
  const [, status = "", type = ""] = /^(\d{3}) ([^\s;]*)/m.exec(ran.text.split("\n").at(-1) ?? "") ?? [];
  const fault =
    STATUS_FAULTS[Number(status)] ??
    (Number(status) >= 400 ? "door" : type === "application/json" ? undefined : "door-type");
  if (fault !== undefined) return { door, fault, seen: `it answers ${status}, as ${type || "no type at all"}` };
  const got = await curl(computer, "--fail", "--max-time", "15", "--max-filesize", "20971520", door);
  return { door, seen: "it answers", text: got?.text ?? "" };
}

async function probeFile(computer: Computer, door: string): Promise<Probe> {
  const place = /^file:\/\//i.test(door) ? fileURLToPath(door) : door;
  const enough = new AbortController();
  const text = await Promise.race([
    fs.promises.readFile(place, "utf8").catch(() => undefined),
    computer.deps.clock.sleep(FILE_MS, enough.signal).catch(() => undefined),
  ]);
  enough.abort();
  if (text !== undefined) return { door, seen: "it can be read", text };
  const host = computer.system === "windows" && isUnc(place) ? /^[\\/]{2}([^\\/]+)/.exec(place)?.[1] : undefined;
  const told = host === undefined ? undefined : (await computer.run("net", "view", `\\\\${host}`))?.text;
  const refused = told === undefined ? undefined : lineWith(REFUSED, told);
  return refused === undefined
    ? { door, fault: "door", seen: "there is no such file, or its server does not answer" }
    : { door, fault: "door-account", seen: refused };
}

function parse(text: string | undefined): Catalog | undefined {
  try {
    const data: unknown = JSON.parse(text ?? "");
    return typeof data === "object" && data !== null && !Array.isArray(data) ? (data as Catalog) : undefined;
  } catch {
    return undefined;
  }
}

const VERSION = /^\d+(\.\d+)*$/;

/** Of the newest version, for the provider that is used here. */
function boxes(catalog: Catalog, provider: string): Box[] {
  const versions = (catalog.versions ?? []).filter(({ version }) => VERSION.test(version ?? ""));
  const [newest] = versions.sort((a, b) => compareVersions(b.version ?? "", a.version ?? ""));
  return (newest?.providers ?? []).filter(({ name }) => name === provider);
}

function soundCatalog(catalog: Catalog, name: string): HostAnswer {
  const versions = (catalog.versions ?? []).map(({ version }) => version ?? "");
  const wrong = versions.find((version) => !VERSION.test(version));
  if (catalog.name !== name) return fails(`it is for ${catalog.name}`, { fault: `it is the list of ${catalog.name}` });
  if (wrong !== undefined) return fails(`version ${wrong}`, { fault: `“${wrong}” is no version` });
  return versions.length === 0
    ? fails("no version", { fault: "it is empty" })
    : passed(`${name} ${versions.join(", ")}`);
}

function checksums(list: readonly Box[]): HostAnswer {
  const bad = list.find((box) => !box.checksum || !CHECKSUMS.includes(box.checksum_type ?? ""));
  return bad === undefined
    ? passed("all boxes have one")
    : fails(`${bad.url}: checksum_type ${JSON.stringify(bad.checksum_type ?? null)}`);
}

/** Up to 2.3 Vagrant takes any box, whatever it is for. A box without an architecture is for amd64. */
function architecture(host: string, list: readonly Box[]): HostAnswer {
  const kinds = [...new Set(list.map((box) => box.architecture ?? "amd64"))];
  if (kinds.length === 0 || kinds.includes(host) || kinds.includes("unknown"))
    return passed(`${host}: the share has a box`);
  return fails(`${host}; the share has boxes for ${kinds.join(", ")}`, {
    host: host === "arm64" ? "an ARM" : `a ${host}`,
    boxes: kinds.join(" and "),
  });
}

/** A download that was finished and not unpacked: Vagrant asks for what comes after its end (box_add.rb: tmp/box<SHA-1>). */
async function stuckDownloads(computer: Computer, list: readonly Box[]): Promise<HostAnswer> {
  const folder = path.join(computer.vagrantHome(), "tmp");
  const stuck: string[] = [];
  for (const url of list.map((box) => box.url ?? "").filter(isWeb)) {
    const name = `box${createHash("sha1").update(url).digest("hex")}`;
    const size = fs.statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
    if (size === 0) continue;
    const headers = (await curl(computer, "--head", ...LIMITS, url))?.text ?? "";
    const length = [...headers.matchAll(/^content-length: *(\d+)/gim)].at(-1)?.[1];
    if (length !== undefined && size >= Number(length)) stuck.push(name);
  }
  return stuck.length === 0 ? passed("none") : fails(stuck.join(", "), { folder });
}

async function registry(computer: Computer, inputs: ShareInputs): Promise<HostAnswer> {
  if (inputs.name === undefined) return notApplicable(inputs.reason);
  if (!inputs.registry) return passed("a share of your own");
  if (await boxInstalled(computer, inputs.name)) return notApplicable("the box is installed already");
  const { registryEnds } = faultTable();
  const today = new Date(computer.deps.clock.now()).toISOString().slice(0, 10);
  return today >= registryEnds ? fails(`stopped on ${registryEnds}`) : passed(`until ${registryEnds}`);
}
