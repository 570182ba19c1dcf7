/** `verify` of a notebook that the workbench names as its check: run from top to bottom in a kernel of its own. */
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Report } from "../../src/checks/check.ts";
import { type Outcome, python } from "./fakes/jupyter-server.ts";
import { makeWorld, run, type World } from "./fakes/world.ts";

const CELLS = ["import sys", "1+1", "print('third')", "last()"];
let world: World;
let asked: string[] = [];
let outcomes: Record<string, Outcome> = {};

beforeAll(async () => {
  world = await makeWorld();
  const cells = CELLS.map((source) => ({
    cell_type: "code",
    metadata: {},
    source,
    outputs: [],
    execution_count: null,
  }));
  const text = { cell_type: "markdown", metadata: {}, source: "# Words" };
  const notebook = { nbformat: 4, nbformat_minor: 4, metadata: {}, cells: [text, ...cells] };
  fs.writeFileSync(path.join(world.folder, "notebooks/install-test.ipynb"), JSON.stringify(notebook));
  const file = path.join(world.folder, "workbench.yaml");
  const yaml = fs.readFileSync(file, "utf8");
  fs.writeFileSync(file, yaml.replace("{ port: 8888 }", "{ port: 8888, check: notebooks/install-test.ipynb }"));
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.heal();
  asked = [];
  outcomes = {};
  world.jupyter.specs = {
    python3: {
      language: "python",
      run: (code) => {
        if (CELLS.includes(code)) asked.push(code);
        return outcomes[code] ?? python(code);
      },
    },
  };
});

async function verified(...args: string[]): Promise<NonNullable<Report["checks"][number]>> {
  const { report } = await world.verify("--only", "notebook.jupyter", ...args);
  const check = report.checks.find(({ id }) => id === "notebook.jupyter");
  if (check === undefined) throw new Error("it was not asked");
  return check;
}

test("each code cell in its order, in a kernel that works beside the notebook and is ended", async () => {
  const before = world.jupyter.ended.length;
  const check = await verified();
  expect([check.status, check.seen]).toEqual(["passed", expect.stringMatching(/^4 cells in \d/)]);
  expect(asked).toEqual(CELLS);
  expect(world.jupyter.paths).toContain("notebooks/install-test.ipynb");
  expect(world.jupyter.ended.length).toBeGreaterThan(before);
  expect(world.jupyter.ended).toEqual(world.jupyter.started);
});

test("a cell that fails ends it and is named, counted as everywhere, with what it printed", async () => {
  outcomes["1+1"] = { error: ["ZeroDivisionError", "division by zero"] };
  const check = await verified();
  expect([check.status, check.seen]).toEqual([
    "failed",
    "cell 2 of notebooks/install-test.ipynb: ZeroDivisionError: division by zero",
  ]);
  expect(check.hint).toContain("Run All Cells");
  expect(check.details).toEqual(["  1+1"]);
  expect(asked).toEqual(CELLS.slice(0, 2));
  expect(world.jupyter.ended).toEqual(world.jupyter.started);
});

test("a package that is missing: which, and where to write it; no waiting, since it comes not by itself", async () => {
  outcomes["import sys"] = { error: ["ModuleNotFoundError", "No module named 'sklearn'"] };
  const started = Date.now();
  const check = await verified("--wait", "60s");
  expect(check.hint).toContain("has sklearn under packages: python:");
  expect(Date.now() - started).toBeLessThan(30_000);
});

test("what is only not there yet is waited for", async () => {
  outcomes["last()"] = { error: ["OperationalError", "connection refused"] };
  setTimeout(() => delete outcomes["last()"], 3000);
  expect((await verified("--wait", "60s")).status).toBe("passed");
});

test("a kernel that dies, and one that there is not", async () => {
  outcomes["print('third')"] = { dies: true };
  expect((await verified()).seen).toMatch(/^cell 3 of .*kernel died/);
  world.jupyter.specs = { r: { language: "R" } };
  expect((await verified()).seen).toMatch(/No such kernel/);
});

test("a notebook that is not there, or is none, is told by validate with its place", async () => {
  const file = path.join(world.folder, "notebooks/install-test.ipynb");
  const text = fs.readFileSync(file, "utf8");
  try {
    fs.writeFileSync(file, "{");
    const broken = await run(["-C", world.folder, "--json", "validate"]);
    expect([broken.code, broken.json.error?.problems]).toEqual([
      3,
      [expect.objectContaining({ id: "notebook-not-json", line: 9 })],
    ]);
    fs.rmSync(file);
    const gone = await run(["-C", world.folder, "--json", "validate"]);
    expect([gone.code, gone.json.error?.problems.map(({ id }) => id)]).toEqual([3, ["notebook-missing"]]);
  } finally {
    fs.writeFileSync(file, text);
  }
});
