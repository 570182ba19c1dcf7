/**
 * The MongoDB service with MongoDB's real client for Python, and a stand-in for the server (test/vm/standin/mongod.py) that
 * speaks its protocol and asks for passwords: the password is set, sample data is loaded once and whole or not at all, and
 * verify's questions are answered in the same way as by the real one.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mongoPython } from "../../scripts/lib/gateway-python.mjs";
import { kindNamed } from "../../src/services/index.ts";
import { freePort } from "../free-port.ts";

const root = path.resolve(import.meta.dirname, "../..");
const python = mongoPython() ?? "";
const TOKEN = "0123456789abcdef0123456789abcdef0123456789abcdef";

describe.skipIf(python === "")("MongoDB's real client and a stand-in for its server", () => {
  let place = "";
  let server: ChildProcess | undefined;
  let url = "";
  const at = (name: string): string => path.join(place, name);
  const write = (name: string, text: string, mode = 0o644): void => {
    fs.mkdirSync(path.dirname(at(name)), { recursive: true });
    fs.writeFileSync(at(name), text, { mode });
  };
  const action = (name: string, input = "") =>
    spawnSync(python, [at("mongodb.py"), name, "db"], { encoding: "utf8", input, env: environment() });
  const environment = () => ({ PATH: `${at("bin")}:/usr/bin:/bin`, CREDENTIALS_DIRECTORY: place });
  const start = (): void => {
    server = spawn(python, [at("mongodb.py"), "run", "db"], { env: environment(), stdio: "inherit" });
  };
  const stop = async (): Promise<void> => {
    server?.kill("SIGTERM");
    if (server?.exitCode === null) await once(server, "exit");
  };
  const names = (): string => {
    const ask = `import pymongo\nprint(sorted(pymongo.MongoClient(${JSON.stringify(url)}).course.list_collection_names()))`;
    return spawnSync(python, ["-c", ask], { encoding: "utf8" }).stdout.trim();
  };

  beforeAll(async () => {
    place = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-mongo-"));
    const port = await freePort();
    url = `mongodb://course:${TOKEN}@127.0.0.1:${port}/course`;
    const program = fs.readFileSync(path.join(root, "provision/services/mongodb/mongodb.py"), "utf8");
    write(
      "mongodb.py",
      program.replaceAll(/\/(etc|var\/lib|run|home)\//g, (found) => `${place}${found}`),
    );
    write("bin/mongod", `#!/bin/sh\nexec '${python}' '${path.join(root, "test/vm/standin/mongod.py")}' "$@"\n`, 0o755);
    write("token", TOKEN);
    write("etc/notebox/workbench/services/db.json", JSON.stringify({ innerPort: port, database: "course" }));
    for (const name of ["var/lib/notebox-db", "run/notebox-db"]) fs.mkdirSync(at(name), { recursive: true });
    write("home/notebox/mongo/01-notes.jsonl", '{"a":1}\n\n{"a":{"$date":"2026-01-01T00:00:00Z"}}\n');
    write("home/notebox/mongo/people.json", '[{"name":"Ada"}]');
    write("home/notebox/mongo/zz.jsonl", '{"x":1}\nnot JSON\n');
    start();
    expect(action("wait").stderr).toBe("");
  });
  afterAll(async () => {
    await stop();
    fs.rmSync(place, { recursive: true, force: true });
  });

  test("sample data is loaded in order, whole or not at all, and what fails is named with its line", () => {
    const first = action("load", TOKEN);
    expect(first.stdout).toBe("notebox: db: loaded mongo/01-notes.jsonl\nnotebox: db: loaded mongo/people.json\n");
    expect([first.status, first.stderr]).toEqual([
      1,
      expect.stringMatching(/^mongo\/zz\.jsonl was not loaded: line 2: /),
    ]);
    expect(names()).toBe("['notebox_loaded', 'notes', 'people']");
    write("home/notebox/mongo/zz.jsonl", '{"x":1}\n');
    expect(action("load", TOKEN).stdout).toBe("notebox: db: loaded mongo/zz.jsonl\n");
    expect(action("load", TOKEN)).toMatchObject({ status: 0, stdout: "" });
  });

  test("data and password outlive a restart", async () => {
    await stop();
    start();
    expect(action("wait").stderr).toBe("");
    expect(names()).toBe("['notebox_loaded', 'notes', 'people', 'zz']");
  });

  test("verify's questions, asked as a kernel would, are answered, and a stranger is refused", async () => {
    const kernel = {
      needs: [],
      run: async (code: string) => {
        const run = spawnSync(python, ["-c", code], { encoding: "utf8", env: { MONGO_URL: url } });
        return { ok: run.status === 0, text: run.stdout + run.stderr };
      },
      close: async () => {},
    };
    const kind = kindNamed("mongodb");
    const service = kind?.resolve("db", { database: "course" });
    if (kind === undefined || service === undefined) throw new Error("no such kind");
    const context = {
      ...{ deps: {} as never, service, unit: "mongodb@db.service", ground: [], notebook: undefined, kernel },
      ...{ url: () => "", token: () => "", told: () => ({}) as never, includeWrites: false },
      outside: { needs: [], suspects: [] },
    };
    const [query, login] = await Promise.all((kind.checks?.(context).after ?? []).map((check) => check.ask()));
    expect(query).toEqual({ status: "passed", seen: "MongoDB 0.0.0 answered, and kept a row" });
    expect(login).toEqual({ status: "passed", seen: expect.stringMatching(/Authentication failed/) });
    expect(names()).toBe("['notebox_loaded', 'notes', 'people', 'zz']");
  });
});
