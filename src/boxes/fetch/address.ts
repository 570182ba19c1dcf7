/**
 * Addresses as they may be kept and shown: a box's record and messages are for everybody who reads the share, so
 * nothing that opens a door by itself may stand in them. Pure.
 */

/** Without user name, password, query and fragment; long opaque parts of the path, which registries sign, are masked. */
export function publicAddress(address: string): string {
  if (!URL.canParse(address)) return "an address that cannot be read";
  const url = new URL(address);
  if (url.protocol === "file:") return url.href;
  const path = url.pathname
    .split("/")
    .map((part) => (part.length > 60 || /^eyJ/.test(part) ? "…" : part))
    .join("/");
  return `${url.origin}${path}`;
}

/** Where the bytes came from, fit to be read by everybody. */
export interface Provenance {
  url: string;
  redirects: string[];
  headers: Record<string, string>;
}

const KEPT_HEADERS = ["etag", "last-modified", "content-type", "server", "date"] as const;

/** What of an answer's headers tells later where a box came from. */
export function keptHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    KEPT_HEADERS.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name].slice(0, 200)]])),
  );
}
