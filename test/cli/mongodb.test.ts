/**
 * MongoDB as far as it goes without its server, which no package source of ours has: what is refused when, what reaches apt,
 * and how the service starts a stand-in for mongod and pymongo: never without a password where anybody could reach it.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const provision = path.join(root, "provision");
const SOURCE = "{ apt: deb https://boxes.example.edu/m bookworm/mongodb-org/8.0 main, key: mongodb.asc }";
const TOKEN = "0123456789abcdef0123456789abcdef0123456789abcdef";

let folder = "";
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-mongodb-"));
});
beforeEach(() => fs.rmSync(path.join(folder, "mongodb.asc"), { force: true }));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function notebox(command: string, mongodb: string) {
  const head = "version: 1\nname: w\nbox: { name: notebox/debian-13, shares: [/srv] }\n";
  fs.writeFileSync(path.join(folder, "workbench.yaml"), `${head}services:\n  jupyter: {}\n  mongodb: ${mongodb}\n`);
  const run = spawnSync(process.execPath, [path.join(root, "dist/notebox.cjs"), command, "-C", folder], {
    encoding: "utf8",
    env: { ...process.env, PATH: "/nonexistent" },
  });
  return { code: run.status, text: run.stdout + run.stderr };
}

describe("without a source", () => {
  test.each(["validate", "render"])("%s warns and goes on", (command) => {
    const { code, text } = notebox(command, "{}");
    expect(code).toBe(0);
    expect(text).toMatch(/No distribution has MongoDB's server.*postgres, whose JSONB/);
  });

  test("up refuses, before it looks for Vagrant", () => {
    const { code, text } = notebox("up", "{}");
    expect([code, text]).toEqual([3, expect.stringMatching(/mongodb cannot start: No distribution has.*\n.*JSONB/)]);
  });
});

describe("with a source", () => {
  test("the key has to be there; then both are in the bundle, and the packages are asked for", () => {
    expect(notebox("validate", `{ source: ${SOURCE} }`).text).toContain("there is no file mongodb.asc");
    fs.writeFileSync(path.join(folder, "mongodb.asc"), "KEY");
    expect(notebox("render", `{ source: ${SOURCE} }`)).toMatchObject({ code: 0 });
    const read = (name: string): string => fs.readFileSync(path.join(folder, "provision/workbench", name), "utf8");
    expect(read("files/mongodb.asc")).toBe("KEY");
    expect(read("apt.txt")).toBe("mongodb-org-server\nmongodb-database-tools\n");
    // In a hand-out the key is in the bundle alone.
    fs.rmSync(path.join(folder, "mongodb.asc"));
    expect(notebox("render", `{ source: ${SOURCE} }`)).toMatchObject({ code: 0 });
    expect(read("files/mongodb.asc")).toBe("KEY");
  });

  test.each([
    ["deb [trusted=yes] https://x.example/m a main", "must not call an unsigned source trusted"],
    ["deb https://x.example/$(id) a main", "is not the line of a package source"],
    ["deb https://user:secret@x.example/ a main", "is not the line of a package source"],
    ["deb file:///srv/m a main", "is not the line of a package source"],
  ])("refuses %s", (line, why) => {
    const source = `{ source: { apt: ${JSON.stringify(line)}, key: mongodb.asc } }`;
    expect(notebox("validate", source)).toEqual({ code: 3, text: expect.stringContaining(why) });
  });
});

describe("the step before the packages", () => {
  /** Runs the step's work with the workbench that was rendered; returns what it says, and what apt would read. */
  function step(avx: boolean) {
    const place = fs.mkdtempSync(path.join(folder, "step-"));
    const program = `. ${provision}/services/mongodb/25-mongodb.sh
      WORKBENCH=${folder}/provision/workbench SOURCE=${place}/source KEYS=${place}/keys
      has_avx() { ${avx}; }
      work`;
    spawnSync("bash", ["-c", program], { env: { PATH: process.env["PATH"], NOTEBOX_SCRATCH: place } });
    const read = (name: string) => fs.readFileSync(path.join(place, name), { encoding: "utf8", flag: "a+" });
    return { advice: read("advice"), source: read("source").replaceAll(place, "") };
  }

  test("names the source and its key to apt", () => {
    fs.writeFileSync(path.join(folder, "mongodb.asc"), "KEY");
    notebox("render", `{ source: ${SOURCE} }`);
    const { advice, source } = step(true);
    const lines = ["Types: deb", "URIs: https://boxes.example.edu/m", "Suites: bookworm/mongodb-org/8.0"];
    expect(source).toBe(`${[...lines, "Components: main", "Signed-By: /keys/notebox-mongodb.asc"].join("\n")}\n`);
    expect(advice).toBe("");
  });

  test("refuses a processor without AVX first, and a workbench without a source", () => {
    notebox("render", "{}");
    const old = step(false);
    expect(old).toEqual({ advice: expect.stringMatching(/needs a processor with AVX.*JSONB/), source: "" });
    const none = step(true);
    expect(none).toEqual({ advice: expect.stringMatching(/^services\.mongodb: no distribution.*JSONB/), source: "" });
  });
});

