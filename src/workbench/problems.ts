/** zod's issues → problems with file, line, column, value and a hint, in words. Pure. */
import type * as z from "zod";
import type { Problem } from "../errors.ts";
import { isRecord, keysAt } from "./schema.ts";
import { nearest } from "./suggest.ts";
import type { YamlText } from "./yaml-text.ts";

/** Each issue becomes one problem; an issue on several unknown keys becomes one for each. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], yaml: YamlText, file: string): Problem[] {
  return issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => unknownKey([...issue.path, key], key, yaml, file));
    }
    return [issueProblem(issue, yaml, file)];
  });
}

function unknownKey(path: PropertyKey[], key: string, yaml: YamlText, file: string): Problem {
  const known = keysAt(path.slice(0, -1), yaml.value);
  const near = nearest(key, known);
  const { line, column } = yaml.placeOfKey(path);
  const hint = near === undefined ? `Known here: ${known.join(", ")}.` : `Did you mean ${near}?`;
  return {
    id: "unknown-key",
    message: `${dotted(path)} is not known.`,
    file,
    line,
    column,
    value: shortened(key),
    hint,
  };
}

function issueProblem(issue: z.core.$ZodIssue, yaml: YamlText, file: string): Problem {
  const params: { hint?: string; onKey?: boolean } = issue.code === "custom" ? (issue.params ?? {}) : {};
  const given = valueAt(yaml.value, issue.path);
  const place = params.onKey ? yaml.placeOfKey(issue.path) : yaml.placeOf(issue.path);
  const where = { file, line: place.line, column: place.column };
  const name = dotted(issue.path);
  if (given === undefined && issue.path.length > 0) {
    const hint =
      MISSING[name] ?? (name.endsWith(".notebook") ? "Write notebook: and its path, such as api/marks.ipynb." : "");
    return { id: "missing", message: `${name} is missing.`, ...where, ...(hint ? { hint } : {}) };
  }
  const value = params.onKey ? String(issue.path.at(-1)) : given;
  const shown = isSingle(value) ? { value: shortened(value) } : {};
  if (issue.code === "invalid_type") {
    const unit = typeof given === "number" ? UNITS[String(issue.path.at(-1))] : undefined;
    const wrong = wrongType(issue.expected, given, place.source);
    const message = unit === undefined ? wrong.message : `${place.source ?? given} has no unit`;
    const hint = unit ?? wrong.hint ?? WRONG_TYPE[name];
    return { id: "wrong-type", message: `${name} ${message}.`, ...where, ...shown, ...(hint ? { hint } : {}) };
  }
  const quoted = isSingle(value) && !params.onKey ? ` ${quote(value)}` : "";
  const message = `${name}${quoted} ${issue.code === "invalid_value" ? onlyValue(name) : issue.message}.`;
  const hint = params.hint ?? HINTS[name] ?? oneOf(issue);
  return { id: "bad-value", message, ...where, ...shown, ...(hint ? { hint } : {}) };
}

const MISSING: Readonly<Record<string, string>> = {
  version: "Write version: 1 as the first line.",
  name: "Write name: and a short name of a-z, 0-9 and -.",
  box: "Write box: { name: notebox/debian-13 }, with shares: where the box lies.",
  services: "Write services: { jupyter: {} } at least.",
};

const UNITS: Readonly<Record<string, string>> = {
  memory: "Write it with its unit, such as 2 GiB or 512 MiB.",
  timeout: "Write it with its unit, such as 30 s or 2 min.",
};

const WRONG_TYPE: Readonly<Record<string, string>> = {
  box: "Write box: { name: notebox/debian-13 }.",
  machine: "Write machine: { cpus: 2, memory: 2 GiB }.",
  packages: "Write packages: { apt: [], python: [] }.",
};

const HINTS: Readonly<Record<string, string>> = {
  version: "This notebox reads version 1; a newer workbench needs a newer notebox.",
};

function oneOf(issue: z.core.$ZodIssue): string | undefined {
  if (issue.code !== "invalid_value" || issue.values.length < 2) return undefined;
  return `Write one of these: ${issue.values.map(String).join(", ")}.`;
}

function onlyValue(name: string): string {
  return name === "version" ? "must be 1" : "is not allowed";
}

function wrongType(expected: string, given: unknown, source: string | undefined): { message: string; hint?: string } {
  const wanted = TYPES[expected] ?? expected;
  const message = `must be ${wanted}, not ${kindOfValue(given, source)}`;
  if (expected === "string" && source !== undefined && isSingle(given) && given !== null) {
    return { message, hint: `Put it in quotes: "${source}".` };
  }
  if ((expected === "int" || expected === "number") && typeof given === "string" && /^[0-9]+$/.test(given)) {
    return { message, hint: `Take the quotes away: ${given}.` };
  }
  if (expected === "array" && isSingle(given) && given !== null) {
    return { message, hint: `Put it in brackets: [${shortened(given)}].` };
  }
  return { message };
}

const TYPES: Readonly<Record<string, string>> = {
  string: "a text",
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "a group of settings",
};

function kindOfValue(value: unknown, source: string | undefined): string {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "string") return `the text ${quote(value)}`;
  if (typeof value === "number") return `the number ${source ?? value}`;
  if (typeof value === "boolean") return String(value);
  return Array.isArray(value) ? "a list" : "a group of settings";
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const step of path) {
    if (Array.isArray(at) && typeof step === "number") at = at[step];
    else if (isRecord(at) && typeof step === "string" && Object.hasOwn(at, step)) at = at[step];
    else return undefined;
  }
  return at;
}

/** "services.marks.origins[0]", as people say where something stands. */
export function dotted(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "The file";
  return path
    .map((step, at) => (typeof step === "number" ? `[${step}]` : `${at === 0 ? "" : "."}${shortened(String(step))}`))
    .join("");
}

function isSingle(value: unknown): boolean {
  return value === null || ["string", "number", "boolean", "bigint"].includes(typeof value);
}

function quote(value: unknown): string {
  return typeof value === "string" ? `"${shortened(value)}"` : String(value);
}

/** A long text shortened for a message, and without a password that an address may hold. */
export function shortened(value: unknown): unknown {
  if (typeof value !== "string") return typeof value === "bigint" ? String(value) : value;
  const safe = value.slice(0, 1000).replace(/(\/\/|\\\\)[^/\\@\s]*@/g, "$1…@");
  const characters = [...safe];
  return characters.length > 80 || value.length > 1000 ? `${characters.slice(0, 80).join("")}…` : safe;
}
