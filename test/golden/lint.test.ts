/**
 * Golden tests of `api lint`: each folder below lint/ has a notebook, and its `expected` what the linter says of it. A
 * folder is named after its rule: that rule must speak up in it. NOTEBOX_UPDATE_GOLDEN=1 writes them anew.
 */
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { errorEnvelope } from "../../src/cli/invoke.ts";
import { text } from "../../src/cli/text/api-lint.ts";
import { type ApiLintResult, apiLint } from "../../src/commands/api-lint.ts";
import { UserError } from "../../src/errors.ts";
import { RULES } from "../../src/notebooks/lint/catalogue.ts";
import type { Deps } from "../../src/ports.ts";

const root = path.join(import.meta.dirname, "lint");
const cases = fs.readdirSync(root);

async function run(folder: string): Promise<{ result: ApiLintResult; error?: ReturnType<typeof errorEnvelope> }> {
  const notebook = fs.existsSync(path.join(folder, "api")) ? "api/notebook.ipynb" : "notebook.ipynb";
  return await apiLint({} as Deps, { folder, notebooks: [notebook] }).then(
    (result) => ({ result }),
    (error) => {
      if (!(error instanceof UserError)) throw error;
      return { result: error.result as ApiLintResult, error: errorEnvelope("api lint", error) };
    },
  );
}

describe.each(cases)("%s", (name) => {
  const folder = path.join(root, name);

  test("what is said of it", async () => {
    const { result } = await run(folder);
    const actual = text(result).trimEnd();
    const file = path.join(folder, "expected");
    if (process.env["NOTEBOX_UPDATE_GOLDEN"] === "1") fs.writeFileSync(file, `${actual}\n`);
    expect(`${actual}\n`).toBe(fs.readFileSync(file, "utf8"));
  });

  test("its rule speaks, and an error is a failure with a problem for each", async () => {
    const { result, error } = await run(folder);
    const findings = result.notebooks.flatMap((each) => each.findings);
    const rule = /^[EW]\d\d/.exec(name)?.[0];
    if (rule !== undefined) expect(findings.map(({ id }) => id)).toContain(rule);
    for (const each of findings) {
      expect(each.message).not.toBe("");
      expect(each.hint).not.toBe("");
      expect(each.severity).toBe(each.id.startsWith("E") ? "error" : "warning");
      if (each.line !== undefined) expect(each.cell).toBeTypeOf("number");
    }
    const errors = findings.filter(({ severity }) => severity === "error").length;
    expect(error === undefined).toBe(errors === 0);
    if (error) expect((error as { error: { problems: unknown[] } }).error.problems).toHaveLength(errors);
  });
});

test("each rule has a case", () => {
  const covered = new Set(cases.map((name) => name.slice(0, 3)));
  expect(Object.keys(RULES).filter((id) => !covered.has(id))).toEqual([]);
});
