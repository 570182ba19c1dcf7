/** What the linter stands on: Python's tokens, repairs that keep every other byte, differences; and that it is total. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { apiLint } from "../../src/commands/api-lint.ts";
import { annotationOf } from "../../src/notebooks/annotations.ts";
import { lineDiff } from "../../src/notebooks/lint/diff.ts";
import { applyFixes } from "../../src/notebooks/lint/fix.ts";
import { lint } from "../../src/notebooks/lint/lint.ts";
import { nearMiss } from "../../src/notebooks/lint/near-miss.ts";
import { type Notebook, parseNotebook } from "../../src/notebooks/notebook.ts";
import { readPython } from "../../src/notebooks/python-text.ts";
import type { Deps } from "../../src/ports.ts";

const notebook = (...cells: string[]): Notebook => ({
  kernel: "python3",
  language: "python",
  cells: cells.map((source) => ({ type: "code", source })),
});
const ids = (...cells: string[]) => lint(notebook(...cells)).map(({ id }) => id);

describe("Python's tokens", () => {
  test.each([
    ["a = 'input(' # input(", "a = '      '         "],
    ["'''\n# GET /a\n''' + \"\\\"#\"", "'''\n        \n''' + \"   \""],
    ["'open\nx = 1", "'    \nx = 1"],
  ])("%j", (source, code) => {
    expect(readPython(source).code).toBe(code);
  });

  test("statements go on in brackets and after a backslash", () => {
    const { statements } = readPython("f(\n  1,\n)\nif x:\n    y = \\\n  2\n# end\nz");
    expect(statements.map(({ code, indent }) => [code, indent])).toEqual([
      ["f(\n  1,\n)", 0],
      ["if x:", 0],
      ["y = \\\n  2", 4],
      ["z", 0],
    ]);
  });

  test("the code is as long as the source, whatever is in it", () => {
    const pieces = fc.constantFrom("'", '"', "'''", "#", "\\", "\n", "(", ")", "a", " ", "é", "\r\n", "😀");
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        const source = parts.join("");
        const { code, withStrings } = readPython(source);
        expect([code.length, withStrings.length]).toEqual([source.length, source.length]);
        expect(code.split("\n").length).toBe(source.split("\n").length);
      }),
    );
  });
});

describe("near misses", () => {
  test.each([
    "# get the data",
    "# Get /etc/hosts and read it",
    "# Put it all together",
    "# POST processing of marks",
    "# delete",
    "#!/bin/sh",
    "# options: none",
    "# head of the table",
    "get = 1",
    "# See GET /a",
    "post /a",
  ])("an ordinary comment: %s", (source) => {
    expect(nearMiss(source, "#")).toBeUndefined();
  });

  test("a byte order mark stands before the annotation", () => {
    expect(nearMiss("\ufeff# GET /a", "#")?.meant).toBe("# GET /a");
  });

  test("what is mended mechanically is an annotation then", () => {
    const words = fc.constantFrom(
      "#",
      "##",
      " ",
      "\n",
      "get",
      "GET",
      "Post",
      ":",
      "/a",
      "/b c",
      "ResponseInfo",
      "x",
      "PATCH",
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 8 }), (parts) => {
        const source = parts.join("");
        if (annotationOf(source, "#")) return;
        const miss = nearMiss(source, "#");
        if (miss?.mechanical) expect(annotationOf(miss.meant ?? "", "#")).toBeDefined();
      }),
      { numRuns: 2000 },
    );
  });
});

test("nothing that is in a notebook makes it throw", () => {
  const piece = fc.constantFrom(
    ..."# GET /a|# ResponseInfo GET /a|// GET /:x|\n|print(|)|REQUEST[|'args'|input(|'''|\\|/:a/:a|{|}|x += 1|open('f', 'w')|%%time|:|😀|\ud800".split(
      "|",
    ),
  );
  const cell = fc.record({
    type: fc.constantFrom("code", "markdown", "raw"),
    source: fc.array(piece, { maxLength: 12 }).map((parts) => parts.join("")),
    shown: fc.constantFrom("", "ada@uni.edu"),
  });
  const language = fc.constantFrom(undefined, "python", "R", "scala", "javascript");
  fc.assert(
    fc.property(fc.array(cell, { maxLength: 6 }), language, fc.integer({ min: 1, max: 3 }), (cells, name, kernels) => {
      const found = lint({ kernel: "python3", language: name, cells }, { kernels });
      for (const { cell: index } of found) expect(cells[index ?? 0] ?? "none").toBeDefined();
    }),
    { numRuns: 1000 },
  );
});

test("functions of the notebook that print count as printing, through other functions too", () => {
  const seed = "import json\nREQUEST = '{}'\ndef say(x):\n    print(x)\n\ndef both(x):\n    say(x)\n";
  const info = "# ResponseInfo GET /a\nboth({})";
  expect(ids(seed, "# GET /a\nboth(1)", info)).toEqual([]);
  expect(ids(seed.replace("print(x)", "return x"), "# GET /a\nboth(1)", info)).toEqual(["W21", "E11"]);
});

test("a secret is not repeated in the report", () => {
  const [found] = lint(notebook("# GET /a\npassword = 'correct horse'\nprint(1)")).filter(({ id }) => id === "W30");
  expect(JSON.stringify(found)).not.toContain("correct");
});

describe("repairs", () => {
  const json = (source: unknown, indent?: number) =>
    JSON.stringify(
      {
        cells: [{ cell_type: "code", source, big: "X" }],
        metadata: { kernelspec: { name: "python3" }, language_info: { name: "python" } },
        nbformat: 4,
      },
      null,
      indent,
    ).replace('"X"', "12345678901234567890.0");

  test.each([
    ["a list of lines", json(["\n", "#get /a\n", "print('é')"], 1), json(["# GET /a\n", "print('é')"], 1)],
    ["one string", json("#GET /a\nx"), json("# GET /a\nx")],
    ["one line in a list", json([" # GET /a"], 2), json(["# GET /a"], 2)],
  ])("%s keeps its form, and all else each byte", (_name, before, after) => {
    const read = parseNotebook(before);
    if ("problem" in read) throw new Error(read.problem.message);
    const fixes = lint(read.notebook).flatMap(({ fix }) => (fix ? [fix] : []));
    expect(fixes).toHaveLength(1);
    expect(applyFixes(before, fixes)).toBe(after);
  });

  test("a difference names the lines that change", () => {
    const lines = Array.from({ length: 20 }, (_, at) => `line ${at}`);
    const other = lines.with(10, "new");
    const diff = lineDiff(lines.join("\n"), [...other.slice(0, 15), ...other.slice(16)].join("\n"), "f");
    expect(diff).toBe(
      "--- f\n+++ f\n@@ -8,12 +8,11 @@\n line 7\n line 8\n line 9\n-line 10\n+new\n line 11\n line 12\n line 13\n line 14\n-line 15\n line 16\n line 17\n line 18\n",
    );
  });

  test("--fix writes, --dry-run does not, a refusal neither; the mode stays", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-lint-"));
    try {
      const file = path.join(folder, "a.ipynb");
      const before = json(["#GET /a\n", "print('1')"], 1);
      fs.writeFileSync(file, before, { mode: 0o640 });
      const options = { folder, notebooks: ["a.ipynb"], fix: true };
      const said: string[] = [];
      const deps = (answer: boolean) =>
        ({
          prompts: { interactive: true, confirm: async () => answer },
          reporter: { emit: (event: { text: string }) => said.push(event.text) },
        }) as unknown as Deps;
      await expect(apiLint(deps(true), { ...options, dryRun: true })).rejects.toMatchObject({ code: "invalid" });
      await expect(apiLint(deps(false), options)).rejects.toMatchObject({ code: "invalid" });
      expect(fs.readFileSync(file, "utf8")).toBe(before);
      const { notebooks, errors } = await apiLint(deps(true), options);
      expect(errors).toBe(0);
      expect(notebooks[0]?.findings.map(({ id }) => id)).toEqual(["W20"]);
      expect(said.at(-1)).toContain('-    "#GET /a\\n"');
      expect(fs.readFileSync(file, "utf8")).toBe(before.replace("#GET", "# GET"));
      expect(fs.statSync(file).mode & 0o777).toBe(0o640);
      expect(fs.readdirSync(folder)).toEqual(["a.ipynb"]);
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
});
