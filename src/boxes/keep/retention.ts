/** Which boxes of a share nobody needs any more: by count, by age, by what workbenches ask for. Pure. */
import type { BoxRecord } from "../catalog.ts";
import { compareVersions, newest, parseConstraint } from "../versions.ts";

export interface RetentionRules {
  /** So many newest versions stay. */
  keep?: number;
  /** Milliseconds; only what was published longer ago may go. */
  olderThanMs?: number;
  /** Only what none of these takes may go. */
  needs?: readonly Need[];
}

/** What one workbench asks for. */
export interface Need {
  name: string;
  /** Vagrant's constraint; without one, the newest. */
  version?: string | undefined;
}

export interface Condemned {
  record: BoxRecord;
  why: string;
}

/** The share's own rules are written by hand, and a slip in them must not cost a box: what is wrong with them, or undefined. */
export function retentionFault(retention: unknown): string | undefined {
  if (typeof retention !== "object" || retention === null || Array.isArray(retention)) return "retention is no object";
  for (const [key, value] of Object.entries(retention)) {
    if (!["versions", "days", "quarantineDays"].includes(key)) return `retention.${key} is not known`;
    if (!Number.isSafeInteger(value) || value < 0) return `retention.${key} is no whole number`;
  }
  return undefined;
}

/**
 * What may go by every rule that is given; nothing when none is. Each provider and architecture of a name counts for
 * itself, and its newest version always stays.
 */
export function condemned(records: readonly BoxRecord[], rules: RetentionRules, now: number): Condemned[] {
  const { keep, olderThanMs, needs } = rules;
  if (keep === undefined && olderThanMs === undefined && needs === undefined) return [];
  const groups = new Map<string, BoxRecord[]>();
  for (const record of records) {
    const key = `${record.name} ${record.provider} ${record.arch}`;
    groups.set(key, [...(groups.get(key) ?? []), record]);
  }
  const gone: Condemned[] = [];
  for (const group of groups.values()) {
    group.sort((a, b) => compareVersions(b.version, a.version));
    const used = needs === undefined ? undefined : usedVersions(group, needs);
    for (const [index, record] of group.entries()) {
      if (index < Math.max(1, keep ?? 1) || used?.has(record.version)) continue;
      const age = now - Date.parse(record.published);
      if (olderThanMs !== undefined && !(age > olderThanMs)) continue;
      const why = [
        ...(keep === undefined ? [] : [`${index} newer ${index === 1 ? "version" : "versions"}`]),
        ...(olderThanMs === undefined ? [] : [`${Math.floor(age / 86_400_000)} days old`]),
        ...(needs === undefined ? [] : ["no workbench takes it"]),
      ];
      gone.push({ record, why: why.join(", ") });
    }
  }
  return gone;
}

/** Of each workbench's constraint the version that Vagrant would take: the newest that meets it. */
function usedVersions(group: readonly BoxRecord[], needs: readonly Need[]): Set<string> {
  const versions = group.map(({ version }) => version);
  const used = new Set<string>();
  for (const { name, version } of needs) {
    if (name !== group[0]?.name) continue;
    const clauses = parseConstraint(version ?? "");
    // A constraint that cannot be read must not cost anybody a box.
    const taken = clauses === undefined ? versions : [newest(versions, clauses)];
    for (const one of taken) if (one !== undefined) used.add(one);
  }
  return used;
}