const MONGOD = `#!/bin/bash
echo "mongod $*" >>"$LOG"
[[ " $* " == *" --auth "* ]] || exec sleep 60
`;
const PYMONGO = `
import os, sys, types
errors = sys.modules["pymongo.errors"] = types.ModuleType("pymongo.errors")
errors.PyMongoError = type("PyMongoError", (Exception,), {})
errors.OperationFailure = type("OperationFailure", (errors.PyMongoError,), {})
class Database:
    def list_collection_names(self): return []
    def command(self, name, *given, **more):
        if "mongod --dbpath" not in open(os.environ["LOG"]).read(): raise errors.PyMongoError("nobody answers yet")
        with open(os.environ["LOG"], "a") as log: log.write(f"{name} {given} {more}\\n")
        return {"users": []}
class MongoClient:
    def __init__(self, address, **options):
        with open(os.environ["LOG"], "a") as log: log.write(f"connects to {address}\\n")
    def __getitem__(self, name): return Database()
`;

describe("the program that starts it", () => {
  function start(place: string, flags = "flags : fpu avx") {
    fs.mkdirSync(path.join(place, "proc"), { recursive: true });
    fs.writeFileSync(path.join(place, "proc/cpuinfo"), `${flags}\n`);
    const log = path.join(place, "log");
    fs.rmSync(log, { force: true });
    const env = {
      PATH: `${place}/bin:/usr/bin:/bin`,
      PYTHONPATH: `${place}/lib`,
      CREDENTIALS_DIRECTORY: place,
      LOG: log,
    };
    const run = spawnSync("python3", [path.join(place, "mongodb.py"), "run", "db"], { env, encoding: "utf8" });
    return { ...run, log: fs.existsSync(log) ? fs.readFileSync(log, "utf8").replaceAll(place, "").split("\n") : [] };
  }

  function lay(settings: object): string {
    const place = fs.mkdtempSync(path.join(folder, "guest-"));
    const write = (name: string, text: string, mode = 0o644): void => {
      fs.mkdirSync(path.dirname(path.join(place, name)), { recursive: true });
      fs.writeFileSync(path.join(place, name), text, { mode });
    };
    const program = fs.readFileSync(path.join(provision, "services/mongodb/mongodb.py"), "utf8");
    write(
      "mongodb.py",
      program.replaceAll(/\/(etc|var\/lib|run|proc)\//g, (found) => `${place}${found}`),
    );
    write("bin/mongod", MONGOD, 0o755);
    write("lib/pymongo/__init__.py", PYMONGO);
    write("token", TOKEN);
    write("etc/notebox/workbench/services/db.json", JSON.stringify(settings));
    fs.mkdirSync(path.join(place, "var/lib/notebox-db"), { recursive: true });
    return place;
  }

  test("sets the password on a socket of its own, once, and asks everybody else for it", () => {
    const place = lay({ innerPort: 27017, database: "course" });
    const first = start(place);
    expect(first.stderr).toBe("");
    for (const line of [
      /^mongod .*--bind_ip \/run\/notebox-db\/mongodb\.sock .*0700$/,
      /^connects to mongodb:\/\/.*notebox-db%2Fmongodb\.sock$/,
      new RegExp(`^createUser \\('course',\\) .*${TOKEN}.*readWrite`),
    ])
      expect(first.log).toContainEqual(expect.stringMatching(line));
    expect(first.log.filter((line) => /--bind_ip [^/]/.test(line) && !line.includes(" --auth "))).toEqual([]);
    const last = /^mongod .*--port 27017 .*--auth --bind_ip 127\.0\.0\.1 --nounixsocket$/;
    expect(first.log.at(-2)).toMatch(last);
    expect(start(place).log).toEqual([expect.stringMatching(last), ""]);
    // A new token is a new password.
    fs.writeFileSync(path.join(place, "token"), TOKEN.replaceAll("0", "f"));
    expect(start(place).log.filter((line) => line.startsWith("mongod"))).toHaveLength(2);
  });

  test("is reached from outside the VM only where a port was given", () => {
    const { log } = start(lay({ port: 27099, database: "course" }));
    expect(log.at(-2)).toMatch(/--port 27099 .*--auth --bind_ip 0\.0\.0\.0/);
  });

  test("says in one line why it cannot start", () => {
    const place = lay({ innerPort: 27017, database: "course" });
    const old = start(place, "flags : fpu sse4_2 avxless");
    expect(old.stderr).toMatch(/^notebox: db: MongoDB needs a processor with AVX.*postgres.*\n$/);
    fs.rmSync(path.join(place, "bin/mongod"));
    expect(start(place).stderr).toMatch(/^notebox: db: mongod is not installed/);
  });
});
