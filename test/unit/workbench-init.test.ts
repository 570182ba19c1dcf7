/** `init` where somebody answers: what is asked, with what as the default; and that any title arrives. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { init } from "../../src/commands/init.ts";
import type { Deps, Prompts } from "../../src/ports.ts";
import { starterText } from "../../src/workbench/starter.ts";

const root = path.resolve(import.meta.dirname, "../..");
let folder: string;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-init-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** A person who answers with these; undefined means Enter. */
function person(answers: readonly (string | undefined)[], asked: string[], now = Date.parse("2026-12-01")): Deps {
  const next = [...answers];
  const prompts: Prompts = {
    interactive: true,
    confirm: async () => true,
    text: async ({ message, initial, validate }) => {
      const answer = next.shift() ?? initial ?? "";
      asked.push(message);
      const complaint = validate?.(answer);
      if (complaint !== undefined) throw new Error(complaint);
      return answer;
    },
    select: async ({ message, options }) => {
      asked.push(message);
      return next.shift() ?? options[0]?.value ?? "";
    },
  };
  return { prompts, assets: root, clock: { now: () => now, sleep: async () => {} } } as unknown as Deps;
}

test("four questions, each with a default that can be taken", async () => {
  const asked: string[] = [];
  const result = await init(person([undefined, undefined, undefined, undefined], asked), { folder, dir: "My lab" });
  expect(asked).toHaveLength(4);
  expect(result).toMatchObject({ template: "hello", name: "my-lab", title: "My lab", registryCloses: "2027-06-07" });
  expect(result.registryClosed).toBe(false);
});

test("answers are used; a question whose flag is given is not asked", async () => {
  const asked: string[] = [];
  const options = { folder, dir: "answered", template: "api" };
  const result = await init(person(["stats", "Statistics", "//files/boxes"], asked), options);
  expect(asked).toHaveLength(3);
  expect(result).toMatchObject({ template: "api", name: "stats", title: "Statistics" });
  expect(result.box).toEqual({ name: "notebox/debian-13", shares: ["//files/boxes"] });
});

test("an unfit answer is told while the person is still there", async () => {
  await expect(init(person([undefined, "A B"], []), { folder, dir: "unfit" })).rejects.toThrow("Did you mean a-b?");
  await expect(init(person([undefined, "a", "b", "boxes"], []), { folder, dir: "unfit" })).rejects.toThrow("UNC path");
  expect(fs.existsSync(path.join(folder, "unfit"))).toBe(false);
});

test("after the registry has closed, the result says so", async () => {
  const result = await init(person([], [], Date.parse("2027-06-08")), { folder, dir: "late" });
  expect(result.registryClosed).toBe(true);
});

test("any title and door comes out of the written file as it went in", () => {
  const example = fs.readFileSync(path.join(root, "examples/hello/workbench.yaml"), "utf8");
  const text = fc.string({ unit: "grapheme", maxLength: 40 });
  fc.assert(
    fc.property(text, fc.array(text, { maxLength: 3 }), (title, shares) => {
      const written = parse(starterText(example, { name: "lab", title, box: { name: "a/b", shares } }));
      expect(written.title).toBe(title);
      expect(written.box).toEqual(shares.length === 0 ? { name: "a/b" } : { name: "a/b", shares });
      expect(written.services.jupyter).toEqual({ port: 8888 });
    }),
    { numRuns: 300 },
  );
});
