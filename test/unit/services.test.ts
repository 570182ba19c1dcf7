/**
 * Kinds of service: all of them are found, what they bring reaches the plan, and what verify asks of a database in a
 * kernel (here run by Python itself) tells a sound one from those that lose rows or let strangers in.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readAssets } from "../../src/bundle/assets.ts";
import { planBundle } from "../../src/bundle/plan.ts";
import { databaseFacts, judgeLogin, judgeQuery } from "../../src/checks/database-checks.ts";
import { UserError } from "../../src/errors.ts";
import { KIND_NAMES, kindNamed } from "../../src/services/index.ts";
import { loadWorkbench } from "../../src/workbench/load.ts";

const root = path.resolve(import.meta.dirname, "../..");
const assets = readAssets(root);
let folder = "";
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-services-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

async function load(services: string, more = "") {
  const text = `version: 1\nname: w\nbox: { name: notebox/debian-13, shares: [/srv] }\n${more}services: ${services}\n`;
  fs.writeFileSync(path.join(folder, "workbench.yaml"), text);
  return await loadWorkbench(folder);
}

async function problems(services: string): Promise<string[]> {
  const error = await load(services).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof UserError ? error.problems.map(({ id, message }) => `${id}: ${message}`) : [];
}

test("each file of src/services/kinds is a kind, found under its name", () => {
  const names = fs.readdirSync(path.join(root, "src/services/kinds")).map((name) => name.replace(/\.ts$/, ""));
  expect(KIND_NAMES).toEqual(names.sort());
  for (const name of names) expect(fs.existsSync(path.join(root, "provision/services", name)), name).toBe(true);
});

describe("postgres", () => {
  test("brings packages, a folder and a service that this computer does not reach", async () => {
    const workbench = await load("{ jupyter: {}, db: { kind: postgres } }", "packages: { python: [pandas] }\n");
    expect(workbench.folders).toEqual(["sql"]);
    const files = planBundle({ workbench, assets });
    const content = (name: string): string => files.find((file) => file.path === name)?.content.toString() ?? "";
    expect(content("provision/workbench/services.txt")).toBe("jupyter jupyter 8888\npostgres db 0\n");
    expect(content("provision/workbench/apt.txt")).toBe("postgresql\n");
    expect(content("provision/workbench/python.txt")).toBe("pandas\npsycopg[binary]\n");
    expect(content("provision/workbench/folders.txt")).toBe("notebooks\napi\nsql\n");
    const data = JSON.parse(content("provision/workbench/services/db.json"));
    expect(data).toEqual({ kind: "postgres", name: "db", innerPort: 5432, database: "workbench" });
    expect(content("Vagrantfile")).toContain('"db" => { kind: "postgres", port: nil,');
    expect(files.some((file) => file.path === "provision/services/postgres/save")).toBe(true);
  });

  test("has an address of its own scheme where a port is given", async () => {
    const workbench = await load("{ postgres: { port: 15432 } }");
    const files = planBundle({ workbench, assets });
    const vagrantfile = files.find((file) => file.path === "Vagrantfile")?.content.toString();
    expect(vagrantfile).toContain('"postgres" => { kind: "postgres", port: 15432, scheme: "postgresql" }');
  });

  test("takes no port from another service, and no name that means something to PostgreSQL", async () => {
    const clash = await problems("{ jupyter: { port: 5432 }, postgres: {} }");
    expect(clash).toEqual([expect.stringMatching(/^port-clash: .*postgres has port 5432/)]);
    for (const name of ["postgres", "pg_data", "template1", "Course", "a-b", "x; DROP", "notebox"])
      expect(await problems(`{ postgres: { database: ${JSON.stringify(name)} } }`), name).toHaveLength(1);
    expect(await problems("{ postgres: { database: course_2026 } }")).toEqual([]);
  });
});

/** A module that a kernel finds under a driver's name; `fault` says what is wrong with the database behind it. */
const PSYCOPG = `
import os
class OperationalError(Exception): pass
fault = os.environ["FAULT"]
class Cursor:
    def __init__(self, value): self.value = value
    def fetchone(self): return [self.value]
class Connection:
    def __enter__(self): return self
    def __exit__(self, *what): pass
    def close(self): pass
    def commit(self): pass
    def execute(self, text):
        if fault == "down": raise OperationalError("connection refused")
        answers = {"SHOW": "17.1 (Debian)", "SELECT 1": 1, "SELECT n": 0 if fault == "loses" else 42}
        return Cursor(next((value for key, value in answers.items() if text.startswith(key)), None))
def connect(password=None, **options):
    if password is None: password = os.environ["PGPASSWORD"]
    if password == "right" or fault == "any password" or fault == "no password" and password == "": return Connection()
    raise OperationalError("FATAL:  password authentication failed")
`;

