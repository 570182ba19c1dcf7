/**
 * docker-compose.yml → services: those whose image is known. Ports are kept but bound to this computer, passwords are
 * left out because the VM makes its own, and whatever loosens a container's bounds goes.
 */
import { isRecord } from "../workbench/schema.ts";
import { port } from "../workbench/values.ts";
import { type Known, knownImage } from "./images.ts";
import type { At, Findings } from "./lines.ts";
import { Variables } from "./variables.ts";
import { readYamlFile, type YamlFile } from "./yaml-file.ts";

/** In the order in which compose takes the first that is there. */
export const COMPOSE_FILES = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

/** What a service in a VM does not need. */
const NOT_NEEDED = new Set([
  ...["restart", "depends_on", "networks", "container_name", "hostname", "healthcheck", "logging", "init", "tty"],
  ...[
    "stdin_open",
    "stop_grace_period",
    "labels",
    "expose",
    "platform",
    "pull_policy",
    "image",
    "links",
    "stop_signal",
  ],
]);
/** What would give a container more than its own. */
const LOOSENS = new Set([
  "privileged",
  "cap_add",
  "devices",
  "network_mode",
  "pid",
  "ipc",
  "userns_mode",
  "security_opt",
  "user",
  "group_add",
]);
/** Beside services, what says nothing about them: include, say, would name more of them. */
const TOP = /^(?:services|version|name|networks|volumes|x-.*)$/;
/** What names the database that the image makes at its first start. */
const DATABASE = new Set(["POSTGRES_DB", "POSTGRESQL_DATABASE", "MONGO_INITDB_DATABASE", "MONGODB_DATABASE"]);
const SECRET = /PASS|SECRET|TOKEN|KEY|CREDENTIAL/i;
const WORDS: Readonly<Record<Known["kind"], string>> = {
  jupyter: "Jupyter",
  openrefine: "OpenRefine",
  postgres: "PostgreSQL",
  mongodb: "MongoDB",
};

interface Compose {
  file: string;
  yaml: YamlFile;
  findings: Findings;
  /** Kinds that this notebox has. */
  kinds: readonly string[];
  /** Kinds that take a port. */
  takesPort: (kind: string) => boolean;
  /** Why the kind cannot have a database of that name, or undefined. */
  databaseComplaint: (kind: string, name: string) => string | undefined;
}

/** Throws UserError `invalid` when it is no such file. */
export function readCompose(
  text: string,
  file: string,
  findings: Findings,
  kinds: Pick<Compose, "kinds" | "takesPort" | "databaseComplaint">,
): void {
  const yaml = readYamlFile(text);
  const services = isRecord(yaml.value) ? yaml.value["services"] : undefined;
  if (!isRecord(services)) return void findings.tell({ file }, file, "could-not-take", "It lists no services.");
  const compose: Compose = { file, yaml, findings, ...kinds };
  for (const key of Object.keys(yaml.value as object))
    if (!TOP.test(key))
      findings.tell({ file, line: yaml.lineOf([key]) }, key, "could-not-take", "Not read: services: alone is.");
  for (const [name, value] of Object.entries(services)) {
    if (isRecord(value)) addService(compose, name, value);
    else findings.tell({ file, line: yaml.lineOf(["services", name]) }, name, "could-not-take", "It is no service.");
  }
}

function addService(compose: Compose, name: string, value: Record<string, unknown>): void {
  const { file, yaml, findings, kinds } = compose;
  const image = typeof value["image"] === "string" ? value["image"].trim() : "";
  const at = { file, line: yaml.lineOf(["services", name, ...(image === "" ? [] : ["image"])]) };
  const what = `${name}: ${image === "" ? "no image" : image}`;
  if (image === "" || "build" in value)
    return void findings.tell(
      at,
      what,
      "could-not-take",
      "Its image is built from files of its own. Write what they install under packages: in workbench.yaml.",
    );
  const known = knownImage(new Variables().plain(image));
  if (known === undefined)
    return void findings.tell(
      at,
      what,
      "could-not-take",
      `No service of a workbench stands for this image. Kinds: ${kinds.join(", ")}.`,
    );
  if (!kinds.includes(known.kind))
    return void findings.tell(
      at,
      what,
      "could-not-take",
      `It would be ${WORDS[known.kind]}, which this notebox does not have.`,
    );
  if (findings.services.has(known.kind))
    return void findings.tell(
      at,
      what,
      "could-not-take",
      `A workbench has one ${WORDS[known.kind]}, and there is one already.`,
    );
  const options: Record<string, unknown> = {};
  findings.services.set(known.kind, options);
  if (known.lacks === undefined) findings.tell(at, what, "took", `Becomes the service ${known.kind}.`);
  else findings.tell(at, what, "changed", `Becomes the service ${known.kind}, without ${known.lacks}.`);
  for (const each of known.python ?? []) findings.addPython(at, `${each} (of ${image})`, each);
  const { ports, environment } = value;
  if (Array.isArray(ports)) addPort(compose, name, known.kind, ports, options);
  if (typeof environment === "object") addEnvironment(compose, name, known.kind, environment, options);
  for (const key of Object.keys(value))
    if (!(key === "ports" && Array.isArray(ports)) && !(key === "environment" && typeof environment === "object"))
      addOther(compose, name, key);
}

