/**
 * Golden tests of `validate`: each folder below workbench/ is a workbench, and its `expected` the JSON that
 * `notebox validate --json` prints for it. NOTEBOX_UPDATE_GOLDEN=1 writes them anew; read the difference then.
 */
import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { errorEnvelope } from "../../src/cli/invoke.ts";
import { validate } from "../../src/commands/validate.ts";
import { UserError } from "../../src/errors.ts";
import type { Deps } from "../../src/ports.ts";
import { KIND_NAMES } from "../../src/services/index.ts";

const root = path.join(import.meta.dirname, "workbench");
const cases = fs.readdirSync(root);

async function run(folder: string): Promise<string> {
  // `validate` reads files and needs nothing else.
  const deps = {} as Deps;
  const envelope = await validate(deps, { folder }).then(
    (result) => ({ ok: true, command: "validate", result }),
    (error) => {
      if (!(error instanceof UserError)) throw error;
      return errorEnvelope("validate", error);
    },
  );
  // A new kind of service is news of its own files alone.
  const text = JSON.stringify(envelope, null, 2).replaceAll(`Kinds: ${KIND_NAMES.join(", ")}.`, "Kinds: KINDS.");
  return `${text.replaceAll(folder, "FOLDER")}\n`;
}

test.each(cases)("%s", async (name) => {
  const folder = path.join(root, name);
  const file = path.join(folder, "expected");
  const actual = await run(folder);
  if (process.env["NOTEBOX_UPDATE_GOLDEN"] === "1") fs.writeFileSync(file, actual);
  expect(actual).toBe(fs.readFileSync(file, "utf8"));
});

test("there are cases", () => {
  expect(cases.length).toBeGreaterThan(8);
});
