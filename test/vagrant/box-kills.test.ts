/** A small sample of test/vm/install-trials.ts, of which `npm run test:soak` does many. */
import { expect, test } from "vitest";
import { addKilled, installKilled, installLean } from "../vm/install-trials.ts";

test("vagrant box add against box serve: a plain second run installs what a killed one began", async () => {
  expect(await addKilled("vagrant", 2)).toMatch(/killed/);
});

test("box install: Vagrant never sees half a box", async () => {
  expect(await installKilled("vagrant", 6)).toMatch(/never half a box/);
});

test("box install: memory does not grow with the box, and there is no second copy of it", async () => {
  expect(await installLean("vagrant", 180e6)).toMatch(/MB of memory/);
});
