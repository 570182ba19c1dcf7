/** A small sample of test/vm/share-trials.ts, of which `npm run test:soak` does many. */
import { expect, test } from "vitest";
import { writersKilled } from "../vm/share-trials.ts";

test("writers of a share, killed: readers find whole boxes only, and prune finds what is left", async () => {
  expect(await writersKilled(8, 20)).toMatch(/nothing left behind/);
});
