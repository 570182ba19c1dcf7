/** `verify` of services over HTTP and of kernels over their websockets. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Report } from "../../src/checks/check.ts";
import { python } from "./fakes/jupyter-server.ts";
import { makeWorld, TOKENS, type World } from "./fakes/world.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world.close());
beforeEach(() => world.heal());

const cause = (report: Report) => report.causes[0];
const find = (report: Report, id: string) => report.checks.find((check) => check.id === id);
const seen = (report: Report, id: string) => find(report, id)?.seen;

describe("HTTP and kernels", () => {
  test("a Jupyter that asks for no token", async () => {
    world.jupyter.asks = false;
    const done = await world.ask();
    expect(cause(done)?.id).toBe("auth.jupyter");
    expect(seen(done, "auth.jupyter")).toContain("200 without");
    expect(find(done, "auth.jupyter")?.hint).toContain("Anybody who reaches the port");
  });

  test("a Jupyter that was started with another token", async () => {
    const tokens = world.guest.tokens ?? {};
    tokens["jupyter"] = { value: "3".repeat(48), mode: 0o600, uid: 0 };
    const done = await world.ask();
    expect(cause(done)?.id).toBe("auth.jupyter");
    expect(cause(done)?.consequences).toEqual(["kernels.jupyter", "root.jupyter"]);
  });

  test("every kernel runs side by side, and the one that fails is named", async () => {
    world.jupyter.specs = {
      python3: { language: "python" },
      ir: { language: "R", run: () => ({ stdout: "[1] 42\n" }) },
      bash: { language: "bash", run: (code) => (code === "echo $((6*7))" ? { stdout: "42\n" } : { stdout: "" }) },
      broken: { language: "python", run: () => ({ error: ["NameError", "name 'x' is not defined"] }) },
      dying: { language: "python", run: () => ({ dies: true }) },
    };
    const done = await world.ask();
    expect(cause(done)?.id).toBe("kernels.jupyter");
    expect(seen(done, "kernels.jupyter")).toBe(
      "broken: NameError: name 'x' is not defined; dying: The kernel died while it ran the code",
    );
    expect([...world.jupyter.ended].sort()).toEqual([...world.jupyter.started].sort());
  });

  test("Ctrl-C ends it at once, and the kernel with it", async () => {
    world.jupyter.specs = { python3: { language: "python", run: () => ({ silent: true }) } };
    const before = world.jupyter.started.length;
    const running = world.start("verify");
    await expect.poll(() => world.jupyter.started.length, { timeout: 20_000 }).toBe(before + 1);
    const pressed = Date.now();
    running.kill("SIGINT");
    const done = await running.outcome;
    expect(done.code).toBe(130);
    expect(Date.now() - pressed).toBeLessThan(5000);
    expect(world.jupyter.ended).toContain(world.jupyter.started.at(-1));
  });

  test("a token that a notebook gives away in an error reaches no report", async () => {
    world.gateway.routes["GET /hello"] = {
      status: 500,
      body: `Error KeyError: {'Authorization': 'token ${TOKENS.hello}'}`,
    };
    const done = await world.ask();
    expect(seen(done, "routes.hello")).toContain("token [token]");
    expect(JSON.stringify(done)).not.toContain(TOKENS.hello);
  });

  test("a kernel that becomes root", async () => {
    const answer = { uid: 1900, attempts: { sudo: [0, "0"], su: [1, "no"] } };
    world.jupyter.specs = {
      python3: {
        language: "python",
        run: (code) => (code.includes("attempts") ? { stdout: JSON.stringify(answer) } : python(code)),
      },
    };
    const done = await world.ask();
    expect(cause(done)?.id).toBe("root.jupyter");
    expect(seen(done, "root.jupyter")).toContain("becomes root by sudo");
  });

  test("a gateway that asks for no token", async () => {
    world.gateway.asks = false;
    const done = await world.ask();
    expect(cause(done)?.id).toBe("auth.hello");
  });

  test("a route whose cell fails", async () => {
    world.gateway.routes["GET /hello"] = { status: 500, body: "Error NameError: name 'json' is not defined " };
    const done = await world.ask();
    expect(cause(done)?.id).toBe("routes.hello");
    expect(seen(done, "routes.hello")).toMatch(/^GET \/hello \(cell 2\) fails: 500 Error NameError/);
  });

  test("routes are called with the author's example, and with the token in a header", async () => {
    await world.ask();
    expect(world.gateway.requests).toContain("GET /hello/Ada");
    expect(world.gateway.requests.join(" ")).not.toContain("token");
  });
});
