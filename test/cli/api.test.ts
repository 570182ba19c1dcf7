/** `api routes`, `lint`, `openapi` and `userscript` as people run them: exit codes, what goes where, what is written. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const program = path.join(root, "dist", "notebox.cjs");
const marks = path.join(root, "examples/api/api/marks.ipynb");
let folder: string;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-api-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function notebox(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: "utf8" });
  return { status, stdout, stderr };
}

function notebook(name: string, ...cells: string[]): string {
  const kernel = { kernelspec: { name: "python3" }, language_info: { name: "python" } };
  const all = cells.map((source) => ({ cell_type: "code", metadata: {}, outputs: [], execution_count: null, source }));
  fs.writeFileSync(
    path.join(folder, name),
    JSON.stringify({ cells: all, metadata: kernel, nbformat: 4, nbformat_minor: 5 }),
  );
  return name;
}

describe("routes", () => {
  test("in the gateway's order, with their cells", () => {
    const { status, stdout } = notebox("--json", "api", "routes", marks);
    expect(status).toBe(0);
    const { result } = JSON.parse(stdout);
    expect(result).toMatchObject({ notebook: marks, starts: true, reason: null, seedCells: [1] });
    expect(result.routes[2]).toEqual({
      ...{ order: 3, method: "GET", path: "/marks/:student", parameters: ["student"] },
      ...{ cells: [4], responseInfo: [5] },
    });
  });

  test.each([
    ["none", ["#GET /near"], "No cell of this notebook is annotated as a route."],
    ["name", ["# GET /:user-id"], "The parameter :user-id of /:user-id is not a name that Python takes."],
  ])("a notebook that does not start is listed all the same: %s", (name, cells, reason) => {
    const { status, stdout } = notebox("api", "routes", notebook(`${name}.ipynb`, ...cells), "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout).result).toMatchObject({ starts: false, reason });
  });

  test("no notebook there: exit 3, in a sentence", () => {
    const { status, stdout, stderr } = notebox("api", "routes", "gone.ipynb");
    expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
    expect(stderr).toContain("gone.ipynb is not there");
  });
});

describe("lint", () => {
  test("an error: exit 3 with the report; several notebooks at once", () => {
    const bad = notebook("bad.ipynb", "# GET /a b\nprint(1)", "# ResponseInfo GET /a b\nprint('{}')");
    const { status, stdout, stderr } = notebox("api", "lint", bad, marks, "gone.ipynb");
    expect(status).toBe(3);
    expect(stdout).toContain("bad.ipynb cell 0, line 1: error E05");
    expect(stdout).toMatch(/^gone\.ipynb: error: The notebook .*gone\.ipynb is not there\.$/m);
    expect(stderr).toContain("There are 2 errors.");
    const { result, error } = JSON.parse(notebox("--json", "api", "lint", bad, "gone.ipynb").stdout);
    expect(error.problems.map(({ id }: { id: string }) => id)).toEqual(["notebook", "E05"]);
    expect(result.notebooks[0].findings[0]).toMatchObject({
      id: "E05",
      cell: 0,
      line: 1,
      severity: "error",
      fixable: false,
    });
  });

  test("what is no notebook is named, with what to do", () => {
    fs.writeFileSync(path.join(folder, "plain.ipynb"), "no JSON");
    const { status, stdout, stderr } = notebox("api", "lint", "plain.ipynb");
    expect(status).toBe(3);
    expect(stdout).toMatch(/^plain\.ipynb: error: This notebook is not JSON\.\n {4}do: {2}Open it in Jupyter/);
    expect(stderr).toContain("There is one error.\n  Name notebooks");
  });

  test("warnings alone: exit 0", () => {
    expect(notebox("api", "lint", notebook("warned.ipynb", "# GET /a\nprint(1)"))).toMatchObject({
      status: 0,
      stderr: "",
    });
  });

  test("--fix shows the difference and writes", () => {
    const name = notebook("fix.ipynb", "\n#get /a\nprint(1)");
    const dry = notebox("api", "lint", name, "--fix", "--dry-run");
    expect(dry.status).toBe(3);
    expect(dry.stdout).toContain("Not written.");
    const { status, stdout } = notebox("api", "lint", name, "--fix");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^---.*\n\+\+\+/);
    expect(fs.readFileSync(path.join(folder, name), "utf8")).toContain('"# GET /a\\nprint(1)"');
  });

  test("validate and render refuse an error and show warnings", () => {
    const workbench = path.join(folder, "wb");
    fs.mkdirSync(path.join(workbench, "api"), { recursive: true });
    const service = "services: { a: { kind: kernel-gateway, notebook: api/a.ipynb } }";
    fs.writeFileSync(path.join(workbench, "workbench.yaml"), `version: 1\nname: lab\nbox: { name: x/y }\n${service}\n`);
    notebook("wb/api/a.ipynb", "# GET /a\nprint(input())");
    for (const verb of [["validate"], ["render"], ["render", "--zip", "wb/out.zip"]]) {
      const { status, stderr } = notebox("-C", "wb", ...verb);
      expect(status).toBe(3);
      expect(stderr).toContain("a.ipynb cell 0:2:7: E15: input(…) waits for somebody to type.");
    }
    expect(fs.readdirSync(workbench).sort()).toEqual(["api", "workbench.yaml"]);
    notebook("wb/api/a.ipynb", "# GET /a\nprint(1)");
    expect(notebox("-C", "wb", "validate").stdout).toContain("warning W20: api/a.ipynb cell 0, line 1");
    expect(notebox("-C", "wb", "render", "--dry-run").stderr).toContain("W20");
  });
});

describe("openapi", () => {
  test("JSON on standard output, with the workbench's port and the author's examples", () => {
    const { status, stdout } = notebox("api", "openapi", marks);
    expect(status).toBe(0);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ openapi: "3.1.0", servers: [{ url: "http://127.0.0.1:8889" }] });
    const { get } = document.paths["/marks/{student}"];
    expect(get).toMatchObject({
      operationId: "getMarksStudent",
      parameters: [{ name: "student", in: "path", example: "ada" }],
    });
    expect(Object.keys(get.responses["200"].content)).toEqual(["application/json; charset=utf-8"]);
    expect(notebox("api", "openapi", marks, "--no-examples").stdout).not.toContain('"ada"');
  });

  test("words, parameters, body and statuses are read off the cells", () => {
    const name = notebook(
      "rich.ipynb",
      "import json\nREQUEST='{}'",
      "# PUT /items/:id\n# Changes one item.\n# It must be there.\nrequest = json.loads(REQUEST)\nn = int(request['args'].get('n', ['3'])[0])\nall_ = request['args']['tag']\nprint(json.dumps(request['body']))",
      "# ResponseInfo PUT /items/:id\nprint(json.dumps({'status': 200 if n else 404, 'headers': {'Content-Type': 'application/json'}}))",
    );
    const { put } = JSON.parse(notebox("api", "openapi", name).stdout).paths["/items/{id}"];
    expect(put).toMatchObject({ summary: "Changes one item.", description: "It must be there." });
    expect(put.parameters.slice(1)).toEqual([
      { name: "n", in: "query", required: false, schema: { type: "integer", default: 3 } },
      { name: "tag", in: "query", required: true, schema: { type: "array", items: { type: "string" } } },
    ]);
    expect(put.requestBody.required).toBe(true);
    expect(Object.keys(put.responses)).toEqual(["200", "401", "404", "405", "500", "504"]);
  });

  test("--html FILE writes one page that holds everything; a script in a heading stays text", () => {
    const name = notebook("hostile.ipynb", "# GET /a\n# </script><script>alert(1)</script>\nprint(1)");
    expect(notebox("api", "openapi", name, "--html", "page.html", "--out", "other").status).toBe(2);
    expect(notebox("api", "openapi", name, "--html", "page.html").status).toBe(0);
    const page = fs.readFileSync(path.join(folder, "page.html"), "utf8");
    expect(page).not.toContain("<script>alert");
    expect(page).not.toMatch(/(?:src|href)=/);
    expect(page.match(/<\/script>/g)).toHaveLength(2);
  });

  test("a notebook that the gateway does not start with has none: exit 3", () => {
    expect(notebox("api", "openapi", notebook("no.ipynb", "x = 1")).status).toBe(3);
  });
});

describe("userscript", () => {
  /** Checked by one run of the compiler at the end: each takes seconds. */
  const typed: string[] = [];
  const keep = (name: string, script: string): void => {
    fs.writeFileSync(path.join(folder, name), script);
    typed.push(name);
  };

  test("has its pages, its grants, a typed function for each route, and no token", () => {
    const { status, stdout, stderr } = notebox("api", "userscript", marks, "--origin", "https://lms.example.edu");
    expect(status).toBe(0);
    expect(stderr).toContain("https://lms.example.edu");
    const [head = "", body = ""] = stdout.split("// ==/UserScript==");
    for (const line of [
      "@match       https://lms.example.edu/*",
      "@connect     127.0.0.1",
      "@connect     localhost",
      "@grant       GM.xmlHttpRequest",
      "@grant       GM_xmlhttpRequest",
      "@noframes",
    ])
      expect(head.split("\n")).toContain(`// ${line}`);
    expect(body).toContain('getMarksStudent: (call) => send("GET", "/marks/{student}", call)');
    expect(body).toContain("@param {{ body?: { points: Array<number> }; form?: Record<string, string> }} [call]");
    keep("sample.js", stdout);
    // The types say something: a call without its parameter is an error.
    keep(
      "wrong.js",
      stdout.replace(/const answer = await api\..*;/, "const answer = await api.getMarksStudent({ path: {} });"),
    );
  });

  test("the template activity, for the workbench's own origins", () => {
    const file = path.join(root, "examples/activity/api/activity.ipynb");
    const { status, stdout, stderr } = notebox("api", "userscript", file, "--template", "activity");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("await api.postActivity({ form:");
    keep("activity.js", stdout);
    expect(
      notebox(
        "api",
        "userscript",
        path.join(root, "examples/scotch/api/scotch.ipynb"),
        "--origin",
        "https://a.example",
        "--template",
        "activity",
      ).status,
    ).toBe(0);
    expect(
      notebox(
        "api",
        "userscript",
        path.join(root, "examples/hello/api/hello.ipynb"),
        "--origin",
        "https://a.example",
        "--template",
        "activity",
      ).status,
    ).toBe(3);
  });

  test.each([[[]], [["--origin", "lms.example.edu"]], [["--origin", "https://lms.example.edu/course"]]])(
    "needs origins: %j",
    (flags) => {
      expect(notebox("api", "userscript", marks, ...flags).status).toBe(2);
    },
  );

  test("nothing in a notebook becomes code or a header of the script", () => {
    const title = "*/ alert(1) /*\u2028// @match *://*/*\n// ==/UserScript==";
    const name = notebook("evil.ipynb", `# GET /a\n# ${title.split("\n")[0]}\n# \`\${alert(2)}\` </script>\nprint(1)`);
    const file = path.join(folder, name);
    const json = JSON.parse(fs.readFileSync(file, "utf8"));
    json.metadata.title = title;
    fs.writeFileSync(file, JSON.stringify(json));
    const { stdout } = notebox("api", "userscript", name, "--origin", "https://a.example");
    expect(stdout.split("\n").filter((line) => line.startsWith("// @match"))).toEqual([
      "// @match       https://a.example/*",
    ]);
    keep("evil.js", stdout);
    expect(stdout.split(/\*\/ ?alert/)).toHaveLength(3);
  });

  test("each of these scripts is sound to the TypeScript compiler, but for the one that is wrong", () => {
    const tsc = path.join(root, "node_modules/typescript/bin/tsc");
    const flags = ["--noEmit", "--allowJs", "--checkJs", "--strict", "--skipLibCheck", "--target", "es2022"];
    const args = [tsc, ...flags, "--lib", "es2023,dom,dom.iterable", ...typed];
    const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    expect(typed).toHaveLength(4);
    expect(stdout.trim().split("\n")).toEqual([expect.stringMatching(/^wrong\.js.*student/)]);
  }, 180_000);
});

test("call: the VM is not running", () => {
  // It writes a log, so it works on a copy.
  fs.cpSync(path.join(root, "examples/api"), path.join(folder, "copy"), { recursive: true });
  const { status, stderr } = notebox("api", "call", "copy/api/marks.ipynb", "GET /marks");
  expect(status).toBe(7);
  expect(stderr).toContain("The VM is not running.");
});
