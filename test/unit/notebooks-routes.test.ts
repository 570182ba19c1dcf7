/**
 * Routes as the kernel gateway sees them: against what version 3.0.1 itself said of 500 notebooks
 * (gateway-routes.jsonl, made by gateway-routes.py), and the cases that matter one by one.
 */
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { exampleRequest } from "../../src/notebooks/example-request.ts";
import type { Notebook } from "../../src/notebooks/notebook.ts";
import { matches, routesOf, seedCells, startFaults } from "../../src/notebooks/routes.ts";

interface Recorded {
  language: string | null;
  cells: { type: string; source: string }[];
  routes: [method: string, path: string, source: string, responseInfo: string][];
  broken: string[];
  seeds: number[];
}

const recorded = fs
  .readFileSync(path.join(import.meta.dirname, "gateway-routes.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Recorded);

function notebook(cells: readonly string[], language = "python"): Notebook {
  return { kernel: "python3", language, cells: cells.map((source) => ({ type: "code", source })) };
}

const lines = (given: Notebook): string[] => routesOf(given).map((route) => `${route.method} ${route.path}`);

describe("against what the gateway itself said", () => {
  const cases = recorded.map((each, index) => ({ index, each }));

  test("routes, their order, their cells and their ResponseInfo", () => {
    for (const { index, each } of cases) {
      const given: Notebook = { kernel: "k", language: each.language ?? undefined, cells: each.cells };
      const sources = (at: readonly number[]): string => at.map((cell) => `${each.cells[cell]?.source}\n`).join("");
      const ours = routesOf(given).map((route) => [
        route.method,
        route.path,
        sources(route.cells),
        sources(route.responseInfoCells),
      ]);
      expect(ours, `case ${index}`).toEqual(each.routes);
    }
    expect(recorded.flatMap((each) => each.routes).length).toBeGreaterThan(200);
  });

  test("cells that run at the start", () => {
    for (const { index, each } of cases) {
      const given: Notebook = { kernel: "k", language: each.language ?? undefined, cells: each.cells };
      expect(seedCells(given), `case ${index}`).toEqual(each.seeds);
    }
  });

  test("paths that keep it from starting are found, every one", () => {
    for (const { index, each } of cases) {
      const given: Notebook = { kernel: "k", language: each.language ?? undefined, cells: each.cells };
      const found = startFaults(given).flatMap((fault) => (fault.value === undefined ? [] : [fault.value]));
      expect(new Set(found), `case ${index}`).toEqual(new Set(each.broken));
    }
  });
});

describe("one by one", () => {
  test("literals come first, then the deeper first parameter, then the notebook's order", () => {
    expect(lines(notebook(["# GET /:x", "# GET /a/:x", "# GET /b/:x", "# GET /a/b", "# POST /a/:x"]))).toEqual([
      "GET /a/b",
      "GET /a/:x",
      "POST /a/:x",
      "GET /b/:x",
      "GET /:x",
    ]);
  });

  test("only Scala has another comment prefix", () => {
    expect(lines(notebook(["// GET /a", "# GET /b"], "scala"))).toEqual(["GET /a"]);
    expect(lines(notebook(["// GET /a", "# GET /b"], "Scala"))).toEqual(["GET /b"]);
  });

  test("markdown headings are no routes", () => {
    const given: Notebook = {
      kernel: "python3",
      language: "python",
      cells: [{ type: "markdown", source: "# GET /a" }],
    };
    expect(startFaults(given).map((fault) => fault.id)).toEqual(["no-route"]);
  });

  test("a notebook without a kernel cannot be served", () => {
    const given = { ...notebook(["# GET /a"]), kernel: undefined };
    expect(startFaults(given).map((fault) => fault.id)).toEqual(["no-kernel"]);
  });

  test.each([
    [":user-id", "bad-parameter", ":user_id"],
    [":a/:a", "bad-parameter", "its own name"],
    [":", "bad-parameter", "name after it"],
    [":a/:ab", "bad-parameter", "Rename one"],
    ["(x", "bad-path", "Take"],
  ])("/u/%s: %s", (rest, id, hint) => {
    const [fault] = startFaults(notebook(["x = 1", `# GET /u/${rest}`]));
    expect(fault).toMatchObject({ id, cell: 1, value: `/u/${rest}` });
    expect(fault?.hint).toContain(hint);
  });

  test("matching is on the path as it is sent, without a slash more or less", () => {
    const [route] = routesOf(notebook(["# GET /u/:id/x"]));
    if (!route) throw new Error("no route");
    expect(matches(route, "/u/1/x")).toBe(true);
    expect(matches(route, "/u/%C3%A9/x")).toBe(true);
    expect(matches(route, "/u/1/x/")).toBe(false);
    expect(matches(route, "/u//x")).toBe(false);
  });
});

describe("example requests", () => {
  const example = (source: string) => {
    const [route] = routesOf(notebook([source]));
    if (!route) throw new Error("no route");
    return exampleRequest(route);
  };

  test("without words from the author each parameter is 1, and a body is an empty object", () => {
    expect(example("# GET /hello/:name/:id")).toEqual({ method: "GET", path: "/hello/1/1" });
    expect(example("# POST /marks")).toEqual({ method: "POST", path: "/marks", body: "{}" });
    expect(example("# GET /:a/:ab1")).toMatchObject({ path: "/1/1" });
  });

  test("the author's example is used, encoded as a client sends it", () => {
    expect(example("# GET /hello/:name\n# example: /hello/Jürgen?x=a b").path).toBe("/hello/J%C3%BCrgen?x=a%20b");
    expect(example("# GET /hello/:name\n#example: /hello/%C3%A9").path).toBe("/hello/%C3%A9");
    expect(example('# PUT /m\n# example body: {"a": 1} ').body).toBe('{"a": 1}');
  });

  test("an example of some other route is not used", () => {
    expect(example("# GET /hello/:name\n# example: /other/Ada").path).toBe("/hello/1");
  });

  test("half a surrogate pair does not stop it", () => {
    expect(example("# GET /\ud800").path).toBe("/%EF%BF%BD");
  });
});
