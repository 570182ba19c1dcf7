/** Whether an API notebook's routes answer: which are called, which are only looked up, and what a fault is. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createClock } from "../../src/adapters/clock.ts";
import { createHttp } from "../../src/adapters/got.ts";
import { askSpec } from "../../src/checks/gateway-spec.ts";
import { type GatewayUnderTest, routesAnswer } from "../../src/checks/route-checks.ts";
import { parseNotebook } from "../../src/notebooks/notebook.ts";
import { type TriedRoute, triedRoutes } from "../../src/notebooks/writing.ts";
import { type FakeGateway, startGateway } from "./fakes/gateway.ts";

const TOKEN = "4".repeat(48);
const deps = { http: createHttp({}), clock: createClock(), signal: new AbortController().signal };
let gateway: FakeGateway;
let under: GatewayUnderTest;

beforeAll(async () => {
  gateway = await startGateway(TOKEN);
});
afterAll(() => gateway.close());
beforeEach(() => {
  under = {
    ...{ url: gateway.url, token: TOKEN, kernels: 1, timeoutSeconds: 1, includeWrites: false },
    ...{ service: "marks", notebook: "api/marks.ipynb", suspects: [] },
  };
  Object.assign(gateway, { routes: {}, described: [], requests: [], bodies: [], idle: 1, most: 0 });
});

type Source = string | { source: string; notebox: unknown };

/** By way of a file's text, so that metadata is read as it is in a real notebook. */
function routes(...cells: Source[]): TriedRoute[] {
  const given = cells.map((cell) => (typeof cell === "string" ? { source: cell } : cell));
  const read = parseNotebook(
    JSON.stringify({
      nbformat: 4,
      metadata: { kernelspec: { name: "python3" } },
      cells: given.map(({ source, ...metadata }) => ({ cell_type: "code", source, outputs: [], metadata })),
    }),
  );
  if ("problem" in read) throw new Error(read.problem.message);
  return triedRoutes(read.notebook);
}
const ok = { status: 200, body: "{}" };
const ask = async (...cells: Source[]) =>
  await routesAnswer(deps, under, routes(...cells), await askSpec(deps, { url: gateway.url, token: TOKEN }));
const called = () => gateway.requests.filter((request) => !request.includes("/_api/")).sort();

describe("which routes are called", () => {
  test("GET is; what may change something is only looked up", async () => {
    gateway.routes = { "GET /a": ok, "POST /b": ok, "DELETE /c": ok };
    gateway.described = ["GET /a", "POST /b", "DELETE /c"];
    const answer = await ask("# GET /a", "# POST /b", "# DELETE /c");
    expect(answer).toMatchObject({ status: "passed", seen: expect.stringContaining("a POST may change something") });
    expect(called()).toEqual(["GET /a"]);
  });

  test.each(["yes", "true", "Yes, into marks.csv"])("a GET whose author says writes: %s is not", async (said) => {
    gateway.described = ["GET /save"];
    const answer = await ask(`# GET /save\n# writes: ${said}\nsave()`);
    expect(answer).toMatchObject({ status: "passed", seen: expect.stringContaining("its cell says that it writes") });
    expect(called()).toEqual([]);
  });

  test("all of them with --include-writes", async () => {
    under.includeWrites = true;
    gateway.routes = { "GET /a": ok, "POST /b": ok, "DELETE /c/1": ok };
    expect((await ask("# GET /a", "# POST /b", "# DELETE /c/:id")).status).toBe("passed");
    expect(called()).toEqual(["DELETE /c/1", "GET /a", "POST /b"]);
  });

  test("a GET that writes is not, and why is said", async () => {
    gateway.described = ["GET /save"];
    const answer = await ask("# GET /save\nopen('marks.csv', 'w').write('1')\nprint(1)");
    expect(answer).toMatchObject({
      status: "passed",
      seen: expect.stringMatching(/lint W32, cell 0: This GET writes/),
    });
    expect(called()).toEqual([]);
  });

  test.each<[string, Source]>([
    ["a comment", '# POST /mean\n# writes: no\n# example body: {"points": [1]}'],
    ["metadata", { source: "# POST /mean", notebox: { example: { body: { points: [1] } }, writes: false } }],
  ])("a POST whose author says by %s that it only reads is called with the author's body", async (_by, cell) => {
    gateway.routes = { "POST /mean": ok };
    expect((await ask(cell)).status).toBe("passed");
    expect(called()).toEqual(["POST /mean"]);
    expect(gateway.bodies.map((body) => JSON.parse(body))).toEqual([{ points: [1] }]);
  });

  test("an example in the metadata wins over one in a comment", async () => {
    gateway.routes = { "GET /u/7": ok, "GET /u/8": ok };
    await ask({ source: "# GET /u/:id\n# example: /u/7", notebox: { example: "/u/8" } });
    expect(called()).toEqual(["GET /u/8"]);
  });

  test("an example that is an address of another computer is a path of the gateway all the same", async () => {
    const elsewhere = await startGateway(TOKEN);
    const address = elsewhere.url.replace(/\/$/, "");
    under.includeWrites = true;
    await ask(`# GET /.*\n# example: /${address}/admin`, `# POST /:any/.*\n# example: /${address}/admin`);
    await elsewhere.close();
    expect(elsewhere.requests).toEqual([]);
    expect(called().filter((request) => request.includes("/admin"))).toHaveLength(2);
  });

  test.each([1, 3])("no more requests at once than there are kernels: %i", async (kernels) => {
    under.kernels = kernels;
    const names = ["/a", "/b", "/c", "/d", "/e", "/f"];
    gateway.routes = Object.fromEntries(names.map((name) => [`GET ${name}`, ok]));
    await ask(...names.map((name) => `# GET ${name}`));
    expect(gateway.most).toBe(kernels);
  });
});

