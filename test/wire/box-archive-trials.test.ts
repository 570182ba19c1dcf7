/** A few of the counted trials of `box archive`; `npm run test:soak` runs hundreds. */
import { expect, test } from "vitest";
import { cutOff, diskFull, killed, swapped, twoAtOnce } from "../vm/archive-trials.ts";

test.each<[string, () => Promise<string>]>([
  ["killed", () => killed(2, 3)],
  ["cut off", () => cutOff(1, 5)],
  ["upstream swapped half-way", () => swapped(2)],
  ["two at once, and readers", () => twoAtOnce(1, 3)],
])(
  "%s",
  async (_, trial) => {
    expect(await trial()).toMatch(/^\d+ /);
  },
  180_000,
);

// Only root may mount a small file system.
test.runIf(process.getuid?.() === 0)(
  "the disk full",
  async () => {
    expect(await diskFull(1)).toMatch(/^1 times/);
  },
  180_000,
);
