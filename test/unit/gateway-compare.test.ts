/**
 * Beside the real kernel gateway 3.0.1, in one Python process: 500 made-up notebooks, their routes, order, pairing,
 * whether it would start, and which route answers which request. And its description beside an independent validator.
 * NOTEBOX_TEST_SEED gives other notebooks.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { gatewayPython } from "../../scripts/lib/gateway-python.mjs";
import { type Notebook, readNotebook } from "../../src/notebooks/notebook.ts";
import { openApiDocument } from "../../src/notebooks/openapi/document.ts";
import { parameterValues, routesOf, seedCells, startFaults } from "../../src/notebooks/routes.ts";

interface Told {
  seed: number;
  language: string | null;
  cells: { type: string; source: string }[];
  routes: [method: string, path: string, source: string, responseInfo: string][];
  seeds: number[];
  verdict: string | null;
  requests: [path: string, answered: [sources: [string, string][], parameters: Record<string, string>] | null][];
}

const python = gatewayPython();
const root = path.resolve(import.meta.dirname, "../..");
const COUNT = 500;

/** The route that answers, by our reading: all methods of the first path that matches, and its parameters. */
function answeredBy(notebook: Notebook, requestPath: string): Told["requests"][number][1] {
  const routes = routesOf(notebook);
  const first = routes.find((route) => parameterValues(route, requestPath) !== undefined);
  if (first === undefined) return null;
  const group = routes.filter(({ path: each }) => each === first.path);
  const sources = group.map(({ method, source }): [string, string] => [method, source]);
  const values = Object.entries(parameterValues(first, requestPath) ?? {});
  return [
    sources.sort(([a], [b]) => (a < b ? -1 : 1)),
    Object.fromEntries(values.map(([name, value]) => [name, decodeURIComponent(value)])),
  ];
}

describe.skipIf(python === undefined)("beside the real gateway", () => {
  test("routes, order, pairing, start and who answers", () => {
    const seed = process.env["NOTEBOX_TEST_SEED"] ?? "100000";
    const options = { encoding: "utf8", maxBuffer: 1 << 28 } as const;
    const lines = execFileSync(
      python ?? "",
      [path.join(root, "test/gateway/ask-gateway.py"), String(COUNT), seed],
      options,
    );
    const all = lines
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Told);
    let answered = 0;
    for (const told of all) {
      const notebook: Notebook = { kernel: "python3", language: told.language ?? undefined, cells: told.cells };
      const sources = (cells: readonly number[]): string =>
        cells.map((cell) => `${told.cells[cell]?.source}\n`).join("");
      const name = `notebook ${told.seed}`;
      const ours = routesOf(notebook).map((route) => [
        route.method,
        route.path,
        sources(route.cells),
        sources(route.responseInfoCells),
      ]);
      expect(ours, name).toEqual(told.routes);
      expect(seedCells(notebook), name).toEqual(told.seeds);
      expect(startFaults(notebook).length === 0, `${name}: ${told.verdict}`).toBe(told.verdict === null);
      for (const [request, answer] of told.requests) {
        expect(answeredBy(notebook, request), `${name}: ${request}`).toEqual(answer);
        if (answer) answered++;
      }
    }
    expect(all).toHaveLength(COUNT);
    // A comparison of nothing would pass as well.
    expect(all.filter(({ verdict }) => verdict === null).length).toBeGreaterThan(100);
    expect(answered).toBeGreaterThan(150);
  });

  test("an independent validator accepts the description of every example and of strange paths", async () => {
    const examples = fs.readdirSync(path.join(root, "examples")).flatMap((name) => {
      const folder = path.join(root, "examples", name, "api");
      if (!fs.existsSync(folder)) return [];
      return fs
        .readdirSync(folder)
        .filter((file) => file.endsWith(".ipynb"))
        .map((file) => path.join(folder, file));
    });
    const notebooks = await Promise.all(examples.map((file) => readNotebook(file)));
    const strange = [
      "# GET /café/:été",
      "# GET /a b",
      "# POST /t-:y\nprint(1)",
      "# DELETE /u/:a\n# POST /no",
      "# PUT /u/:b",
      "# GET /t/12:_30?x=1",
      "# GET /marks/:id\n# example: /marks/7",
    ];
    notebooks.push({
      ...{ kernel: "python3", language: "python" },
      cells: strange.map((source) => ({ type: "code", source, stdout: '[{"a": [1, 2.5, null]}]' })),
    });
    const documents: unknown[] = notebooks.map((notebook) =>
      openApiDocument(notebook, { name: "x", url: undefined, examples: true }),
    );
    expect(documents.length).toBeGreaterThan(4);
    // A validator that finds nothing would pass as well: the last one has an answer without a description.
    const wrong = {
      openapi: "3.1.0",
      info: { title: "x", version: "1" },
      paths: { "/a": { get: { responses: { 200: {} } } } },
    };
    const code = `import json, sys
from openapi_spec_validator import OpenAPIV31SpecValidator as Validator
print(json.dumps([[str(fault) for fault in Validator(each).iter_errors()] for each in json.load(sys.stdin)]))`;
    const input = JSON.stringify([...documents, wrong]);
    const said = JSON.parse(execFileSync(python ?? "", ["-c", code], { input, encoding: "utf8" }));
    expect(said.slice(0, -1)).toEqual(documents.map(() => []));
    expect(said.at(-1)).not.toEqual([]);
  });
});
