/** Whether an API notebook's routes answer: which are called, which are only looked at, and what a fault is. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createClock } from "../../src/adapters/clock.ts";
import { createHttp } from "../../src/adapters/got.ts";
import { type GatewayUnderTest, routesAnswer } from "../../src/checks/http-checks.ts";
import { type Route, routesOf } from "../../src/notebooks/routes.ts";
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
  under = { url: gateway.url, token: TOKEN, kernels: 1, timeoutSeconds: 1 };
  Object.assign(gateway, { routes: {}, described: {}, requests: [], most: 0 });
});

function routes(...sources: string[]): Route[] {
  const cells = sources.map((source) => ({ type: "code", source }));
  return routesOf({ kernel: "python3", language: "python", cells });
}
const ok = { status: 200, body: "{}" };
const ask = async (...sources: string[]) => await routesAnswer(deps, under, routes(...sources));

test("GET is called; the rest is looked at without running a cell", async () => {
  gateway.routes = { "GET /a": ok, "POST /b": ok, "DELETE /c": ok };
  gateway.described = { "/b": { post: {} }, "/c": { delete: {} } };
  const answer = await ask("# GET /a", "# POST /b", "# DELETE /c");
  expect(answer.status).toBe("passed");
  const called = gateway.requests.filter((request) => !request.includes("swagger"));
  expect(called.sort()).toEqual(["GET /a", "OPTIONS /b", "OPTIONS /c"]);
});

test("an author's example is leave to call, whatever the method", async () => {
  gateway.routes = { "POST /mean": ok };
  expect((await ask('# POST /mean\n# example body: {"points": [1]}')).status).toBe("passed");
  expect(gateway.requests).toContain("POST /mean");
});

test("an example that is an address of another computer is a path of the gateway all the same", async () => {
  const elsewhere = await startGateway(TOKEN);
  const address = elsewhere.url.replace(/\/$/, "");
  await ask(`# GET /.*\n# example: /${address}/admin`, `# POST /:any/.*\n# example: /${address}/admin`);
  elsewhere.close();
  expect(elsewhere.requests).toEqual([]);
  expect(gateway.requests.filter((request) => request.includes("/admin"))).not.toEqual([]);
});

test("a route that the gateway does not have", async () => {
  gateway.routes = { "POST /b": ok };
  for (const source of ["# GET /gone", "# POST /b", "# PUT /gone"]) {
    const answer = await ask(source);
    expect(answer).toMatchObject({ status: "failed", expected: "the route of the notebook" });
  }
});

test("one that hangs costs one time-out, not one for each", async () => {
  gateway.routes = { "GET /a": undefined, "GET /b": undefined, "GET /c": ok };
  const start = Date.now();
  const answer = await ask("# GET /a", "# GET /b", "# GET /c");
  expect(answer).toMatchObject({ status: "failed", seen: "GET /a: no answer within 1 s (and 2 more)" });
  expect(Date.now() - start).toBeLessThan(1900);
  expect(gateway.requests.filter((request) => request === "GET /b")).toEqual([]);
});

test.each([1, 3])("no more requests at once than there are kernels: %i", async (kernels) => {
  under.kernels = kernels;
  const names = ["/a", "/b", "/c", "/d", "/e", "/f"];
  gateway.routes = Object.fromEntries(names.map((name) => [`GET ${name}`, ok]));
  await ask(...names.map((name) => `# GET ${name}`));
  expect(gateway.most).toBe(kernels);
});

test("a cell's error is a fault, unless the values were made up", async () => {
  const error = { status: 500, body: "Error KeyError: '1' " };
  gateway.routes = { "GET /u/1": error, "GET /u/7": error, "GET /plain": error };
  expect(await ask("# GET /plain")).toMatchObject({ status: "failed", seen: expect.stringContaining("KeyError") });
  expect(await ask("# GET /u/:id")).toMatchObject({ status: "passed", seen: expect.stringContaining("made-up") });
  expect(await ask("# GET /u/:id\n# example: /u/7")).toMatchObject({ status: "failed" });
});

test("a status of the notebook's own choice is an answer", async () => {
  gateway.routes = { "GET /u/1": { status: 404, body: '{"error": "no such student"}' } };
  expect((await ask("# GET /u/:id")).status).toBe("passed");
});