function addPort(
  compose: Compose,
  name: string,
  kind: string,
  ports: readonly unknown[],
  options: Record<string, unknown>,
): void {
  const { file, yaml, findings } = compose;
  for (const [index, given] of ports.entries()) {
    const at = { file, line: yaml.lineOf(["services", name, "ports", index]) };
    const what = `${name}: ports: ${typeof given === "object" ? JSON.stringify(given) : String(given)}`;
    const variables = new Variables();
    const { published, address } = readPort(given, variables);
    const byDefault = variables.defaultsTold;
    const taken = [...findings.services.values()].some((other) => other["port"] === published);
    if (!compose.takesPort(kind))
      findings.tell(at, what, "changed", "Left out: it is reached from the notebooks alone.");
    else if (options["port"] !== undefined)
      findings.tell(at, what, "could-not-take", `The service has its port already: ${options["port"]}.`);
    else if (variables.unset.size > 0)
      findings.tell(
        at,
        what,
        "could-not-take",
        `${variables.unsetTold} It gets its usual port; write another in workbench.yaml.`,
      );
    else if (published === undefined || !port.safeParse(published).success || taken)
      findings.tell(at, what, "could-not-take", "No port that a workbench can have here; it gets its usual one.");
    else {
      options["port"] = published;
      const open = address !== "127.0.0.1" && address !== "localhost" && address !== "::1";
      findings.tell(
        at,
        what,
        open || byDefault !== "" ? "changed" : "took",
        (open
          ? `Port ${published}, on this computer only: other computers do not reach it.`
          : `Port ${published}, on this computer.`) + byDefault,
      );
    }
  }
}

/** https://docs.docker.com/reference/compose-file/services/#ports; without a published port Docker takes any. */
function readPort(
  given: unknown,
  variables: Variables,
): { published: number | undefined; address: string | undefined } {
  if (isRecord(given)) {
    const host = given["host_ip"];
    return {
      published: Number(variables.plain(String(given["published"] ?? given["target"]))),
      address: typeof host === "string" ? variables.plain(host) : undefined,
    };
  }
  const match = /^(?:(?:\[([0-9a-f:]+)\]|([0-9A-Za-z.]+)):)?(?:([0-9]+):)?([0-9]+)(?:\/tcp)?$/.exec(
    variables.plain(String(given)).trim(),
  );
  const published = Number(match?.[3] ?? match?.[4]);
  // "8888:8888" reads as an address and a port.
  const isPort = /^[0-9]+$/.test(match?.[2] ?? "") && match?.[3] === undefined;
  if (match === null) return { published: undefined, address: undefined };
  return isPort ? { published: Number(match[2]), address: undefined } : { published, address: match[1] ?? match[2] };
}

function addEnvironment(
  compose: Compose,
  name: string,
  kind: string,
  given: unknown,
  options: Record<string, unknown>,
): void {
  const { file, yaml, findings } = compose;
  const entries: (readonly [key: string, value: unknown, step: string | number])[] = Array.isArray(given)
    ? given.map((entry, index) => {
        const [key = "", ...value] = String(entry).split("=");
        return [key, value.length === 0 ? undefined : value.join("="), index] as const;
      })
    : isRecord(given)
      ? Object.entries(given).map(([key, value]) => [key, value, key] as const)
      : [];
  const isNamed = entries.some(([key]) => DATABASE.has(key));
  for (const [key, value, step] of entries) {
    const at = { file, line: yaml.lineOf(["services", name, "environment", step]) };
    const what = `${name}: ${key}`;
    // The value is not shown: it may be a password that is used elsewhere.
    if (SECRET.test(key))
      findings.tell(at, what, "changed", "Left out: the VM makes passwords and tokens of its own at its first start.");
    else if (
      (DATABASE.has(key) && ["postgres", "mongodb"].includes(kind)) ||
      // The image calls the database as its user where nothing else names it.
      (key === "POSTGRES_USER" && kind === "postgres" && !isNamed)
    )
      addDatabase(compose, at, what, { kind, value, options });
    else findings.tell(at, what, "could-not-take", "Settings of a container's image mean nothing to a workbench.");
  }
}

function addDatabase(
  { findings, databaseComplaint }: Compose,
  at: At,
  what: string,
  { kind, value, options }: { kind: string; value: unknown; options: Record<string, unknown> },
): void {
  const variables = new Variables();
  const name = variables.plain(String(value ?? ""));
  const usual = "It gets its usual name; write another as database: in workbench.yaml.";
  const complaint = name === "" ? "It names no database." : databaseComplaint(kind, name);
  if (variables.unset.size > 0) findings.tell(at, what, "could-not-take", `${variables.unsetTold} ${usual}`);
  else if (complaint !== undefined) findings.tell(at, what, "could-not-take", `${complaint} ${usual}`);
  else {
    options["database"] = name;
    const byDefault = variables.defaultsTold;
    findings.tell(at, what, byDefault === "" ? "took" : "changed", `The database's name: ${name}.${byDefault}`);
  }
}

function addOther({ file, yaml, findings }: Compose, name: string, key: string): void {
  const at = { file, line: yaml.lineOf(["services", name, key]) };
  const what = `${name}: ${key}`;
  if (NOT_NEEDED.has(key)) return;
  if (key === "ports" || key === "environment")
    return void findings.tell(at, what, "could-not-take", "It is no list, as compose wants it.");
  if (LOOSENS.has(key))
    findings.tell(at, what, "changed", "Left out for safety: services run as accounts without rights, in the VM.");
  else if (key === "volumes")
    findings.tell(
      at,
      what,
      "changed",
      "Notebooks and data lie in notebooks/; what a service keeps itself lies on the VM's own disk.",
    );
  else findings.tell(at, what, "could-not-take", "A workbench has nothing of the kind.");
}
