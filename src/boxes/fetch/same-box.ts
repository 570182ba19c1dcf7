/**
 * Whether what a server sends now belongs to what it sent before: by its ETag or date, as RFC 9110 §13.1 allows, and
 * by the checksum that a catalog promised. Pure; download.ts acts on it.
 */
import type { Checksum } from "./checksum.ts";
import type { Answer } from "./fetch.ts";
import type { PartState } from "./part-state.ts";

type Headers = Answer["headers"];

/** What the server says of the box, fit to be kept in a part's state. */
export function marksOf(headers: Headers): Pick<PartState, "etag" | "lastModified"> {
  return { etag: headers["etag"], lastModified: vouchedDate(headers) };
}

function vouchedDate(headers: Readonly<Record<string, string>>): string | undefined {
  const text = headers["last-modified"];
  const age = Date.parse(headers["date"] ?? "") - Date.parse(text ?? "");
  return age >= 1000 ? text : undefined;
}

/** Whether a part of an answer is of the same box, as far as the server says what it is of. */
function isSame(state: PartState, headers: Headers, promised: Checksum | undefined): boolean {
  if (state.etag !== undefined)
    return headers["etag"] === state.etag || (headers["etag"] === undefined && promised !== undefined);
  if (state.lastModified !== undefined)
    return (
      headers["last-modified"] === state.lastModified ||
      (headers["last-modified"] === undefined && promised !== undefined)
    );
  return promised !== undefined;
}

/** What to do with an answer. `rest` and `all`: receive it, after what is there or instead of it. */
export type Verdict = { next: "end" } | { next: "begin" } | { next: "rest" | "all"; total: number | undefined };

/** `at`: so many bytes are there, and the question was for those after them. Undefined for an answer without bytes. */
export function judge(
  { status, headers }: Answer,
  at: number,
  state: PartState,
  promised: Checksum | undefined,
): Verdict | undefined {
  if (status === 416 && at > 0) {
    const total = /^bytes \*\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1];
    // Nothing is missing; that it is the same box the checksum or the inspection tells.
    const isWhole = total !== undefined && Number(total) === at && isSame(state, headers, promised);
    return isWhole ? { next: "end" } : { next: "begin" };
  }
  if (status === 206) {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers["content-range"] ?? "");
    const total = range?.[3] === "*" ? undefined : Number(range?.[3]);
    const fits = range !== null && Number(range[1]) === at && at > 0 && isSame(state, headers, promised);
    if (!fits || (total !== undefined && state.total !== undefined && total !== state.total)) return { next: "begin" };
    return { next: "rest", total: total ?? state.total };
  }
  // After a question for a part: it has changed, or the server knows no ranges.
  if (status === 200) return { next: "all", total: lengthOf(headers) };
  return undefined;
}

/** The length of an answer's body, if it says it. */
export function lengthOf(headers: Headers): number | undefined {
  const text = headers["content-length"] ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
