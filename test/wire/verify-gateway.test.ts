/**
 * `verify` of a kernel gateway beside its routes: the notebook on this computer, what is served of it, who may call it,
 * and what a service that cannot start says of itself.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createClock } from "../../src/adapters/clock.ts";
import { createHttp } from "../../src/adapters/got.ts";
import type { Report } from "../../src/checks/check.ts";
import { corsAsListed } from "../../src/checks/cors-checks.ts";
import { type FakeGateway, startGateway } from "./fakes/gateway.ts";
import { makeWorld, TOKENS, type World } from "./fakes/world.ts";

const UNIT = "kernel-gateway@hello.service";
const find = (report: Report, id: string) => report.checks.find((check) => check.id === id);
const causes = (report: Report) => report.causes.map(({ id }) => id);

describe("a workbench with a gateway", () => {
  let world: World;
  let notebook: string;
  let original: string;

  beforeAll(async () => {
    world = await makeWorld();
    notebook = path.join(world.folder, "api/hello.ipynb");
    original = fs.readFileSync(notebook, "utf8");
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    fs.writeFileSync(notebook, original);
    await world.heal();
  });

  /** Puts a cell before all others; those move on by one. */
  function addCell(...cells: { source: string; metadata?: object }[]): void {
    const value = JSON.parse(original);
    value.cells.unshift(...cells.map((cell) => ({ cell_type: "code", metadata: {}, outputs: [], ...cell })));
    fs.writeFileSync(notebook, JSON.stringify(value));
  }

  test("what is served is said, and that it is the notebook as it is now", async () => {
    world.gateway.own = { sha256: createHash("sha256").update(original).digest("hex") };
    const done = await world.ask();
    expect(done.passed).toBe(true);
    expect(find(done, "served.hello")?.seen).toBe("2 routes, read from the notebook as it is now");
    expect(find(done, "cors.hello")?.seen).toBe("no page may call it; a stranger may not");
  });

  test.each<[string, () => void, RegExp, RegExp]>([
    [
      "a route that is not served",
      () => {
        world.gateway.described = ["GET /hello"];
      },
      /^not served: GET \/hello\/:name \(cell 4\)$/,
      /read again within seconds/,
    ],
    [
      "one that is served and not in the notebook",
      () => {
        world.gateway.described = [...world.gateway.described, "DELETE /marks/{all}"];
      },
      /^served, and not in the notebook: DELETE \/marks\/\{\}$/,
      /restart kernel-gateway@hello/,
    ],
    [
      "a newer notebook that cannot be served",
      () => {
        world.gateway.own = { problem: { message: "cell 1 of api/hello.ipynb fails at the start: NameError: x" } };
      },
      /older api\/hello\.ipynb is served.*cell 1 of api\/hello\.ipynb fails at the start: NameError/,
      /notebox api lint api\/hello\.ipynb/,
    ],
    [
      "the same routes of another notebook",
      () => {
        world.gateway.own = { sha256: "0".repeat(64) };
      },
      /not the one in the folder/,
      /ask again/,
    ],
  ])("%s", async (_name, change, seen, hint) => {
    change();
    const done = await world.ask();
    expect(causes(done)).toEqual(["served.hello"]);
    expect(find(done, "served.hello")?.seen).toMatch(seen);
    expect(find(done, "served.hello")?.hint).toMatch(hint);
  });

  test("a stock gateway, or an older one, has no such list", async () => {
    world.gateway.routes["GET /_api/spec"] = { status: 404, body: '{"reason":"Not Found","message":""}' };
    const done = await world.ask();
    expect(causes(done)).toEqual(["auth.hello"]);
    expect(find(done, "auth.hello")?.hint).toContain("another gateway than this notebox makes");
  });

  test.each(['{"/hello": null}', "[7]"])("%s as its paths is none either", async (paths) => {
    world.gateway.routes["GET /_api/spec"] = { status: 200, body: `{"paths": ${paths}}` };
    expect(causes(await world.ask())).toContain("served.hello");
  });

  test("parameters may have other names there: the first one wins", async () => {
    world.gateway.described = ["GET /hello", "GET /hello/{who}"];
    expect(causes(await world.ask())).toEqual([]);
  });

  // `up` refuses these; they come when the notebook is edited while the VM runs.
  test.each<[string, { source: string; metadata?: object }, RegExp, RegExp]>([
    ["an annotation that is almost one", { source: "#GET /almost\nprint(1)" }, /cell 0: E07: /, /Save it: the service/],
    ["a parameter that is no name", { source: "# GET /u/:user-id\nprint(1)" }, /cell 0: E03: .*user-id/, /user_id/],
    ["input() in a route", { source: "# GET /ask\nprint(input())" }, /cell 0: E15: .*input/, /REQUEST/],
    [
      "metadata that says nothing",
      { source: "# GET /x\nprint(1)", metadata: { notebox: { exmaple: "/x" } } },
      /cell 0: the metadata notebox/,
      /"example"/,
    ],
  ])("%s: verify names it, its cell and the mending", async (_name, cell, seen, hint) => {
    addCell(cell);
    const done = await world.ask();
    // The gateway of this test serves no such route; the near miss is none.
    expect(causes(done)).toEqual(["notebook.hello", ...(cell.source.startsWith("#GET") ? [] : ["served.hello"])]);
    expect(find(done, "notebook.hello")?.seen).toMatch(seen);
    expect(find(done, "notebook.hello")?.hint).toMatch(hint);
    expect(find(done, "auth.hello")?.status).toBe("passed");
  });

  test("a lint error is no explanation of a route that fails", async () => {
    addCell({ source: "#GET /almost\nprint(1)" });
    world.gateway.routes["GET /hello"] = { status: 500, body: "Error NameError: name 'json' is not defined " };
    const done = await world.ask();
    expect(causes(done)).toEqual(["notebook.hello", "routes.hello"]);
    expect(find(done, "routes.hello")?.hint).toContain("Run cells 3 and 4 of api/hello.ipynb");
  });

  test("a notebook that is gone is an answer, and the rest is asked", async () => {
    fs.rmSync(notebook);
    const done = await world.ask();
    expect(causes(done)).toEqual(["notebook.hello"]);
    expect(find(done, "notebook.hello")?.seen).toContain("is not there");
    expect(find(done, "routes.hello")?.status).toBe("not-applicable");
    expect(find(done, "kernels.jupyter")?.status).toBe("passed");
  });

  describe("a service whose notebook fails at the start", () => {
    const message = "cell 1 of api/hello.ipynb fails at the start: ValueError: no marks";
    const looping = { active: "activating", sub: "auto-restart", result: "exit-code", exit: 1, restarts: 7, pid: 0 };
    function fails(change: object = looping): void {
      const units = world.guest.units ?? {};
      units[UNIT] = { ...(units[UNIT] as NonNullable<(typeof units)[string]>), ...change };
      world.guest.sockets = (world.guest.sockets ?? []).filter((socket) => socket.unit !== UNIT);
      world.guest.said = { hello: { message, cell: 1, serving: false } };
    }

    test.each<[string, object]>([
      ["between two starts", looping],
      ["while it starts once more", { restarts: 7, activeSeconds: 2 }],
    ])("%s: the line is the cause, with what to do", async (_when, change) => {
      fails(change);
      const done = await world.ask();
      expect(causes(done)).toEqual(["service.hello"]);
      expect(find(done, "service.hello")).toMatchObject({
        seen: message,
        hint: expect.stringMatching(/^Mend cell 1 in Jupyter .*starts again by itself/),
      });
      expect(done.causes[0]?.consequences).toContain("routes.hello");
    });

    test("other lint errors are no explanation of it, but a full disk is", async () => {
      fails();
      addCell({ source: "# GET /ask\nprint(input())" });
      expect(causes(await world.ask())).toEqual(["notebook.hello", "service.hello"]);
      for (const disk of world.guest.disks ?? []) disk.free = 0;
      expect(causes(await world.ask())).not.toContain("service.hello");
    });

    test("where it could not write that down, its line in the journal tells", async () => {
      fails();
      world.guest.said = {};
      world.guest.journals = { [UNIT]: ["notebox: hello: the token is empty", "Main process exited, code=exited"] };
      expect(find(await world.ask(), "service.hello")?.seen).toBe("the token is empty");
    });

    test("an earlier notebook that is served on is no reason why the service would not run", async () => {
      fails({ active: "inactive", sub: "dead", pid: 0, inactiveSeconds: 12 });
      world.guest.said = { hello: { message, cell: 1, serving: true } };
      expect(find(await world.ask(), "service.hello")?.seen).toContain("it was stopped");
    });

    test("`logs` shows it too", async () => {
      world.ssh.reply = ({ input }) =>
        input.includes("journalctl")
          ? {
              stdout: `${TOKENS.hello}\n--notebox-logs--\n2026-11-28T10:00:00 vm python[7]: notebox: hello: ${message}\n`,
            }
          : { code: 1, stdout: "" };
      const done = await world.start("logs", "hello").outcome;
      expect(done.code).toBe(0);
      expect(done.stdout).toContain(`notebox: hello: ${message}`);
    });
  });
});

