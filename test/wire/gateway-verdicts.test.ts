/**
 * Notebooks with which the kernel gateway as it comes is really started: whether it starts, and the paths that it then
 * serves, beside what `notebox api routes` says. Every reason not to start is among them. Forty in the counted trials,
 * some of them in the quick tests.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { gatewayPython } from "../../scripts/lib/gateway-python.mjs";
import { parameterValues } from "../../src/notebooks/routes.ts";
import { type Gateway, notebookText, PYTHON, startStock, takesAll, until } from "../gateway/start.ts";

const root = path.resolve(import.meta.dirname, "../..");
const MADE_UP = takesAll ? 28 : 1;

interface Case {
  text: string;
  /** Paths to ask for, beside /none. */
  paths: readonly string[];
  /** What it says when it does not start. */
  refusal?: RegExp;
  /** Our listing does not know which kernels are installed. */
  kernelUnknown?: boolean;
}

const cells = (...sources: string[]): string => notebookText(sources);
const FIXED: Record<string, Case> = {
  "no route": { text: cells("x = 1", "#GET /a", "# get /a"), paths: [], refusal: /No endpoints were discovered/ },
  "no kernel": { text: notebookText(["# GET /a"], {}), paths: [], refusal: /KeyError: 'kernelspec'/ },
  "a kernel that is not installed": {
    text: notebookText(["# GET /a"], { ...PYTHON, kernelspec: { name: "no-such", display_name: "x" } }),
    ...{ paths: [], refusal: /NoSuchKernel/, kernelUnknown: true },
  },
  "a parameter that is no name": {
    text: cells("# GET /u/:user-id"),
    paths: [],
    refusal: /bad character in group name/,
  },
  "a parameter twice": { text: cells("# GET /:a/:a"), paths: [], refusal: /redefinition of group name/ },
  "a parameter that begins another": {
    text: cells("# GET /u/:a/:ab"),
    paths: [],
    refusal: /bad character|redefinition/,
  },
  "a colon alone": { text: cells("# GET /u/:"), paths: [], refusal: /missing group name/ },
  "an open bracket": { text: cells("# GET /u(a"), paths: [], refusal: /missing \), unterminated subpattern/ },
  "a group beside a parameter": { text: cells("# GET /u(a)/:b"), paths: [], refusal: /groups in url regexes/ },
  sound: {
    text: cells("# GET /user/me", "# POST /user/:id", "# GET /a/:x/b", "# GET /a/b/:y", "# GET /a.b"),
    paths: ["/user/me", "/user/7", "/a/b/b", "/a/c/b", "/axb", "/user/", "/user"],
  },
  "metacharacters that it takes": { text: cells("# GET /q?x", "# GET /s*"), paths: ["/qx", "/x", "/sss", "/q"] },
  "seeds, markdown and ResponseInfo": {
    text: notebookText([{ markdown: "# GET /no" }, "x = 1", "# GET /a", "# ResponseInfo GET /a", "# GET /a"]),
    paths: ["/no", "/a"],
  },
};
const QUICK = ["a parameter that is no name", "sound"];

function madeUp(): [string, Case][] {
  const args = [path.join(root, "test/gateway/ask-gateway.py"), String(MADE_UP), takesAll ? "700000" : "700001"];
  const lines = execFileSync(gatewayPython() ?? "", args, { encoding: "utf8", maxBuffer: 1 << 26 })
    .trim()
    .split("\n");
  return lines.map((line): [string, Case] => {
    const { seed, language, cells: found, requests, verdict } = JSON.parse(line);
    const sources = found.map(({ type, source }: { type: string; source: string }) =>
      type === "code" ? source : { markdown: source },
    );
    const metadata = {
      kernelspec: PYTHON.kernelspec,
      ...(language === null ? {} : { language_info: { name: language } }),
    };
    const paths = requests.map(([each]: [string]) => each);
    const refusal = verdict === null ? {} : { refusal: /Error|error/ };
    return [`made-up notebook ${seed}`, { text: notebookText(sources, metadata), paths, ...refusal }];
  });
}

describe.skipIf(gatewayPython() === undefined)("the gateway as it comes, started with", () => {
  const fixed = Object.entries(FIXED).filter(([name]) => takesAll || QUICK.includes(name));
  const all = gatewayPython() === undefined ? fixed : [...fixed, ...madeUp()];

  test.each(all)("%s", { timeout: 120_000 }, async (_, each) => {
    const gateway = await startStock(each.text, { early: true });
    try {
      const said = ours(gateway.notebook);
      const starts = await started(gateway);
      expect(starts, gateway.log()).toBe(each.refusal === undefined);
      expect(said.starts || each.kernelUnknown !== undefined).toBe(starts || each.kernelUnknown !== undefined);
      if (!starts) {
        expect(gateway.ended()).toBe(1);
        expect(gateway.log()).toMatch(each.refusal ?? /^$/);
        return;
      }
      // It writes down its table as it makes it.
      const table = [...gateway.log().matchAll(/Registering resource: ([^\n]*?), methods: \(\[([^\n]*)\]\)/g)];
      const paths = [...new Set(said.routes.map((route) => route.path))];
      expect(table.map((match) => methodsIn(match[2] ?? ""))).toEqual(
        paths.map((own) => said.routes.filter((route) => route.path === own).map(({ method }) => method)),
      );
      for (const target of ["/none", ...each.paths]) {
        // fetch would tidy up a path such as /a/../b.
        if (new URL(target, gateway.url).pathname !== target || target.startsWith("//")) continue;
        const { status } = await gateway.ask(`OPTIONS ${target}`);
        const route = said.routes.find((route) => parameterValues(route, target) !== undefined);
        expect(status, target).toBe(route === undefined ? 404 : 200);
      }
    } finally {
      gateway.child.kill("SIGKILL");
      await gateway.stop();
    }
  });
});

const methodsIn = (list: string): string[] => [...list.matchAll(/'([A-Z]+)'/g)].map((match) => match[1] ?? "");

async function started(gateway: Gateway): Promise<boolean> {
  await until(async () => {
    if (gateway.ended() !== undefined) return true;
    return await gateway.ask("GET /_api/spec/swagger.json").then(
      ({ ok }) => ok,
      () => false,
    );
  }, 90_000);
  return gateway.ended() === undefined;
}

function ours(notebook: string): { starts: boolean; routes: { method: string; path: string }[] } {
  const program = path.join(root, "dist/notebox.cjs");
  const out = execFileSync(process.execPath, [program, "api", "routes", notebook, "--json"], {
    cwd: path.dirname(notebook),
    encoding: "utf8",
  });
  fs.accessSync(notebook);
  return JSON.parse(out).result;
}
