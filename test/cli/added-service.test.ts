/**
 * docs/adding-a-service.md holds what it promises: its files, taken from the page, are added to a copy of the tree, and
 * without a change of any line that was there the copy builds, validates and renders a workbench with the new service, whose
 * program runs and asks for its token.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../free-port.ts";

const root = path.resolve(import.meta.dirname, "../..");
const page = fs.readFileSync(path.join(root, "docs/adding-a-service.md"), "utf8");
const files = new Map(
  [...page.matchAll(/^`(\S+)`:\n\n```\w+\n([\s\S]*?)^```$/gm)].map(([, name, text]) => [name, text]),
);
const yaml = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
const TOKEN = "0123456789abcdef0123456789abcdef";

let tree = "";
let workbench = "";
let before: Map<string, string>;
const children: ChildProcess[] = [];

beforeAll(() => {
  tree = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-added-"));
  for (const name of ["src", "scripts", "provision", "templates", "schema", "package.json", "tsconfig.json"])
    fs.cpSync(path.join(root, name), path.join(tree, name), { recursive: true });
  fs.symlinkSync(path.join(root, "node_modules"), path.join(tree, "node_modules"));
  before = hashes();
  for (const [name = "", text = ""] of files) {
    expect(fs.existsSync(path.join(tree, name)), name).toBe(false);
    fs.mkdirSync(path.dirname(path.join(tree, name)), { recursive: true });
    fs.writeFileSync(path.join(tree, name), text);
  }
  for (const script of ["build", "schema"]) must(process.execPath, [`scripts/${script}.mjs`]);
  workbench = path.join(tree, "library");
  fs.mkdirSync(workbench);
  fs.writeFileSync(path.join(workbench, "workbench.yaml"), yaml);
});
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  fs.rmSync(tree, { recursive: true, force: true });
});

function hashes(): Map<string, string> {
  const found = fs.readdirSync(tree, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = found.map((entry) => path.relative(tree, path.join(entry.parentPath, entry.name)));
  return new Map(names.map((name) => [name, createHash("sha256").update(read(name)).digest("hex")]));
}

function read(name: string): Buffer {
  return fs.readFileSync(path.join(tree, name));
}

function must(program: string, args: readonly string[]): string {
  const run = spawnSync(program, args, { cwd: tree, encoding: "utf8" });
  if (run.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${run.stdout}${run.stderr}`);
  return run.stdout;
}

function notebox(...args: string[]) {
  return JSON.parse(must(process.execPath, ["dist/notebox.cjs", ...args, "-C", workbench, "--json"])).result;
}

test("the page has one file of a kind and a folder in provision/services, and changes nothing that was there", () => {
  expect([...files.keys()]).toEqual([
    "src/services/kinds/shelf.ts",
    ...["70-shelf.sh", "shelf@.service", "shelf.py"].map((name) => `provision/services/shelf/${name}`),
  ]);
  // The schema is made from the kinds.
  const after = hashes();
  const changed = [...before].filter(([name, hash]) => after.get(name) !== hash).map(([name]) => name);
  expect(changed).toEqual(["schema/workbench.schema.json"]);
});

test("its TypeScript has the types that kinds have, and its Bash pleases shellcheck", () => {
  const only = { extends: "./tsconfig.json", include: ["src/services/kinds/shelf.ts", "src/checks/probe/*.d.ts"] };
  fs.writeFileSync(path.join(tree, "only.json"), JSON.stringify(only));
  must("node_modules/.bin/tsc", ["-p", "only.json"]);
  must("shellcheck", ["--norc", "-x", "provision/services/shelf/70-shelf.sh"]);
}, 180_000);

test("a workbench with it is validated and rendered; its options reach the guest as data", () => {
  const services = notebox("validate").services as object[];
  expect(services).toContainEqual({ name: "shelf", kind: "shelf", port: 8870 });
  notebox("render");
  const rendered = (name: string): string => fs.readFileSync(path.join(workbench, "provision", name), "utf8");
  expect(rendered("workbench/services.txt")).toBe("jupyter jupyter 8888\nshelf shelf 8870\n");
  expect(JSON.parse(rendered("workbench/services/shelf.json"))).toMatchObject({ port: 8870, folder: "books" });
  expect(rendered("services/shelf/shelf.py")).toBe(files.get("provision/services/shelf/shelf.py"));
  const vagrantfile = fs.readFileSync(path.join(workbench, "Vagrantfile"), "utf8");
  expect(vagrantfile).toContain('"shelf" => { kind: "shelf", port: 8870');
  const schema = JSON.parse(must(process.execPath, ["dist/notebox.cjs", "config", "schema"]));
  expect(schema.properties.services.properties.shelf.properties).toHaveProperty("folder");
});

test("verify has its checks in their place", () => {
  const run = spawnSync(process.execPath, ["dist/notebox.cjs", "verify", "-C", workbench, "--json"], {
    cwd: tree,
    encoding: "utf8",
    env: { ...process.env, PATH: "/usr/bin:/bin" },
  });
  const { result, error } = JSON.parse(run.stdout);
  const ids = (result?.checks ?? []).map(({ id }: { id: string }) => id);
  expect(ids, JSON.stringify(error)).toEqual(expect.arrayContaining(["service.shelf", "socket.shelf", "auth.shelf"]));
});

test("its program shows the folder to whoever has the token, and to nobody else", async () => {
  const place = path.join(tree, "guest");
  const port = await freePort();
  for (const folder of ["etc/notebox/workbench/services", "home/notebox/books", "credentials"])
    fs.mkdirSync(path.join(place, folder), { recursive: true });
  const settings = JSON.stringify({ port, folder: "books" });
  fs.writeFileSync(path.join(place, "etc/notebox/workbench/services/shelf.json"), settings);
  fs.writeFileSync(path.join(place, "credentials/token"), TOKEN);
  fs.writeFileSync(path.join(place, "home/notebox/books/sea.txt"), "Call me");
  const program = path.join(tree, "provision/services/shelf/shelf.py");
  const env = { PATH: process.env["PATH"], CREDENTIALS_DIRECTORY: path.join(place, "credentials") };
  children.push(spawn("python3", ["-I", program, "shelf", place], { env, stdio: "ignore" }));
  const ask = async (query: string, headers = {}) =>
    await fetch(`http://127.0.0.1:${port}/sea.txt${query}`, { headers });
  for (let turn = 0; turn < 100 && !(await ask("").catch(() => undefined)); turn++) await sleep(100);
  expect((await ask("")).status).toBe(401);
  expect((await ask("?token=")).status).toBe(401);
  expect((await ask(`?token=${TOKEN}x`)).status).toBe(401);
  const opened = await ask(`?token=${TOKEN}`);
  expect(await opened.text()).toBe("Call me");
  const cookie = opened.headers.get("set-cookie")?.split(";")[0] ?? "";
  expect(await (await ask("", { cookie })).text()).toBe("Call me");
});
