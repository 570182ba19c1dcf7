/**
 * Versions and constraints as Vagrant understands them, which is as RubyGems does (rubygems/version.rb and
 * requirement.rb): ">= 13.1", "~> 13.1, != 13.1.2". Pure; which box is chosen is the caller's.
 */

const VERSION = "[0-9]+(?:\\.[0-9a-zA-Z]+)*(?:-[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?";
const ANCHORED = new RegExp(`^\\s*(?:${VERSION})?\\s*$`);
const CLAUSE = new RegExp(`^\\s*(=|!=|>=|<=|~>|>|<)?\\s*(${VERSION})\\s*$`);

type Segment = bigint | string;
type Operator = "=" | "!=" | ">" | "<" | ">=" | "<=" | "~>";

export interface Clause {
  operator: Operator;
  version: string;
}

export function isVersion(text: string): boolean {
  return ANCHORED.test(text);
}

/** True for a version with a letter in it, such as 1.0.0.rc1 or 1.0.0-beta. */
export function isPrerelease(version: string): boolean {
  return /[a-zA-Z]/.test(canonical(version));
}

/** Negative when a comes before b, 0 when they are the same version ("1.0" and "1"). */
export function compareVersions(a: string, b: string): number {
  const left = significant(segments(a));
  const right = significant(segments(b));
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const one = left[index] ?? 0n;
    const other = right[index] ?? 0n;
    if (one === other) continue;
    // Letters mean "before": 1.0.rc1 comes before 1.0.
    if (typeof one !== typeof other) return typeof one === "string" ? -1 : 1;
    return one < other ? -1 : 1;
  }
  return 0;
}

/** The clauses of a constraint, or undefined when RubyGems would refuse it. An empty text means >= 0. */
export function parseConstraint(text: string): Clause[] | undefined {
  // String#split in Ruby drops empty parts at the end, and only there.
  const parts = text.replace(/,+$/, "").split(",");
  if (parts.length === 1 && parts[0] === "") return [{ operator: ">=", version: "0" }];
  const clauses = parts.map((part): Clause | undefined => {
    const match = CLAUSE.exec(part);
    if (!match?.[2]) return undefined;
    return { operator: (match[1] ?? "=") as Operator, version: match[2] };
  });
  return clauses.every((clause) => clause !== undefined) ? clauses : undefined;
}

/** Whether a version meets every clause. */
export function satisfies(version: string, clauses: readonly Clause[]): boolean {
  return clauses.every((clause) => meets(version, clause));
}

function meets(version: string, { operator, version: wanted }: Clause): boolean {
  const order = compareVersions(version, wanted);
  switch (operator) {
    case "=":
      return order === 0;
    case "!=":
      return order !== 0;
    case ">":
      return order > 0;
    case "<":
      return order < 0;
    case ">=":
      return order >= 0;
    case "<=":
      return order <= 0;
    case "~>":
      return order >= 0 && compareVersions(release(version), bump(wanted)) < 0;
  }
}

/** The newest of the versions that meet the constraint, as Vagrant chooses it; undefined when none does. */
export function newest(versions: readonly string[], clauses: readonly Clause[]): string | undefined {
  return versions
    .filter((version) => satisfies(version, clauses))
    .sort(compareVersions)
    .at(-1);
}

/** RubyGems reads "1.0-beta" as 1.0.pre.beta. */
function canonical(version: string): string {
  const trimmed = version.trim();
  return (trimmed === "" ? "0" : trimmed).replaceAll("-", ".pre.");
}

function segments(version: string): Segment[] {
  const found = canonical(version).match(/[0-9]+|[a-z]+/gi) ?? [];
  return found.map((part) => (/^[0-9]/.test(part) ? BigInt(part) : part));
}

/** Without zeros at the end of the numbers, and at the end of what follows the first letters. */
function significant(all: readonly Segment[]): Segment[] {
  const first = all.findIndex((segment) => typeof segment === "string");
  const split = first === -1 ? all.length : first;
  return [...withoutZeros(all.slice(0, split)), ...withoutZeros(all.slice(split))];
}

function withoutZeros(part: readonly Segment[]): Segment[] {
  const last = part.findLastIndex((segment) => segment !== 0n);
  return part.slice(0, last + 1);
}

/** Up to the first letters: 1.2 of 1.2.rc1. */
function numbers(version: string): bigint[] {
  const all = segments(version);
  const first = all.findIndex((segment) => typeof segment === "string");
  return (first === -1 ? all : all.slice(0, first)) as bigint[];
}

function release(version: string): string {
  return isPrerelease(version) ? numbers(version).join(".") : version;
}

/** The first version that "~> version" no longer allows: 1.3 of 1.2.5, 2 of 1.2. */
function bump(version: string): string {
  const kept = numbers(version);
  if (kept.length > 1) kept.pop();
  kept.push((kept.pop() ?? 0n) + 1n);
  return kept.join(".");
}
