/**
 * OpenRefine from an address instead of the distribution: what the workbench may say, what is asked of apt then, and how the
 * step in the VM gets, checks and lays down the archive: whole, the one that was named, or not at all. A server of this
 * computer's loopback has the archive; it holds what the step looks at, not OpenRefine.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import type net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

let folder = "";
let url = "";
let asked: string[] = [];
const server = http.createServer((request, response) => {
  asked.push(request.url ?? "");
  const file = path.join(folder, "web", path.basename(request.url ?? ""));
  if (!fs.existsSync(file)) return response.writeHead(404).end();
  return response.end(fs.readFileSync(file));
});
beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-openrefine-"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  archive("good.tar.gz", ["webapp/WEB-INF/web.xml", "server/target/lib/openrefine-server.jar"]);
  archive("other.tar.gz", ["webapp/index.html"]);
  fs.writeFileSync(path.join(folder, "web/text.tar.gz"), "no archive");
});
afterAll(() => {
  server.close();
  fs.rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  asked = [];
});

/** As OpenRefine's are: all below one folder. */
function archive(name: string, files: readonly string[]): void {
  const tree = path.join(folder, "tree");
  fs.rmSync(tree, { recursive: true, force: true });
  for (const file of files) {
    fs.mkdirSync(path.dirname(path.join(tree, "openrefine-1.0", file)), { recursive: true });
    fs.writeFileSync(path.join(tree, "openrefine-1.0", file), file);
  }
  fs.mkdirSync(path.join(folder, "web"), { recursive: true });
  const tar = spawnSync("tar", ["-czf", path.join(folder, "web", name), "-C", tree, "openrefine-1.0"]);
  if (tar.status !== 0) throw new Error(String(tar.stderr));
}

const sha256 = (name: string): string =>
  createHash("sha256")
    .update(fs.readFileSync(path.join(folder, "web", name)))
    .digest("hex");

function notebox(command: string, openrefine: string) {
  const head = "version: 1\nname: w\nbox: { name: notebox/debian-13, shares: [/srv] }\n";
  fs.writeFileSync(
    path.join(folder, "workbench.yaml"),
    `${head}services:\n  refine: { kind: openrefine, ${openrefine} }\n`,
  );
  const run = spawnSync(process.execPath, [path.join(root, "dist/notebox.cjs"), command, "-C", folder], {
    encoding: "utf8",
    env: { ...process.env, PATH: "/nonexistent" },
  });
  return { code: run.status, text: run.stdout + run.stderr };
}
const source = (name: string, sum = sha256(name)): string => `source: { url: "${url}/${name}", sha256: "${sum}" }`;
const bundled = (name: string): string => fs.readFileSync(path.join(folder, "provision/workbench", name), "utf8");

test("with a source Java is asked of apt, without one the distribution's OpenRefine", () => {
  expect(notebox("render", "port: 3333")).toMatchObject({ code: 0 });
  expect(bundled("apt.txt")).toBe("openrefine\n");
  expect(notebox("render", source("good.tar.gz"))).toMatchObject({ code: 0 });
  expect(bundled("apt.txt")).toBe("default-jre-headless\n");
});

test.each([
  ["file:///srv/o.tar.gz", "0".repeat(64), "is not the address of a .tar.gz"],
  ["https://user:secret@x.example/o.tar.gz", "0".repeat(64), "is not the address of a .tar.gz"],
  ["https://x.example/o.zip", "0".repeat(64), "is not the address of a .tar.gz"],
  ["https://x.example/o.tar.gz", "0".repeat(63), "is not a SHA-256"],
])("refuses %s with %s", (address, sum, why) => {
  const text = expect.stringContaining(why);
  expect(notebox("validate", `source: { url: "${address}", sha256: "${sum}" }`)).toEqual({ code: 3, text });
});

/** Runs the step's work in a place of its own; returns what it advises, and the files that are there then. */
async function step(place: string) {
  const program = `. ${root}/provision/services/openrefine/70-openrefine.sh
    WORKBENCH=${folder}/provision/workbench PREFIX=${place}/opt OWN=${place}/opt/openrefine UNITS=${place}/units work; echo done`;
  fs.rmSync(path.join(place, "advice"), { force: true });
  const run = spawn("bash", ["-c", program], {
    env: { PATH: process.env["PATH"], NOTEBOX_SCRATCH: place, NOTEBOX_HOST_CA: "/nonexistent" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  await new Promise((resolve) => run.once("close", resolve));
  const advice = path.join(place, "advice");
  const own = path.join(place, "opt/openrefine");
  return {
    advice: fs.existsSync(advice) ? fs.readFileSync(advice, "utf8").trim() : "",
    files: fs.existsSync(own)
      ? (fs.readdirSync(own, { recursive: true }) as string[]).filter((name) => /\./.test(name)).sort()
      : [],
  };
}

test("the step lays it down, once; another archive takes its place, and what is not whole or not the one does not", async () => {
  const place = fs.mkdtempSync(path.join(folder, "step-"));
  const whole = { advice: "", files: ["server/target/lib/openrefine-server.jar", "webapp/WEB-INF/web.xml"] };
  const render = (text: string): void => expect(notebox("render", text)).toMatchObject({ code: 0 });
  render(source("good.tar.gz"));
  expect(await step(place)).toEqual(whole);
  expect(await step(place)).toEqual(whole);
  expect(asked).toEqual(["/good.tar.gz"]);
  for (const [name, sum, advice] of [
    ["none.tar.gz", "0".repeat(64), /^OpenRefine cannot be fetched from .*none\.tar\.gz \(.*404.*\); check/],
    ["other.tar.gz", "0".repeat(64), new RegExp(`is not the file that.*its SHA-256 is ${sha256("other.tar.gz")}`)],
    ["other.tar.gz", sha256("other.tar.gz"), /holds no OpenRefine for Linux/],
    ["text.tar.gz", sha256("text.tar.gz"), /^OpenRefine cannot be unpacked: .*gzip/],
  ] as const) {
    render(source(name, sum));
    expect(await step(place)).toEqual({ ...whole, advice: expect.stringMatching(advice) });
  }
  archive("good.tar.gz", ["webapp/WEB-INF/new.xml", "server/target/lib/new.jar"]);
  render(source("good.tar.gz"));
  expect(await step(place)).toEqual({ advice: "", files: ["server/target/lib/new.jar", "webapp/WEB-INF/new.xml"] });
});