describe("a hang, a failure and a wrong answer are told apart, each with its cell and what to do", () => {
  test("a request that the gateway ended", async () => {
    const reason = "Cell 1 gave no answer within 1 s; the kernel is started again.";
    gateway.routes = {
      "GET /a": ok,
      "GET /slow": { status: 504, body: JSON.stringify({ reason: "Gateway Timeout", message: reason }) },
    };
    const answer = await ask("# GET /a", "# GET /slow");
    expect(answer).toMatchObject({
      status: "failed",
      seen: `GET /slow (cell 1) hangs: 504 ${reason}`,
      expected: "an answer within 1 s",
      hint: expect.stringMatching(/^Run cell 1 of api\/marks\.ipynb .*input\(\).*larger timeout/),
    });
  });

  test("after hangs that the gateway ended, the rest is asked still", async () => {
    gateway.routes = {
      "GET /slow": { status: 504, body: "" },
      "GET /z": { status: 500, body: "Error KeyError: 'x' " },
    };
    const answer = await ask("# GET /slow", "# GET /z");
    expect(answer).toMatchObject({ seen: expect.stringContaining("GET /slow (cell 0) hangs") });
    expect(JSON.stringify(answer)).toMatch(/GET \/z \(cell 1\) fails: 500 Error KeyError.*Run cell 1 .*mend the error/);
  });

  test("a gateway that says nothing costs one time-out, not one for each route", async () => {
    gateway.routes = { "GET /a": undefined, "GET /b": undefined, "GET /c": ok };
    const start = Date.now();
    const answer = await ask("# GET /a", "# GET /b", "# GET /c");
    expect(answer).toMatchObject({
      status: "failed",
      seen: "GET /a (cell 0) hangs: no answer within 3 s (and 2 more)",
      hint: expect.stringContaining("it is stuck"),
    });
    expect(Date.now() - start).toBeLessThan(3900);
    expect(called()).toEqual(["GET /a"]);
  });

  test("a cell's error, unless the values were made up", async () => {
    const error = { status: 500, body: "Error KeyError: '1' " };
    gateway.routes = { "GET /u/1": error, "GET /u/7": error, "GET /plain": error };
    expect(await ask("1 + 1", "# GET /plain")).toMatchObject({
      status: "failed",
      seen: expect.stringMatching(/^GET \/plain \(cell 1\) fails: 500 Error KeyError/),
      hint: expect.stringMatching(/^Run cell 1 of api\/marks\.ipynb .*mend the error/),
    });
    expect(await ask("# GET /u/:id")).toMatchObject({ status: "passed", seen: expect.stringContaining("made-up") });
    expect(await ask("# GET /u/:id\n# example: /u/7")).toMatchObject({ status: "failed" });
  });

  test("a query that the cell looks for and nobody has sent is made up, too; another error is not", async () => {
    const cell = "# GET /marks\ncourse = json.loads(REQUEST)['args']['course'][0]";
    gateway.routes = { "GET /marks": { status: 500, body: "Error KeyError: 'course' " } };
    expect(await ask(cell)).toMatchObject({ status: "passed", seen: expect.stringContaining("made-up") });
    expect(await ask("# GET /marks\nnothing['course']")).toMatchObject({ status: "failed" });
    gateway.routes = { "GET /marks": { status: 500, body: "Error NameError: name 'json' is not defined " } };
    expect(await ask(cell)).toMatchObject({ status: "failed" });
  });

  test.each(["input", "kernel-died"])("the gateway's word %s: the cell and what to take out", async (fault) => {
    const message = "The cells of GET /a (cell 0) …; the next request gets a fresh kernel.";
    gateway.routes = { "GET /a": { status: 500, body: JSON.stringify({ reason: "x", message, fault, cells: [0] }) } };
    const out = fault === "input" ? /^Take input\(\) out of cell 0 of/ : /cell 0 of .* ends its own kernel: exit/;
    expect(await ask("# GET /a")).toMatchObject({
      seen: expect.stringMatching(/^GET \/a \(cell 0\) fails: 500 The cells/),
      hint: expect.stringMatching(out),
    });
  });

  test("after a kernel's death it waits for the fresh one, so that the next route is not blamed for the wait", async () => {
    const fault = (word: string, status: number) => ({ status, body: JSON.stringify({ message: word, fault: word }) });
    gateway.idle = 0;
    gateway.routes = { "GET /exit": fault("kernel-died", 500), "GET /next": fault("timeout", 504) };
    setTimeout(() => {
      gateway.idle = 1;
      gateway.routes["GET /next"] = ok;
    }, 1200);
    const answer = await ask("# GET /exit", "# GET /next");
    expect(answer).toMatchObject({
      seen: expect.stringMatching(/^GET \/exit \(cell 0\) fails: 500 kernel-died in [\d.]+ s$/),
    });
    expect(JSON.stringify(answer)).toContain("GET /next: 200");
  });

  test("while the kernel is started afresh it is asked again, and that is no fault", async () => {
    const busy = { status: 504, body: JSON.stringify({ reason: "Gateway Timeout", message: "…", fault: "busy" }) };
    gateway.routes = { "GET /a": busy };
    setTimeout(() => {
      gateway.routes = { "GET /a": ok };
    }, 700);
    expect((await ask("# GET /a")).status).toBe("passed");
    expect(called().length).toBeGreaterThan(1);
  });

  test("a ResponseInfo that is not JSON names its own cell", async () => {
    const message = "The ResponseInfo cell of GET /a did not print JSON.";
    gateway.routes = {
      "GET /a": {
        status: 500,
        body: JSON.stringify({ reason: "Internal Server Error", message, fault: "response-info" }),
      },
    };
    expect(await ask("# GET /a", "# ResponseInfo GET /a\nprint('x')")).toMatchObject({
      seen: expect.stringMatching(/^GET \/a \(cell 0\) fails: 500 The ResponseInfo/),
      hint: expect.stringMatching(/^Mend the ResponseInfo cell 1 of/),
    });
  });

  test("a wrong answer: no JSON although it is called so, another status than its example's, 400 to its own example", async () => {
    const json = "application/json; charset=utf-8";
    gateway.routes = {
      "GET /text": { status: 200, body: "{'a': 1}", type: json },
      "GET /empty": { status: 200, body: "", type: json },
      "GET /made": ok,
      "GET /u/7": { status: 404, body: '{"error": "no such student"}', type: json },
    };
    const wrong = async (cell: Source) => await ask("x = 1", cell);
    const expected: [Source, RegExp][] = [
      ["# GET /text", /^GET \/text \(cell 1\) answers wrongly: .*the text is not JSON$/],
      ["# GET /empty", /answers wrongly: .*there is no text$/],
      ["# GET /made\n# example status: 201", /answers wrongly: 200/],
      ["# GET /u/:id\n# example: /u/7", /answers wrongly: 404/],
    ];
    for (const [cell, seen] of expected) {
      const answer = await wrong(cell);
      expect(answer).toMatchObject({ status: "failed", seen: expect.stringMatching(seen) });
      expect(JSON.stringify(answer)).toContain("cell 1 of api/marks.ipynb");
    }
    expect((await wrong("# GET /u/:id\n# example: /u/7\n# example status: 404")).status).toBe("passed");
  });

  test("a route that the gateway does not have", async () => {
    gateway.routes = { "POST /b": ok };
    for (const source of ["# GET /gone", "# POST /b", "# PUT /gone"]) {
      const answer = await ask(source);
      expect(answer).toMatchObject({ status: "failed", expected: "the route of the notebook" });
      expect(answer).toMatchObject({ seen: expect.stringContaining("answers wrongly") });
    }
  });

  test("an example of a 404 is no excuse for a route that is not there", async () => {
    const answer = await ask("# GET /gone\n# example: /gone\n# example status: 404");
    expect(answer).toMatchObject({ status: "failed", expected: "the route of the notebook" });
  });

  test("an example that another route would answer is none: it is not judged as the author's own", async () => {
    gateway.routes = { "GET /u/1": { status: 404, body: '{"error": "no such student"}' } };
    expect((await ask("# GET /u/:id\n# example: of a student")).status).toBe("passed");
  });

  test.each([
    [401, "say who you are"],
    [403, '{"error": "not your student"}'],
    [404, '{"error": "no such student", "reason": "none"}'],
  ])("a %i of the notebook's own choice to a made-up value is an answer", async (status, body) => {
    gateway.routes = { "GET /u/1": { status, body } };
    expect((await ask("# GET /u/:id")).status).toBe("passed");
  });
});
