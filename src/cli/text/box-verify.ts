/** `box verify` for people: what is wrong, one line each, then the sum. */
import type { BoxVerifyResult } from "../../commands/box-verify.ts";
import { size } from "./table.ts";

export function text({ faults, boxes, bytes, resumed, quarantine, share, dryRun }: BoxVerifyResult): string {
  const wrong = faults.filter(({ kind }) => kind !== "stray");
  const strays = faults.filter(({ kind }) => kind === "stray");
  const line = ({ path, message, done }: (typeof faults)[number]): string =>
    `  ${path}: ${message}${done === undefined ? "" : ` (${done})`}`;
  return [
    ...wrong.map((fault) => `✗${line(fault).slice(1)}`),
    ...(strays.length === 0 ? [] : ["Of no harm; `notebox box prune` removes what is notebox's:", ...strays.map(line)]),
    `${boxes} ${boxes === 1 ? "box" : "boxes"} in ${share}, ${size(bytes)} read${resumed === 0 ? "" : ` (${resumed} had been read by an earlier run)`}: ${
      wrong.length === 0 ? "every byte as its record says" : `${wrong.length} wrong`
    }${dryRun ? "; nothing was changed" : ""}`,
    ...(quarantine === undefined ? [] : [`What was wrong lies in ${share}/${quarantine} now, with a note.`]),
  ].join("\n");
}
