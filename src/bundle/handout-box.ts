/**
 * The share's box in the hand-out, for a USB stick: a small share in the folder share/, in a share's own layout. Its
 * catalog has addresses relative to that folder, because nobody knows where the zip will be unpacked; doors.rb makes
 * them absolute at the start. Reads records only; zip.ts reads the box.
 */
import path from "node:path";
import { catalogText } from "../boxes/catalog.ts";
import { boxAddress } from "../boxes/doors.ts";
import { boxPath, catalogPath, recordPath, SHARE_FILE } from "../boxes/layout.ts";
import { listRecords, requireSettings } from "../boxes/share.ts";
import { newest, parseConstraint } from "../boxes/versions.ts";
import { UserError } from "../errors.ts";
import type { ZipEntry } from "./zip.ts";

/** The folder of the hand-out that holds the box. */
export const BOX_SHARE = "share";
/** The catalogs' folder in the place of a door's. */
const HERE = "here";

export interface BoxInHandout {
  version: string;
  /** In bytes, of all architectures. */
  bytes: number;
  entries: ZipEntry[];
}

/**
 * The newest version that the workbench takes, for VirtualBox, of every architecture that the share has.
 * Throws UserError `unreachable` when the share cannot be read or has none.
 */
export async function boxForHandout(share: string, box: { name: string; version?: string }): Promise<BoxInHandout> {
  await requireSettings(share);
  const records = (await listRecords(share, box.name)).filter((record) => record.provider === "virtualbox");
  const version = newest(
    [...new Set(records.map((record) => record.version))],
    parseConstraint(box.version ?? "") ?? [],
  );
  const chosen = records.filter((record) => record.version === version);
  if (chosen.length === 0)
    throw new UserError({
      code: "unreachable",
      message: `The share ${share} has no box ${box.name}${box.version === undefined ? "" : ` ${box.version}`} for VirtualBox.`,
      hint: `\`notebox box list --share ${share}\` shows what it has; --box-share names another share.`,
    });
  // A door as any other; then its beginning is taken away.
  const root = "/x";
  const start = boxAddress(root, { ...(chosen[0] ?? { name: "", version: "", provider: "", arch: "" }) });
  const prefix = start.slice(0, start.indexOf("/x/") + 3);
  const catalog = catalogText(box.name, root, chosen).replaceAll(`"${prefix}`, '"');
  const text = (name: string, content: string): ZipEntry => ({
    path: `${BOX_SHARE}/${name}`,
    content: Buffer.from(content, "utf8"),
  });
  return {
    version: version ?? "",
    bytes: chosen.reduce((sum, record) => sum + record.size, 0),
    entries: [
      text(SHARE_FILE, `${JSON.stringify({ layout: 1, doors: [], retention: { versions: 0 } }, null, 2)}\n`),
      text(catalogPath(HERE, box.name), catalog),
      ...chosen.flatMap((record) => {
        // Where IT got it from is IT's business.
        const { fetched: _fetched, source: _source, ...told } = record;
        const source = path.basename(boxPath(record));
        return [
          text(recordPath(record), `${JSON.stringify({ ...told, source }, null, 2)}\n`),
          { path: `${BOX_SHARE}/${boxPath(record)}`, source: path.join(share, ...boxPath(record).split("/")) },
        ];
      }),
    ],
  };
}
