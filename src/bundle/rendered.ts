/**
 * .notebox/rendered.json: which files render wrote and what it wrote into them, so that a later run knows its own
 * work from a person's. Comparing and writing is for write.ts.
 */
import { createHash } from "node:crypto";
import type { PlannedFile } from "./planned-file.ts";

export const RENDERED = ".notebox/rendered.json";

export interface Rendered {
  /** Path below the workbench folder to the SHA-256 of what was written there. */
  files: ReadonlyMap<string, string>;
  /** The same for files that a run was about to write: after a kill, some of them are there. */
  pending: ReadonlyMap<string, string>;
}

/** Reads the record; what it does not understand counts as not recorded. */
export function parseRendered(text: string | undefined): Rendered {
  let data: unknown;
  try {
    data = JSON.parse(text ?? "{}");
  } catch {
    data = {};
  }
  return { files: hashes(data, "files"), pending: hashes(data, "pending") };
}

/** The record as text; the same input gives the same bytes. */
export function renderedText(
  version: string,
  files: ReadonlyMap<string, string>,
  pending?: Rendered["pending"],
): string {
  const sorted = (map: ReadonlyMap<string, string>) =>
    Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  const data = {
    version: 1,
    notebox: version,
    files: sorted(files),
    ...(pending === undefined ? {} : { pending: sorted(pending) }),
  };
  return `${JSON.stringify(data)}\n`;
}

export function recordOf(planned: readonly PlannedFile[]): Map<string, string> {
  return new Map(planned.map(({ path, content }) => [path, sha256(content)]));
}

export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

function hashes(data: unknown, key: "files" | "pending"): Map<string, string> {
  const given = typeof data === "object" && data !== null ? (data as Record<string, unknown>)[key] : undefined;
  if (typeof given !== "object" || given === null) return new Map();
  return new Map(
    Object.entries(given).filter(
      (entry): entry is [string, string] => isBundlePath(entry[0]) && typeof entry[1] === "string",
    ),
  );
}

/**
 * Whether a path can be one of render's own. The record may come from somebody else's zip, and what it lists is
 * deleted when it is no longer needed: so nothing outside these places counts.
 */
function isBundlePath(path: string): boolean {
  const own =
    /^(?:Vagrantfile|READ-ME-FIRST\.html|(?:Start|Stop|Status|Check|Reset|Save-a-report)\.[a-z]+|(?:provision|vagrant|launchers)\/[^\\:\0]+)$/;
  if (!own.test(path)) return false;
  return !path.split("/").some((part) => part === "" || part === "." || part === "..");
}
