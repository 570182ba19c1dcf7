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