describe("verify, in a kernel of a workbench with PostgreSQL", () => {
  async function ask(fault: string) {
    const modules = path.join(folder, "modules");
    fs.mkdirSync(modules, { recursive: true });
    fs.writeFileSync(path.join(modules, "psycopg.py"), PSYCOPG);
    const kernel = {
      needs: ["auth.jupyter"],
      run: async (code: string) => {
        const env = { PATH: process.env["PATH"], PYTHONPATH: modules, FAULT: fault, PGPASSWORD: "right" };
        const run = spawnSync("python3", ["-c", code], { encoding: "utf8", env });
        return { ok: run.status === 0, text: run.stdout + run.stderr };
      },
      close: async () => {},
    };
    const service = kindNamed("postgres")?.resolve("db", { database: "w" });
    if (service === undefined) throw new Error("no such kind");
    const context = {
      ...{ deps: {} as never, service, unit: "postgres@db.service", ground: [], notebook: undefined, kernel },
      ...{ url: () => "", token: () => "", told: () => ({}) as never, includeWrites: false },
      outside: { needs: ["guest"], suspects: ["service.db"] },
    };
    const checks = kindNamed("postgres")?.checks?.(context).after ?? [];
    return await Promise.all(checks.map(async (check) => [check.id, await check.ask()] as const));
  }
  const statuses = async (fault: string) => (await ask(fault)).map(([id, { status }]) => `${id} ${status}`);

  test("finds a sound database sound", async () => {
    const [query, login] = await ask("none");
    expect(query).toEqual(["query.db", { status: "passed", seen: "PostgreSQL 17.1 answered, and kept a row" }]);
    expect(login).toEqual(["login.db", { status: "passed", seen: "FATAL:  password authentication failed" }]);
  });

  test("notices what is wrong, each by its own check", async () => {
    expect(await statuses("loses")).toEqual(["query.db failed", "login.db passed"]);
    expect(await statuses("no password")).toEqual(["query.db passed", "login.db failed"]);
    expect(await statuses("any password")).toEqual(["query.db passed", "login.db failed"]);
    expect(await statuses("down")).toEqual(["query.db failed", "login.db failed"]);
  });

  test("does not apply without Jupyter", async () => {
    const none = { status: "not-applicable", reason: "no Jupyter" } as const;
    const facts = await databaseFacts(undefined, "")();
    for (const judge of [judgeQuery, judgeLogin]) expect(judge(facts, { name: "db", none })).toEqual(none);
  });
});

test("what hooks say reaches the notebooks' environment as data, and only what is a variable", () => {
  const place = fs.mkdtempSync(path.join(folder, "tokens-"));
  const script = fs
    .readFileSync(path.join(root, "provision/steps/files/notebox-tokens"), "utf8")
    .replaceAll(/\/(var\/lib|run|etc|opt)\//g, (found) => `${place}${found}`);
  fs.writeFileSync(path.join(place, "tokens"), script);
  for (const name of ["etc/notebox/workbench", "opt/notebox/lib/environment", "var/lib", "run"])
    fs.mkdirSync(path.join(place, name), { recursive: true });
  fs.writeFileSync(path.join(place, "etc/notebox/workbench/services.txt"), "postgres db 0\njupyter jupyter 8888\n");
  const value = "a\"b $HOME `id` \\n 'c' é";
  const hook = `#!/bin/bash\n[[ $1 == db ]] || exit\ncat <<'EOF'\nPGPASSWORD=${value}\nno variable\nlower=x\nA_TAB=x\ty\nEOF\n`;
  fs.writeFileSync(path.join(place, "opt/notebox/lib/environment/postgres"), hook, { mode: 0o755 });
  expect(spawnSync("bash", [path.join(place, "tokens")], { encoding: "utf8" }).status).toBe(0);
  const file = path.join(place, "run/notebox/notebooks.env");
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  // Between double quotes, bash and systemd read the four special characters alike.
  const read = spawnSync("bash", ["-c", `. '${file}'; printf '%s|%s|%s' "$PGPASSWORD" "\${lower-}" "\${A_TAB-}"`]);
  expect(read.stdout.toString()).toBe(`${value}||`);
});
