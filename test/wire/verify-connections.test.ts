/** `verify` of a VM that does not answer: over SSH, or not as it should. */
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Report } from "../../src/checks/check.ts";
import { newKey } from "./fakes/ssh-server.ts";
import { makeWorld, type World } from "./fakes/world.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world.close());
beforeEach(() => world.heal());

const cause = (report: Report) => report.causes[0];
const find = (report: Report, id: string) => report.checks.find((check) => check.id === id);
const seen = (report: Report, id: string) => find(report, id)?.seen;
const status = (report: Report, id: string) => find(report, id)?.status;

describe("a VM that cannot answer", () => {
  test.each<[string, Awaited<ReturnType<World["ssh"]["reply"]>>, RegExp]>([
    ["no python3", { code: 127, stderr: "no-python3\n" }, /no python3/],
    ["no sudo", { code: 1, stderr: "sudo: a password is required\n" }, /may not use sudo/],
    ["an answer that is not JSON", { stdout: "NOTEBOX-PROBE-1 {oops\n" }, /not JSON/],
    ["an answer of another shape", { stdout: 'NOTEBOX-PROBE-1 {"disks": 3}\n' }, /another shape/],
    ["a Python that fails", { code: 1, stderr: "Traceback\nImportError: no module named json\n" }, /ImportError/],
    ["a connection that is cut", { hangUp: true }, /cut/],
  ])("%s", async (_name, answer, evidence) => {
    world.ssh.reply = () => answer;
    const done = await world.ask();
    expect(done.passed).toBe(false);
    expect(cause(done)?.id).toBe("guest");
    expect(seen(done, "guest")).toMatch(evidence);
    expect(status(done, "http.jupyter")).toBe("blocked");
  });
});

describe("SSH", () => {
  const endpoints = () => path.join(world.folder, ".notebox/endpoints.json");
  let before: string;
  beforeEach(() => {
    before = fs.readFileSync(endpoints(), "utf8");
  });
  afterEach(() => fs.writeFileSync(endpoints(), before));
  const change = (ssh: object) => {
    const data = JSON.parse(before);
    fs.writeFileSync(endpoints(), JSON.stringify({ ...data, ssh: { ...data.ssh, ...ssh } }));
  };
  test("nothing listens", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as net.AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    change({ port });
    const done = await world.ask();
    expect(done.passed).toBe(false);
    expect(cause(done)?.id).toBe("ssh");
    expect(seen(done, "ssh")).toContain("Nothing listens");
  });

  test("a key that is not let in", async () => {
    const key = path.join(world.folder, "other_key");
    fs.writeFileSync(key, newKey(), { mode: 0o600 });
    change({ key });
    const done = await world.ask();
    expect(seen(done, "ssh")).toContain("does not accept the key");
  });

  test("a key that is gone", async () => {
    change({ key: path.join(world.folder, "no_key") });
    const done = await world.ask();
    expect(seen(done, "ssh")).toContain("cannot be read");
  });

  test("a port that accepts and hangs up, as a VM does that is still starting", async () => {
    const server = net.createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    change({ port: (server.address() as net.AddressInfo).port });
    const done = await world.ask();
    server.close();
    expect(seen(done, "ssh")).toContain("hung up");
    expect(cause(done)?.consequences).toContain("kernels.jupyter");
  });
});
