/**
 * `verify` and `api call` against the real kernel gateway with our personality: what it says of itself is what they
 * read, and each fault is told in its own words. The same in a VM is for the trials of test/vm/.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClock } from "../../src/adapters/clock.ts";
import { createHttp } from "../../src/adapters/got.ts";
import type { Answer } from "../../src/checks/check.ts";
import { corsAsListed } from "../../src/checks/cors-checks.ts";
import { askSpec, routesServed } from "../../src/checks/gateway-spec.ts";
import { routesAnswer } from "../../src/checks/route-checks.ts";
import { parseNotebook } from "../../src/notebooks/notebook.ts";
import { type TriedRoute, triedRoutes } from "../../src/notebooks/writing.ts";
import { type Gateway, notebookText, ORIGIN, startOurs, TOKEN } from "../gateway/start.ts";
import { withGateway } from "../gateway/with-gateway.ts";
import { makeWorld, run, type World } from "./fakes/world.ts";

const TIMEOUT = 2;
const CELLS = [
  "import json, os, time",
  "# GET /hello/:name\n# example: /hello/Ada\nprint(json.dumps({'hello': json.loads(REQUEST)['path']['name']}))",
  "# POST /mean\n# writes: no\n# example body: {\"points\": [1, 3]}\nprint(sum(json.loads(REQUEST)['body']['points']) / 2)",
  "# DELETE /all\nopen('deleted', 'w')",
  "# GET /sleep\ntime.sleep(3600)",
  "# GET /exit\nos._exit(3)",
  "# GET /input\ninput()",
  "# GET /not-json\nprint('x')",
  "# ResponseInfo GET /not-json\nprint('status: 200')",
  "# GET /error\n1 / 0",
  "# GET /wrong\nprint({'a': 1})",
  "# ResponseInfo GET /wrong\nprint(json.dumps({'headers': {'Content-Type': 'application/json'}}))",
];
const SOUND = CELLS.slice(0, 4);

const deps = { http: createHttp({}), clock: createClock(), signal: new AbortController().signal };

function triedIn(text: string): TriedRoute[] {
  const read = parseNotebook(text);
  if ("problem" in read) throw new Error(read.problem.message);
  return triedRoutes(read.notebook);
}

withGateway("verify with the real gateway", () => {
  let gateway: Gateway;
  let world: World;

  beforeAll(async () => {
    [gateway, world] = await Promise.all([startOurs(notebookText(CELLS), { timeout: TIMEOUT }), makeWorld()]);
    const file = path.join(world.folder, ".notebox/endpoints.json");
    const endpoints = JSON.parse(fs.readFileSync(file, "utf8"));
    endpoints.services.hello.url = `${gateway.url}/`;
    fs.writeFileSync(file, JSON.stringify(endpoints));
    world.ssh.reply = () => ({ stdout: `${TOKEN}\n` });
  });
  afterAll(async () => {
    await Promise.all([gateway?.stop(), world?.close()]);
  });

  const target = () => ({ url: `${gateway.url}/`, token: TOKEN });
  async function routes(text: string, includeWrites = false): Promise<Answer> {
    const under = { ...target(), kernels: 1, timeoutSeconds: TIMEOUT, includeWrites, suspects: [] };
    const setting = { service: "marks", notebook: "api/marks.ipynb" };
    return await routesAnswer(deps, { ...under, ...setting }, triedIn(text), await askSpec(deps, target()));
  }

  test("each fault: hangs, fails, answers wrongly; with its cell and the mending", async () => {
    const answer = await routes(notebookText(CELLS));
    if (answer.status !== "failed") throw new Error(JSON.stringify(answer));
    expect(answer.seen).toMatch(/^GET \/sleep \(cell 4\) hangs: 504 .*took longer than the 2 s.* \(and 5 more\)$/);
    expect(answer.hint).toMatch(/^Run cell 4 of api\/marks\.ipynb/);
    const line = (route: string) => {
      const at = answer.details?.findIndex((each) => each.startsWith(route)) ?? -1;
      return answer.details?.slice(at, at + 2).join(" – ");
    };
    expect(line("GET /exit")).toMatch(
      /\(cell 5\) fails: 500 The kernel died.* – {3}do: Something in cell 5 .*ends its own kernel/,
    );
    expect(line("GET /input")).toMatch(
      /\(cell 6\) fails: 500 .*asked for input.* – {3}do: Take input\(\) out of cell 6/,
    );
    expect(line("GET /not-json")).toMatch(
      /\(cell 7\) fails: 500 .*ResponseInfo.* – {3}do: Mend the ResponseInfo cell 8/,
    );
    expect(line("GET /error")).toMatch(/\(cell 9\) fails: 500 Error ZeroDivisionError.* – {3}do: Run cell 9/);
    expect(line("GET /wrong")).toMatch(/\(cell 10\) answers wrongly: 200 .*not JSON.* – {3}do: Print one json\.dumps/);
    expect(line("GET /hello/:name")).toMatch(/: 200 in [\d.]+ s \(\/hello\/Ada\)/);
    expect(line("POST /mean")).toMatch(/: 200 in/);
    expect(line("DELETE /all")).toContain("not called: a DELETE may change something");
    expect(fs.existsSync(path.join(path.dirname(gateway.notebook), "deleted"))).toBe(false);
  });

  test("`api call` says why in words", async () => {
    const call = async (request: string) =>
      (await run(["-C", world.folder, "--json", "api", "call", "api/hello.ipynb", request])).json.error;
    expect(await call("GET /sleep")).toMatchObject({
      code: "check-failed",
      message: expect.stringMatching(/^GET \/sleep was answered with 504: .*\(cell 4\) took longer than the 2 s/),
      hint: expect.stringContaining("larger timeout in workbench.yaml"),
    });
    expect((await call("GET /exit"))?.message).toMatch(/with 500: The kernel died while .*\(cell 5\)/);
    expect((await call("GET /not-json"))?.message).toMatch(/with 500: ResponseInfo \(cell 8\) printed/);
    expect((await call("GET /error"))?.message).toMatch(/the cell failed: ZeroDivisionError/);
  });

  test("what is served, and of which notebook", async () => {
    const text = fs.readFileSync(gateway.notebook, "utf8");
    const spec = async () => await askSpec(deps, target());
    const served = async (cells: readonly string[]) => {
      const sha256 = createHash("sha256").update(text).digest("hex");
      const notebook = { path: "api/marks.ipynb", sha256, routes: triedIn(notebookText(cells)) };
      return routesServed(await spec(), notebook, "marks");
    };
    expect(await served(CELLS)).toEqual({
      status: "passed",
      seen: `${triedIn(text).length} routes, read from the notebook as it is now`,
    });
    expect(await served([...CELLS, "# GET /new\n1"])).toMatchObject({ seen: "not served: GET /new (cell 12)" });
    expect(await served(CELLS.slice(0, 10))).toMatchObject({ seen: "served, and not in the notebook: GET /wrong" });
  });

  test("who may call it", async () => {
    const request = { method: "POST", path: "/mean" } as const;
    const ask = async (origins: readonly string[]) =>
      await corsAsListed(deps, { ...target(), origins, service: "marks" }, request);
    expect((await ask([ORIGIN])).status).toBe("passed");
    expect(await ask([ORIGIN, "https://other.example.edu"])).toMatchObject({
      seen: expect.stringMatching(/^https:\/\/other\.example\.edu: the preflight is answered \d+ with no leave/),
    });
  });

  test("a notebook that fails when it is changed: the earlier one is served on, and that is said", async () => {
    fs.writeFileSync(gateway.notebook, notebookText(["raise ValueError('no marks')", "# GET /a\nprint(1)"]));
    const notebook = { path: "api/marks.ipynb", sha256: "0", routes: triedIn(notebookText(SOUND)) };
    await expect
      .poll(async () => routesServed(await askSpec(deps, target()), notebook, "marks"), { timeout: 30_000 })
      .toMatchObject({
        status: "failed",
        seen: expect.stringMatching(/older api\/marks\.ipynb is served.*cell 0 .*ValueError: no marks/),
      });
    fs.writeFileSync(gateway.notebook, notebookText(SOUND));
    await expect
      .poll(async () => JSON.stringify(await routesServed(await askSpec(deps, target()), notebook, "marks")), {
        timeout: 30_000,
      })
      .toContain("is not the one in the folder");
    expect((await routes(notebookText(SOUND), true)).status).toBe("passed");
    expect(fs.existsSync(path.join(path.dirname(gateway.notebook), "deleted"))).toBe(true);
  });
});
