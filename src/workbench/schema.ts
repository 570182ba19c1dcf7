/**
 * The one schema of workbench.yaml. It checks values one by one; what values say about each other and about
 * files is in cross-checks.ts. The JSON Schema for editors is made from it in json-schema.ts.
 */
import * as z from "zod";
import { KIND_NAMES, kindNamed } from "../services/index.ts";
import { boxNameComplaint, constraintComplaint, doorComplaint } from "./box-values.ts";
import { isDeviceName } from "./file-names.ts";
import { contact, handout, language } from "./handout-values.ts";
import { aptComplaint, requirementComplaint } from "./requirement.ts";
import { nearest } from "./suggest.ts";
import type { Complaint } from "./units.ts";
import { checkedText, listOf, memory, NAME_PATTERN, nameComplaint, wholeNumber } from "./values.ts";

const NAME = checkedText(nameComplaint, {
  description: "Host name and VM name: a-z, 0-9 and -, at most 40 characters.",
  examples: ["learning-analytics"],
  pattern: NAME_PATTERN,
  maxLength: 40,
});

const TITLE = checkedText(titleComplaint, {
  description: "The name that people read; the name when left out.",
  examples: ["Learning analytics"],
  maxLength: 200,
});

const DOOR = checkedText(doorComplaint, {
  description: "One way to reach the share: a UNC path, an absolute folder or an http(s) address.",
  examples: ["//files.example.edu/boxes", "https://boxes.example.edu/"],
  maxLength: 500,
});

const box = z
  .strictObject({
    name: checkedText(boxNameComplaint, {
      description: "Name of the Vagrant box.",
      examples: ["notebox/debian-13"],
      maxLength: 120,
    }),
    version: checkedText(constraintComplaint, {
      description: "Vagrant's version constraint; the newest when left out.",
      examples: [">= 13.1", "~> 13.1"],
      maxLength: 200,
    }).optional(),
    shares: listOf(DOOR, 20, "Doors of the share with the boxes, tried in this order.").default([]),
    registry: z
      .boolean()
      .meta({ description: "Ask the public registry too; it is asked anyway when there are no shares." })
      .optional(),
  })
  .meta({ description: "The box that the VM is made from." });

const machine = z
  .strictObject({
    cpus: wholeNumber(1, 64, { description: "Processors of the VM." }).default(2),
    memory: memory(512, 1024 * 1024, "between 512 MiB and 1024 GiB").prefault("2 GiB"),
  })
  .meta({ description: "The size of the VM." });

const packages = z
  .strictObject({
    apt: listOf(
      checkedText(aptComplaint, { description: "Name of a Debian package.", examples: ["graphviz"] }),
      200,
      "Packages of the distribution.",
    ).default([]),
    python: listOf(
      checkedText(requirementComplaint, {
        description: "A Python requirement (PEP 508), without an address.",
        examples: ["pandas", "matplotlib>=3.9"],
      }),
      200,
      "Python packages, installed beside Jupyter.",
    ).default([]),
  })
  .meta({ description: "What is installed beside Jupyter." });

/** Services: each is checked by its own kind, so that a fault names the key that the kind knows. */
const services = z
  .custom<Record<string, unknown>>(isRecord, { error: "must be a list of services, each with its name as the key" })
  .transform((given, context) => {
    const names = Object.keys(given);
    if (names.length === 0)
      context.addIssue({ code: "custom", message: "names no service", params: { hint: KIND_HINT } });
    if (names.length > 20) context.addIssue({ code: "custom", message: "must be at most 20 services", params: {} });
    return names.flatMap((name) => {
      const service = parseService(name, given[name]);
      for (const issue of service.issues) context.issues.push({ ...issue, input: given[name] } as z.core.$ZodRawIssue);
      return service.resolved === undefined ? [] : [service.resolved];
    });
  });

const KIND_HINT = `Kinds: ${KIND_NAMES.join(", ")}.`;

export const workbenchSchema = z.strictObject({
  version: z.literal(1).meta({ description: "Version of this file's format." }),
  name: NAME,
  title: TITLE.optional(),
  box,
  machine: machine.prefault({}),
  services,
  packages: packages.prefault({}),
  folders: listOf(
    checkedText(folderComplaint, {
      description: "Name of a folder beside workbench.yaml.",
      examples: ["data"],
      pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
      maxLength: 64,
    }),
    20,
    "Data folders shared with the VM, beside notebooks and api.",
  ).default([]),
  contact: contact.optional(),
  language: language.default("en"),
  handout: handout.prefault({}),
});

export type WorkbenchFile = z.output<typeof workbenchSchema>;

