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

  describe("what save wrote, load brings back", () => {
    const hook = (name: string, folder: string, running = true) =>
      spawnSync("bash", [at(name), at(folder), "db"], {
        encoding: "utf8",
        env: { ...environment(), RUNNING: running ? "yes" : "", LOG: at("systemctl.log") },
      });
    const documents = (): string => {
      const ask = `import pymongo\nd = pymongo.MongoClient(${JSON.stringify(url)}).get_default_database()
print({n: [x.get("a", x.get("name")) for x in d[n].find()] for n in sorted(d.list_collection_names()) if n != "notebox_loaded"})`;
      return spawnSync(python, ["-c", ask], { encoding: "utf8" }).stdout.trim();
    };
    const change = (code: string) =>
      spawnSync(python, [
        "-c",
        `import pymongo\nd = pymongo.MongoClient(${JSON.stringify(url)}).get_default_database()\n${code}`,
      ]);
    const settings = (database: string): void => {
      url = url.replace(/\/\w+:(.*)\/\w+$/, `/${database}:$1/${database}`);
      const port = Number(new URL(url).port);
      write("etc/notebox/workbench/services/db.json", JSON.stringify({ innerPort: port, database }));
    };

    const symlinkBeside = (file: string): string => {
      fs.symlinkSync(at("saved/mongodb.archive"), `${file}.link`);
      return `${file}.link`;
    };

    beforeAll(() => {
      for (const name of ["save", "load", "environment"]) {
        const text = fs.readFileSync(path.join(root, "provision/services/mongodb", name), "utf8");
        const here = text
          .replaceAll("/opt/notebox/venv/bin/python", python)
          .replaceAll("/opt/notebox/lib/environment/mongodb", at("environment"))
          .replaceAll(/\/(?:etc|var\/lib|run)\b/g, (found) => `${place}${found}`);
        write(name, here, 0o755);
      }
      for (const [name, what] of Object.entries({ mongodump: "dump", mongorestore: "restore" }))
        write(
          `bin/${name}`,
          `#!/bin/sh\nexec '${python}' '${path.join(root, "test/vm/standin/mongo-tools.py")}' ${what} "$@"\n`,
          0o755,
        );
      write(
        "bin/systemctl",
        `#!/bin/sh\necho "$*" >>"$LOG"\n[ "$*" != "-q is-active mongodb@db.service" ] || [ -n "$RUNNING" ]\n`,
        0o755,
      );
      write("var/lib/notebox/tokens/db", TOKEN);
      fs.mkdirSync(at("saved"));
    });

    test("as it was, and nothing that came later; no password is left over", () => {
      const before = documents();
      expect(before).toContain("'people': ['Ada']");
      expect(hook("save", "saved")).toMatchObject({ status: 0, stderr: "" });
      change("d.people.drop(); d.notes.insert_one({'a': 'later'}); d.own.insert_one({'a': 1})");
      expect(documents()).not.toBe(before);
      expect(hook("load", "saved")).toMatchObject({ status: 0, stderr: "" });
      expect(documents()).toBe(before);
      expect(fs.readdirSync(at("run")).filter((name) => name.startsWith("notebox-mongodb."))).toEqual([]);
    });

    test("a server that does not run is started for it, and stopped again", () => {
      for (const name of ["save", "load"]) {
        fs.rmSync(at("systemctl.log"), { force: true });
        expect(hook(name, "saved", false)).toMatchObject({ status: 0, stderr: "" });
        const asked = fs.readFileSync(at("systemctl.log"), "utf8").trim().split("\n");
        expect(asked.slice(1)).toEqual(["start mongodb@db.service", "stop mongodb@db.service"]);
      }
    });

    test.each([
      ["cut off", (file: string) => fs.truncateSync(file, fs.statSync(file).size - 9)],
      ["something else", (file: string) => fs.writeFileSync(file, "no archive")],
      ["a link", (file: string) => fs.renameSync(symlinkBeside(file), file)],
    ])("a copy that is %s leaves the database as it is", (_, damage) => {
      fs.cpSync(at("saved"), at("damaged"), { recursive: true });
      damage(at("damaged/mongodb.archive"));
      const before = documents();
      const done = hook("load", "damaged");
      expect([done.status, done.stderr]).toEqual([
        1,
        expect.stringMatching(/the copy of db cannot be read|no mongodb\.archive/),
      ]);
      expect(documents()).toBe(before);
      fs.rmSync(at("damaged"), { recursive: true });
    });

    test("into a database of another name", async () => {
      const before = documents();
      await stop();
      settings("later");
      start();
      expect(action("wait").stderr).toBe("");
      expect(documents()).toBe("{}");
      expect(hook("load", "saved")).toMatchObject({ status: 0, stderr: "" });
      expect(documents()).toBe(before);
      await stop();
      settings("course");
      start();
      expect(action("wait").stderr).toBe("");
    });
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
