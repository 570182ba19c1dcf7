/** `validate`, `config show` and `config schema` as people run them: exit codes, what goes where, words. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const program = path.join(root, "dist", "notebox.cjs");
let folder: string;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-validate-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function notebox(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: "utf8" });
  return { status, stdout, stderr };
}

function workbench(name: string, text: string): string {
  const inner = path.join(folder, name);
  fs.mkdirSync(inner, { recursive: true });
  fs.writeFileSync(path.join(inner, "workbench.yaml"), text);
  return inner;
}

describe("validate", () => {
  test.each(["hello", "api"])("examples/%s is sound", (name) => {
    const { status, stdout, stderr } = notebox("-C", path.join(root, "examples", name), "validate");
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(stdout).toContain("is sound");
    expect(stdout).toMatch(/GET \/\w+/);
  });

  test("no workbench.yaml: exit 3, says so, names init, writes nothing", () => {
    const empty = path.join(folder, "empty");
    fs.mkdirSync(empty);
    const { status, stdout, stderr } = notebox("-C", empty, "validate");
    expect(status).toBe(3);
    expect(stdout).toBe("");
    expect(stderr).toContain(`There is no workbench.yaml in ${empty}`);
    expect(stderr).toContain("notebox init");
    expect(stderr).not.toMatch(/\bat .*\.ts|\.cjs:/);
    expect(fs.readdirSync(empty)).toEqual([]);
  });

  test("several faults: each on a line of its own, with its place", () => {
    const bad = workbench("bad", "version: 1\nnmae: x\nbox: { name: a/b }\nservices: { jupyter: { port: 80 } }\n");
    const { status, stdout, stderr } = notebox("-C", bad, "validate");
    expect(status).toBe(3);
    expect(stdout).toBe("");
    expect(stderr).toContain("workbench.yaml:2:1: nmae is not known.\n    Did you mean name?");
    expect(stderr).toContain("workbench.yaml:4:30: services.jupyter.port 80 must be between 1024 and 65535.");
    expect(stderr).toContain("name is missing");
  });

  test("--json: one document on standard output and nothing on standard error", () => {
    const bad = workbench("json", "version: 1\ntitle: [\n");
    const { status, stdout, stderr } = notebox("-C", bad, "--json", "validate");
    expect(status).toBe(3);
    expect(stderr).toBe("");
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ ok: false, command: "validate", error: { code: "invalid" } });
    expect(document.error.problems[0]).toMatchObject({ id: "yaml", file: path.join(bad, "workbench.yaml") });
  });
});

describe("config", () => {
  test("show gives each value with its origin", () => {
    const text = "version: 1\nname: lab\nbox: { name: a/b }\nservices: { jupyter: { port: 9000 } }\n";
    const inner = workbench("show", text);
    const { status, stdout } = notebox("-C", inner, "config", "show");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^services\.jupyter\.port +9000 +workbench\.yaml:4$/m);
    expect(stdout).toMatch(/^machine\.memory +2 GiB +default$/m);
    const { settings } = JSON.parse(notebox("-C", inner, "--json", "config", "show").stdout).result;
    expect(settings).toContainEqual({ key: "name", value: "lab", origin: { from: "file", line: 2 } });
  });

  test("schema prints the schema that is checked in", () => {
    const { status, stdout } = notebox("config", "schema");
    expect(status).toBe(0);
    expect(stdout).toBe(fs.readFileSync(path.join(root, "schema/workbench.schema.json"), "utf8"));
  });
});
