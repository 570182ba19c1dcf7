/**
 * How our gateway starts and ends: what keeps it from serving is one line that names the cell, and the end of the
 * process; SIGTERM ends it whatever its kernels do.
 */
import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import {
  type Cell,
  type Gateway,
  notebookText,
  type Options,
  type Spec,
  sample,
  startOurs,
  until,
} from "../gateway/start.ts";
import { withGateway } from "../gateway/with-gateway.ts";

const ROUTE = "# GET /hello\nprint('hello')";

/** What is wrong → the notebook, the word in problem.json, the cell, and the line for people. */
const REFUSED: Record<string, [readonly Cell[] | string | undefined, string, number | null, RegExp, Options?]> = {
  "no notebook": [undefined, "notebook", null, /api\/marks\.ipynb is not there; put it back/],
  "no JSON": ["{", "notebook", null, /api\/marks\.ipynb is no notebook: .*save it again/],
  "no routes": [
    ["x = 1", "#GET /x"],
    "no-route",
    null,
    /no cell of api\/marks\.ipynb is annotated as a route.*# GET \/hello/,
  ],
  "a parameter that is no name": [
    ["x = 1", { markdown: "# Text" }, "# GET /u/:user-id\nprint(1)", ROUTE],
    ...([
      "bad-path",
      2,
      /the route \/u\/:user-id in cell 2 of api\/marks\.ipynb is not a sound path \(bad character/,
    ] as const),
  ],
  "a cell that fails": [
    [{ markdown: "# Text" }, "x = 1", "\n\nraise ValueError('no\\nsuch \u001b[31mfile')", ROUTE],
    ...([
      "seed-failed",
      2,
      /cell 2 of api\/marks\.ipynb fails at the start: ValueError: no such file; mend the cell/,
    ] as const),
  ],
  "a cell that never ends": [
    ["import time", "time.sleep(3600)", ROUTE],
    ...(["seed-hangs", 1, /cell 1 of api\/marks\.ipynb has not come to an end within 3 s/] as const),
    { personality: { seed_timeout: 3 } },
  ],
  "a cell that ends its kernel": [
    ["import os", "os._exit(3)", ROUTE],
    ...(["seed-killed", 1, /cell 1 of api\/marks\.ipynb has ended its kernel \(it ended with exit code 3\)/] as const),
  ],
  "a cell that asks for input": [
    ["name = input()", ROUTE],
    ...(["seed-input", 0, /cell 0 of api\/marks\.ipynb asks for input, which nobody can give/] as const),
  ],
};

const problemOf = ({ folder }: Gateway) => {
  const file = path.join(folder, "state/problem.json");
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : undefined;
};

withGateway("it does not start with", () => {
  test.each(sample(REFUSED, ["no routes", "a cell that fails"]))(
    "%s",
    async (_, [notebook, fault, cell, line, options]) => {
      const gateway = await startOurs(notebook, { ...options, timeout: 30, early: true });
      try {
        // Who asks meanwhile is told, too, or meets a closed port; nobody waits for ever.
        const asked = until(async () => {
          const answer = await gateway.ask("GET /hello").catch(() => undefined);
          return gateway.ended() !== undefined || answer?.status === 503;
        }, 40_000);
        expect(await gateway.end(40)).toBe(1);
        expect(await asked).toBe(true);
        const told = gateway.told().filter((text) => text.startsWith("marks: "));
        expect(told).toHaveLength(1);
        expect(told[0]).toMatch(line);
        // One line, and nothing that a terminal would obey.
        expect([...(told[0] ?? "")].every((letter) => letter >= " ")).toBe(true);
        const problem = problemOf(gateway);
        expect(problem).toMatchObject({ fault, cell, notebook: "api/marks.ipynb", serving: false });
        expect(`marks: ${problem.message}`).toBe(told[0]);
        expect(gateway.log()).not.toContain("Traceback");
      } finally {
        await gateway.stop();
      }
    },
  );
});

withGateway("SIGTERM ends it", () => {
  const SLEEP = "# GET /sleep\nimport signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(3600)";
  const CASES: Record<string, [readonly Cell[], Options, (gateway: Gateway) => Promise<unknown>]> = {
    "with a kernel that is busy and deaf": [
      [SLEEP],
      { timeout: 600 },
      async (gateway) => {
        const answer = gateway.ask("GET /sleep").catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        return answer;
      },
    ],
    "while a cell of the start hangs": [
      ["import time\nopen('begun', 'w').close()\ntime.sleep(3600)", ROUTE],
      { early: true },
      async ({ notebook }) =>
        expect(await until(() => fs.existsSync(path.join(path.dirname(notebook), "begun")), 60_000)).toBe(true),
    ],
    "right after its kernel died": [
      ["import os", "# GET /die\nos._exit(1)"],
      {},
      async (gateway) => expect((await gateway.ask("GET /die")).status).toBe(500),
    ],
  };

  test.each(sample(CASES, ["with a kernel that is busy and deaf"]))("%s", async (_, [cells, options, before]) => {
    const gateway = await startOurs(cells, options);
    const pending = before(gateway);
    if (options.timeout === undefined) await pending;
    else await new Promise((resolve) => setTimeout(resolve, 1200));
    gateway.child.kill("SIGTERM");
    expect(await gateway.end(10)).toBe(0);
    // Whoever ends a kernel removes its file: no kernel was left to its fate.
    const left = kernelFiles(gateway);
    await gateway.stop();
    expect(left).toBe(0);
    await pending;
  });
});

withGateway("when the notebook changes", () => {
  const notebook = (answer: string, more: readonly Cell[] = []): string =>
    notebookText([
      "import time",
      ...more,
      `# GET /hello\nprint(${JSON.stringify(answer)})`,
      "# GET /slow\ntime.sleep(3)\nprint('old')",
    ]);

  test("new requests go to the new one, old ones end on the old one, and a broken one changes nothing", async () => {
    const gateway = await startOurs(notebook("one"), { timeout: 30 });
    const hello = async () => (await (await gateway.ask("GET /hello")).text()).trim();
    const told = async () => {
      const answer = (await (await gateway.ask("GET /_api/spec")).json()) as Spec;
      return answer["x-notebox-notebook"];
    };
    /** As editors do it, under another name first. */
    const write = (text: string): void => {
      fs.writeFileSync(`${gateway.notebook}.new`, text);
      fs.renameSync(`${gateway.notebook}.new`, gateway.notebook);
    };
    try {
      expect(await hello()).toBe("one");
      const first = await told();
      const old = gateway.ask("GET /slow");
      write(notebook("two", ["x = 1"]));
      expect(await until(async () => (await hello()) === "two", 30_000)).toBe(true);
      expect(await (await old).text()).toBe("old\n");
      const second = await told();
      expect(second).toMatchObject({ state: "serving", problem: null });
      expect(second.sha256).not.toBe(first.sha256);

      for (const [broken, fault, cell] of [
        [notebook("three", ["1/0"]), "seed-failed", 1],
        ["{", "notebook", null],
        // Whatever it is, the next version is read all the same.
        [notebook("three").replace('"language_info":{"name":"python"}', '"language_info":"python"'), "notebook", null],
        [notebook("three", ["# GET /x{99999999999999999999}"]), "bad-path", 1],
        [notebook("three", ["# GET /\ud800("]), "bad-path", 1],
        [notebook("three", ["'\ud800'"]), "seed-failed", 1],
      ] as const) {
        write(broken);
        expect(await until(async () => (await told()).problem?.["fault"] === fault, 30_000)).toBe(true);
        expect(await told()).toMatchObject({ sha256: second.sha256, problem: { cell } });
        expect(problemOf(gateway)).toMatchObject({ fault, cell, serving: true });
        expect(await hello()).toBe("two");
      }
      expect(gateway.told().join("\n")).toMatch(
        /marks: keeps serving the earlier notebook: cell 1 of .* ZeroDivisionError/,
      );

      // Saved outputs are no reason for new kernels.
      const { pid } = gateway.child;
      const kernels = gateway.log().split("Kernel started").length;
      const outputs = JSON.parse(notebook("two", ["x = 1"]));
      outputs.cells[1].outputs = [{ output_type: "stream", name: "stdout", text: "x" }];
      write(JSON.stringify(outputs));
      expect(await until(async () => (await told()).problem === null, 30_000)).toBe(true);
      expect(gateway.log().split("Kernel started").length).toBe(kernels);
      expect(problemOf(gateway)).toBeUndefined();
      expect(gateway.child.pid).toBe(pid);
      // What no longer is needed is gone: one kernel is left.
      expect(await until(() => kernelFiles(gateway) === 1, 15_000)).toBe(true);
    } finally {
      await gateway.stop();
    }
  });

  test("a start that hangs is given up for a notebook that was mended", async () => {
    const gateway = await startOurs(notebook("one", ["time.sleep(3600)"]), { timeout: 30, early: true });
    try {
      expect(await until(() => gateway.log().includes("Kernel started"), 60_000)).toBe(true);
      fs.writeFileSync(gateway.notebook, notebook("two"));
      expect(
        await until(async () => {
          const answer = await gateway.ask("GET /hello", { signal: AbortSignal.timeout(500) }).catch(() => undefined);
          return answer?.status === 200 && (await answer.text()) === "two\n";
        }, 30_000),
      ).toBe(true);
    } finally {
      await gateway.stop();
    }
  });
});

function kernelFiles({ folder }: Gateway): number {
  return fs.readdirSync(path.join(folder, "runtime")).filter((name) => /^kernel-.*\.json$/.test(name)).length;
}
