/** `box publish` for people. */
import type { BoxPublishResult } from "../../commands/box-publish.ts";

export function text({ added, record, box, catalogs, share }: BoxPublishResult): string {
  const what = `${record.name} ${record.version} for ${record.provider} (${record.arch})`;
  return [
    added
      ? `${what} is in the share.`
      : `${what} was in the share already, byte for byte; its catalogs are up to date.`,
    `  box      ${box}`,
    `  SHA-256  ${record.sha256}`,
    ...(record.original ? ["  stored   as plain tar: its gzip saved next to nothing"] : []),
    ...catalogs.map((catalog) => `  catalog  ${share}/${catalog}`),
  ].join("\n");
}