interface ServiceIssue {
  code: "custom";
  message: string;
  path: PropertyKey[];
}

/** One entry of `services`: its kind found, its options checked. Paths of issues start with its name. */
function parseService(name: string, value: unknown) {
  const issues: object[] = [];
  const complain = (path: PropertyKey[], complaint: Complaint): void => {
    const params = complaint.hint === undefined ? {} : { hint: complaint.hint };
    issues.push({ code: "custom", message: complaint.message, path, params } satisfies ServiceIssue & {
      params: object;
    });
  };
  const bad = nameComplaint(name);
  if (bad) issues.push({ code: "custom", message: bad.message, path: [name], params: { hint: bad.hint, onKey: true } });
  if (!isRecord(value)) {
    complain([name], { message: "must be a group of settings", hint: `Write it like ${name}: { port: 8888 }.` });
    return { issues, resolved: undefined };
  }
  const kind = kindOf(name, value);
  if (kind === undefined) {
    const given = value["kind"] ?? name;
    const near = typeof given === "string" ? nearest(given, KIND_NAMES) : undefined;
    const hint = near === undefined ? KIND_HINT : `Did you mean ${near}? ${KIND_HINT}`;
    if ("kind" in value) complain([name, "kind"], { message: "is not a kind of service", hint });
    else {
      const message = "is not a kind of service, and no kind is given";
      issues.push({ code: "custom", message, path: [name], params: { hint, onKey: true } });
    }
    return { issues, resolved: undefined };
  }
  if (kind.kind !== name && kindNamed(name) !== undefined) {
    const hint = "Give the service another name.";
    issues.push({
      code: "custom",
      message: "is the name of another kind",
      path: [name],
      params: { hint, onKey: true },
    });
  }
  const { kind: _kind, ...options } = value;
  const parsed = kind.options.safeParse(options);
  if (parsed.success) return { issues, resolved: kind.resolve(name, parsed.data) };
  for (const issue of parsed.error.issues) issues.push({ ...issue, path: [name, ...issue.path] });
  return { issues, resolved: undefined };
}

/** The kind of a service as the file gives it: `kind`, or else its key. */
export function kindOf(name: string, value: Readonly<Record<string, unknown>>) {
  const given = "kind" in value ? value["kind"] : name;
  return typeof given === "string" ? kindNamed(given) : undefined;
}

/** The keys that may stand at a path of the file, for did-you-mean. */
export function keysAt(path: readonly PropertyKey[], raw: unknown): readonly string[] {
  const [first, second] = path;
  if (first === undefined) return Object.keys(workbenchSchema.shape);
  if (first === "box") return Object.keys(box.shape);
  if (first === "machine") return Object.keys(machine.shape);
  if (first === "packages") return Object.keys(packages.shape);
  if (first === "handout") return Object.keys(handout.shape);
  if (first !== "services" || typeof second !== "string" || !isRecord(raw)) return [];
  const given = raw["services"];
  const service = isRecord(given) ? given[second] : undefined;
  const kind = isRecord(service) ? kindOf(second, service) : undefined;
  return ["kind", ...Object.keys(kind?.options.shape ?? {})];
}

/** Whether this is a mapping. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is wrong with a title. */
export function titleComplaint(value: string): Complaint | undefined {
  if (value.trim() === "") return { message: "is empty", hint: "Write a name for people, or leave title out." };
  if (value.trim() !== value) return { message: "begins or ends with a space", hint: "Take the space away." };
  if ([...value].length > 200) return { message: "is longer than 200 characters", hint: "Shorten it." };
  return undefined;
}

// Names in the workbench folder that mean something already; file names do not differ by case on Windows.
const TAKEN = new Set([
  ...["provision", "vagrant", "wheels", "originals", "share", "backups"],
  ...["vagrantfile", "workbench.yaml", "workbench.lock", "read-me-first.html"],
]);

function folderComplaint(value: string): Complaint | undefined {
  const hint = "Write the plain name of a folder beside workbench.yaml, such as data.";
  const lower = value.toLowerCase();
  if (lower === "notebooks" || lower === "api")
    return { message: "is shared with the VM anyway", hint: "Leave it out." };
  if (TAKEN.has(lower) || /^(start|stop|status)\./.test(lower)) {
    return { message: "is a name that notebox uses itself", hint: "Rename the folder." };
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)) return { message: "is not the plain name of a folder", hint };
  if (value.endsWith(".") || isDeviceName(value)) {
    return { message: "is a name that a folder on Windows cannot have", hint: "Rename the folder." };
  }
  return undefined;
}