describe("who may call it", () => {
  const TOKEN = "4".repeat(48);
  const deps = { http: createHttp({}), clock: createClock(), signal: new AbortController().signal };
  const LISTED = ["https://lms.example.edu", "http://localhost:8000"];
  let gateway: FakeGateway;

  beforeAll(async () => {
    gateway = await startGateway(TOKEN);
  });
  afterAll(() => gateway.close());
  beforeEach(() => {
    Object.assign(gateway, { routes: { "POST /a": { status: 200, body: "" } }, origins: LISTED, requests: [] });
  });
  const ask = async (origins: readonly string[] = LISTED) =>
    await corsAsListed(
      deps,
      { url: gateway.url, token: TOKEN, origins, service: "marks" },
      { method: "POST", path: "/a" },
    );

  test("each listed origin and a stranger are asked for, by preflights that run no cell", async () => {
    expect(await ask()).toEqual({
      status: "passed",
      seen: `${LISTED.join(", ")} may call it; a stranger may not`,
    });
    expect(gateway.requests.sort()).toEqual([
      ...["GET /_api/spec", "GET /_api/spec", "GET /_api/spec"],
      ...["OPTIONS /a", "OPTIONS /a", "OPTIONS /a"],
    ]);
  });

  test("one that is listed and kept out", async () => {
    gateway.origins = LISTED.slice(1);
    expect(await ask()).toMatchObject({
      status: "failed",
      seen: "https://lms.example.edu: the preflight is answered 200 with no leave",
      hint: expect.stringContaining("`notebox up` brings the origins"),
    });
  });

  test.each([[["*"]], [[...LISTED, "https://stranger.example"]]])("a stranger who is let in by %j", async (origins) => {
    gateway.origins = origins;
    expect(await ask()).toMatchObject({
      status: "failed",
      passing: false,
      seen: expect.stringMatching(/^https:\/\/stranger\.example: a stranger is let in/),
    });
  });

  test("the stranger's own address may be listed", async () => {
    gateway.origins = ["https://stranger.example"];
    expect((await ask(gateway.origins)).status).toBe("passed");
  });
});
