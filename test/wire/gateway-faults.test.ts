/** What makes a gateway hang or lie, provoked in ours (all of it) and, of what is quick to see, in the one as it comes. */

import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gatewayPython } from "../../scripts/lib/gateway-python.mjs";
import { FAULTS, NOTEBOOK, provokeFaults } from "../gateway/faults.mjs";
import { type Gateway, type Spec, startOurs, startStock, TOKEN, until } from "../gateway/start.ts";

const notebook = fs.readFileSync(NOTEBOOK, "utf8");

describe.skipIf(gatewayPython() === undefined)("faults", () => {
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

describe.skipIf(gatewayPython() === undefined)("waiting", () => {
  const TIMEOUT = 4;
  let gateway: Gateway;
  const count = async (): Promise<number> => Number(await (await gateway.ask("GET /n")).text());
  /** A kernel may have to be started anew first. */
  const ready = (): Promise<boolean> => until(async () => (await gateway.ask("GET /n")).status === 200, 15_000);
  beforeAll(async () => {
    const cells = [
      "import json, time\nN = 0",
      "# GET /sleep/:s\nN += 1\ntime.sleep(float(json.loads(REQUEST)['path']['s']))\nprint(N)",
      "# GET /exit\nprint('bye')\nexit()",
      "# GET /n\nprint(N)",
    ];
    gateway = await startOurs(cells, { timeout: TIMEOUT });
  });
  afterAll(async () => void (await gateway?.stop()));

  test("whoever goes away frees the kernel, which keeps its variables", async () => {
    expect(await count()).toBe(0);
    const held = gateway.ask("GET /sleep/600", { signal: AbortSignal.timeout(1000) });
    const waits = gateway.ask("GET /sleep/600", { signal: AbortSignal.timeout(500) });
    await expect(waits).rejects.toThrow();
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
