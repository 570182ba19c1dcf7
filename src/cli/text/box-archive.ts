/** `box archive` for people. */
import type { ArchivedBox, BoxArchiveResult } from "../../commands/box-archive.ts";
import { size } from "./table.ts";

/** So many of a catalog's faults are shown; of a damaged one all the rest are of the same kind. */
const SHOWN = 20;

export function text({ boxes, catalogs, share, unusable = [] }: BoxArchiveResult): string {
  const more = unusable.length - SHOWN;
  return [
    ...boxes.map(line),
    ...unusable.slice(0, SHOWN).map((fault) => `not usable: ${fault}`),
    ...(more > 0 ? [`and ${more} more that are not usable`] : []),
    ...catalogs.map((catalog) => `  catalog  ${share}/${catalog}`),
  ].join("\n");
}

function line({ name, version, provider, arch, status, record, message }: ArchivedBox): string {
  const what = `${name} ${version}${provider ? ` for ${provider}` : ""}${arch ? ` (${arch})` : ""}`;
  if (status === "failed") return `${what} could not be archived: ${message ?? ""}`;
  const checked = record?.upstream ? `its source's ${record.upstream.type} is right` : "its source gives no checksum";
  return status === "added"
    ? `${what} is in the share: ${size(record?.size ?? 0)}, ${checked}.`
    : `${what} was in the share already.`;
}
