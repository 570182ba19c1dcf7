/** What makes a gateway hang or lie, provoked in ours (all of it) and, of what is quick to see, in the one as it comes. */

import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FAULTS, NOTEBOOK, provokeFaults } from "../gateway/faults.mjs";
import { type Gateway, type Spec, startOurs, startStock, TOKEN, until } from "../gateway/start.ts";
import { withGateway } from "../gateway/with-gateway.ts";

const notebook = fs.readFileSync(NOTEBOOK, "utf8");

withGateway("faults", () => {
  test("our gateway stands all of them", async () => {
    const gateway = await startOurs(notebook, { timeout: 3 });
    try {
      const results = await provokeFaults({ url: gateway.url, token: TOKEN, timeoutSeconds: 3 });
      expect(results.filter(({ passed }) => !passed)).toEqual([]);
      expect(results).toHaveLength(FAULTS.length);
      // What happened stands in the journal, with its cell.
      expect(gateway.told().join("\n")).toMatch(/marks: The cells of GET \/sleep \(cell 3\) took longer than the 3 s/);
      expect(gateway.told().join("\n")).toMatch(/marks: The kernel died while .*\(cell 5\).*exit code 3/);
    } finally {
      await gateway.stop();
    }
  });

  test("the gateway as it comes does not: the script can tell", async () => {
    const gateway = await startStock(notebook);
    try {
      const options = { url: gateway.url, token: TOKEN, timeoutSeconds: 0.5, nextSeconds: 1 };
      for (const only of ["without a type", "not JSON", "ends itself in ResponseInfo"]) {
        const [result] = await provokeFaults({ ...options, only });
        expect(result?.passed, result?.seen).toBe(false);
      }
    } finally {
      await gateway.stop();
    }
  });
});

withGateway("a cell that prints faster than it is read", () => {
  test("is heard to its last line", async () => {
    const LINES = 8000;
    // With pauses: a kernel has a queue of its own, which overflows on a busy computer.
    const printing = `for i in range(${LINES}):\n  print(i, flush=True)\n  if i % 50 == 0: time.sleep(0.01)`;
    const cells = [`# GET /many\nimport time\nopen('begun', 'w')\n${printing}`, "# POST /big"];
    const gateway = await startOurs(cells, { timeout: 60 });
    try {
      const many = gateway.ask("GET /many");
      const begun = path.join(path.dirname(gateway.notebook), "begun");
      expect(await until(() => fs.existsSync(begun), 10_000)).toBe(true);
      // To read this keeps the gateway busy for a second or two, in which the cell goes on.
      const headers = { "content-type": "application/json" };
      const body = `["${"x\\n".repeat(24_000_000)}"]`;
      const gone = new AbortController();
      const big = gateway.ask("POST /big", { headers, body, signal: gone.signal }).catch(() => undefined);
      const lines = (await (await many).text()).trim().split("\n");
      gone.abort();
      await big;
      expect(lines).toHaveLength(LINES);
    } finally {
      await gateway.stop();
    }
  });
});

withGateway("a notebook with a cell of megabytes", () => {
  test("is described without keeping others waiting", async () => {
    const data = `DATA = """${"[1, 'a'], (\\n".repeat(300_000)}"""`;
    const gateway = await startOurs([data, "# GET /hello\nprint('hello')"], { timeout: 1 });
    try {
      const specs = Array.from({ length: 8 }, async () => (await gateway.ask("GET /_api/spec")).status);
      const began = performance.now();
      expect((await gateway.ask("GET /hello")).status).toBe(200);
      expect(await Promise.all(specs)).toEqual(Array(8).fill(200));
      expect(performance.now() - began).toBeLessThan(3000);
    } finally {
      await gateway.stop();
    }
  });
});

withGateway("waiting", () => {
  const TIMEOUT = 4;
  let gateway: Gateway;
  const count = async (): Promise<number> => Number(await (await gateway.ask("GET /n")).text());
  /** A kernel may have to be started anew first. */
  const ready = (): Promise<boolean> => until(async () => (await gateway.ask("GET /n")).status === 200, 15_000);
  beforeAll(async () => {
    const cells = [
      "import json, time\nN = 0",
      "# GET /sleep/:s\nN += 1\nopen('begun', 'w').close()\ntime.sleep(float(json.loads(REQUEST)['path']['s']))\nprint(N)",
      "# GET /exit\nprint('bye')\nexit()",
      "# GET /n\nprint(N)",
    ];
    gateway = await startOurs(cells, { timeout: TIMEOUT });
  });
  afterAll(async () => void (await gateway?.stop()));

  test("whoever goes away frees the kernel, which keeps its variables", async () => {
    expect(await count()).toBe(0);
    const hold = new AbortController();
    const held = gateway.ask("GET /sleep/600", { signal: hold.signal });
    const begun = path.join(path.dirname(gateway.notebook), "begun");
    expect(await until(() => fs.existsSync(begun), 3000)).toBe(true);
    const waits = gateway.ask("GET /sleep/600", { signal: AbortSignal.timeout(500) });
    await expect(waits).rejects.toThrow();
    hold.abort();
    await expect(held).rejects.toThrow();
    // The one that waited never began, and the other's kernel was not thrown away.
    expect(await count()).toBe(1);
  });

  test("in the queue each has its own time, however many wait", async () => {
    const began = performance.now();
    const all = Array.from({ length: 10 }, async () => await gateway.ask("GET /sleep/1"));
    const answers = await Promise.all(all);
    expect((performance.now() - began) / 1000).toBeLessThan(TIMEOUT + 2);
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(1);
    expect(statuses.filter((status) => status === 504).length).toBeGreaterThanOrEqual(6);
    expect(await ready()).toBe(true);
  });

  test("after exit() the next request has a fresh kernel", async () => {
    expect(await (await gateway.ask("GET /exit")).text()).toBe("bye\n");
    expect(await ready()).toBe(true);
    expect(await count()).toBe(0);
    const spec = (await (await gateway.ask("GET /_api/spec")).json()) as Spec;
    expect(spec["x-notebox-service"]).toMatchObject({ name: "marks", kernels: 1 });
    expect(spec["x-notebox-service"].kernelsReplaced).toBeGreaterThanOrEqual(1);
  });
});
