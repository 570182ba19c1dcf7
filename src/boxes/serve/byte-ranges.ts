/**
 * Which bytes of a box a request is answered with: RFC 9110's conditions (§13) and ranges (§14). Pure.
 */

export interface Version {
  /** Strong, with its quotes. */
  etag: string;
  /** As an HTTP date. */
  modified: string;
  size: number;
}

export type Portion = { status: 200 | 206; start: number; length: number } | { status: 304 };

type Headers = Readonly<Record<string, string | undefined>>;

export function portionFor(method: string, headers: Headers, of: Version): Portion {
  if (isUnchanged(headers, of)) return { status: 304 };
  const whole = { status: 200, start: 0, length: of.size } as const;
  // Ranges belong to GET (RFC 9110 §14.2), and to the very version that If-Range names.
  if (method !== "GET" || headers["range"] === undefined || !isSameVersion(headers["if-range"], of)) return whole;
  return rangeOf(headers["range"], of.size) ?? whole;
}

/**
 * A single range that has bytes, or undefined. A range that begins at the end or behind it is ignored, which RFC 9110
 * §14.2 allows, rather than refused with 416: Vagrant asks for "the rest" of a download that was complete when it was
 * killed, and a 416 keeps it from installing for a day. curl sees from the whole length that it has everything.
 */
function rangeOf(text: string, size: number): Portion | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(text.trim());
  if (!match) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (start > end) return undefined;
  return { status: 206, start, length: end - start + 1 };
}

function isSameVersion(ifRange: string | undefined, of: Version): boolean {
  return ifRange === undefined || ifRange === of.etag || ifRange === of.modified;
}

function isUnchanged(headers: Headers, of: Version): boolean {
  const none = headers["if-none-match"];
  if (none !== undefined)
    return none
      .split(",")
      .map((tag) => tag.trim().replace(/^W\//, ""))
      .some((tag) => tag === "*" || tag === of.etag);
  const since = Date.parse(headers["if-modified-since"] ?? "");
  return !Number.isNaN(since) && Date.parse(of.modified) <= since;
}
