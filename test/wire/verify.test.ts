/** `verify` of a whole workbench at the wire: a healthy VM, and each way in which one can be broken. */
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Report } from "../../src/checks/check.ts";
import type { GuestAnswer } from "../../src/checks/guest-answer.ts";
import { python } from "./fakes/jupyter-server.ts";
import { makeWorld, questions, TOKENS, type World } from "./fakes/world.ts";

let world: World;

beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world.close());
beforeEach(() => world.heal());

const UNIT = "kernel-gateway@hello.service";
const cause = (report: Report) => report.causes[0];
const find = (report: Report, id: string) => report.checks.find((check) => check.id === id);
const status = (report: Report, id: string) => find(report, id)?.status;
const seen = (report: Report, id: string) => find(report, id)?.seen;

describe("a healthy VM", () => {
  test("passes every check, over one connection and with one question", async () => {
    const before = { connections: world.ssh.connections, commands: world.ssh.commands.length };
    const done = await world.verify();
    expect(done.report.checks.filter((check) => check.status !== "passed")).toEqual([]);
    expect(done.code).toBe(0);
    expect(done.json.ok).toBe(true);
    expect(world.ssh.connections - before.connections).toBe(1);
    expect(world.ssh.commands.length - before.commands).toBe(1);
  });

  test("asks for what the workbench has", async () => {
    await world.ask({ only: ["guest"] });
    const asked = questions(world.ssh.commands.at(-1)?.input ?? "");
    expect(asked.folders).toEqual(["notebooks", "api"]);
    expect(asked.services.map(({ unit }) => unit)).toEqual(["jupyter@jupyter.service", UNIT]);
  });

  test("ends the kernels that it started, and leaves no file in the shared folders", async () => {
    await world.ask();
    expect(world.jupyter.started.length).toBeGreaterThan(0);
    expect(world.jupyter.ended).toEqual(world.jupyter.started);
    for (const folder of ["notebooks", "api"])
      expect(fs.readdirSync(path.join(world.folder, folder)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("tokens reach neither the report nor the log", async () => {
    const done = await world.verify();
    const logs = path.join(world.folder, ".notebox/logs");
    const text = fs.readdirSync(logs).map((name) => fs.readFileSync(path.join(logs, name), "utf8"));
    for (const token of Object.values(TOKENS))
      expect([done.stdout, done.stderr, ...text].join("")).not.toContain(token);
  });

  test.each(["reply-first", "idle-first"] as const)("the kernel's messages may come %s", async (order) => {
    world.jupyter.order = order;
    const done = await world.ask({ only: ["kernels"] });
    expect(done.passed).toBe(true);
    expect(seen(done, "kernels.jupyter")).toMatch(/^python3: 42 \(/);
  });

  test("--only asks what is named and what that needs, nothing else", async () => {
    const done = await world.ask({ only: ["clock"] });
    expect(done.checks.map(({ id }) => id)).toEqual(["ssh", "guest", "clock"]);
    expect([...world.jupyter.requests, ...world.gateway.requests]).toEqual([]);
  });

  test("a failed check is exit code 8, with the report and each first cause as a problem", async () => {
    if (world.guest.tokens) world.guest.tokens["hello"] = null;
    const done = await world.verify();
    expect(done.code).toBe(8);
    expect(done.json.ok).toBe(false);
    expect(done.json.error?.code).toBe("check-failed");
    expect(done.json.error?.problems.map(({ id }) => id)).toEqual(["token.hello"]);
    expect(done.report.causes[0]?.consequences).toEqual(["http.hello", "auth.hello", "routes.hello"]);
  });

  test("--only with a name that is no check is a usage error that lists the checks", async () => {
    const done = await world.verify("--only", "clocks");
    expect(done.code).toBe(2);
    expect(done.json.error?.hint).toContain("clock");
  });
});

const stopped: Partial<NonNullable<GuestAnswer["units"]>[string]> = {
  active: "inactive",
  sub: "dead",
  pid: 0,
  inactiveSeconds: 12,
};
const looping = { active: "activating", sub: "auto-restart", result: "exit-code", exit: 1, restarts: 7, pid: 0 };

function breakUnit(guest: GuestAnswer, change: object): void {
  const units = guest.units ?? {};
  units[UNIT] = { ...(units[UNIT] as NonNullable<(typeof units)[string]>), ...change };
  guest.sockets = (guest.sockets ?? []).filter((socket) => socket.unit !== UNIT);
}

const AFTER_SERVICE = ["socket.hello", "http.hello", "auth.hello", "routes.hello"];

// Each as a probe's answer recorded from a VM that was broken in this way.
const BREAKAGES: [name: string, change: (guest: GuestAnswer) => void, cause: string, consequences: string[]][] = [
  ["a service was stopped", (guest) => breakUnit(guest, stopped), "service.hello", AFTER_SERVICE],
  [
    "its port is taken",
    (guest) => {
      breakUnit(guest, looping);
      guest.sockets?.push({
        protocol: "tcp",
        address: "0.0.0.0",
        port: 8889,
        pid: 4711,
        program: "nc",
        unit: "session-3.scope",
      });
    },
    "port.hello",
    ["service.hello", ...AFTER_SERVICE],
  ],
  [
    "its token file was removed, and it was restarted",
    (guest) => {
      breakUnit(guest, { ...looping, exit: 243 });
      if (guest.tokens) guest.tokens["hello"] = null;
    },
    "token.hello",
    ["service.hello", ...AFTER_SERVICE],
  ],
  [
    "its token file was removed while it runs",
    (guest) => {
      if (guest.tokens) guest.tokens["hello"] = null;
    },
    "token.hello",
    ["http.hello", "auth.hello", "routes.hello"],
  ],
  [
    "a package was removed",
    (guest) => {
      breakUnit(guest, looping);
      guest.packages?.damaged.push("jupyter-kernel-gateway");
    },
    "packages",
    ["service.hello", ...AFTER_SERVICE],
  ],
  [
    "the disk is full",
    (guest) => {
      breakUnit(guest, looping);
      for (const disk of guest.disks ?? []) disk.free = 0;
    },
    "disk",
    ["service.hello", ...AFTER_SERVICE],
  ],
  [
    "the folder of its notebook is not mounted, and it was restarted",
    (guest) => {
      breakUnit(guest, looping);
      if (guest.folders)
        guest.folders["api"] = { kind: null, ok: false, steps: ["write a file"], error: "Permission denied" };
    },
    "folder.api",
    ["service.hello", ...AFTER_SERVICE],
  ],
  [
    "the folders' service took it along when it stopped",
    (guest) => {
      breakUnit(guest, stopped);
      if (guest.folders) guest.folders["api"] = { kind: null, ok: false, steps: [], error: "Permission denied" };
    },
    "folder.api",
    ["service.hello", ...AFTER_SERVICE],
  ],
  [
    "provisioning did not finish",
    (guest) => {
      guest.provisioned = null;
      guest.units = {};
      guest.tokens = { jupyter: null, hello: null };
      guest.sockets = [];
      guest.packages = null;
      guest.account = null;
      guest.folders = null;
    },
    "provisioned",
    ["packages", "account", "folder.notebooks", "folder.api", "token.hello", "service.hello", ...AFTER_SERVICE],
  ],
];

describe("a broken VM", () => {
  test.each(BREAKAGES)("%s", async (_name, change, first, consequences) => {
    change(world.guest);
    const done = await world.ask();
    expect(done.passed).toBe(false);
    expect(done.causes.map(({ id }) => id)).toEqual([first]);
    expect(cause(done)?.consequences).toEqual(expect.arrayContaining(consequences));
    const check = find(done, first);
    for (const part of [check?.seen, check?.expected, check?.hint]) expect(part).toMatch(/\S{3}/);
  });

  test("what still works is not called a consequence", async () => {
    breakUnit(world.guest, stopped);
    const done = await world.ask();
    for (const id of ["service.jupyter", "kernels.jupyter", "root.jupyter", "port.hello", "units"])
      expect(status(done, id)).toBe("passed");
  });

  test("a package that a stopped service has nothing to do with is a cause of its own", async () => {
    breakUnit(world.guest, stopped);
    world.guest.packages?.missing.push("matplotlib");
    const done = await world.ask();
    expect(done.causes.map(({ id }) => id)).toEqual(["packages", "service.hello"]);
  });

  test("a service that was started again and again is not taken for one that runs", async () => {
    const units = world.guest.units ?? {};
    units[UNIT] = { ...(units[UNIT] as (typeof units)[string]), restarts: 12, activeSeconds: 2 };
    const done = await world.ask();
    expect(cause(done)?.id).toBe("service.hello");
    expect(seen(done, "service.hello")).toContain("12 times");
  });

  test.each<[string, (guest: GuestAnswer) => void, string, RegExp]>([
    [
      "another workbench's hash",
      (guest) => Object.assign(guest.provisioned ?? {}, { workbench: "0".repeat(64) }),
      "provisioned",
      /000000/,
    ],
    ["a unit that has nothing to do with services", (guest) => guest.failed?.push("cron.service"), "units", /cron/],
    [
      "a socket that nobody expects",
      (guest) =>
        guest.sockets?.push({ protocol: "tcp", address: "::", port: 5900, pid: 5, program: "x11vnc", unit: null }),
      "sockets",
      /5900.*x11vnc/,
    ],
    [
      "a clock that is behind",
      (guest) => Object.assign(guest, { epoch: Date.now() / 1000 - 600 }),
      "clock",
      /(599|60\d) s behind/,
    ],
    ["no inodes", (guest) => Object.assign(guest.disks?.[0] ?? {}, { inodesFree: 12 }), "disk", /12 of/],
    ["a VM of another size", (guest) => Object.assign(guest.memory ?? {}, { total: 1e9 }), "memory", /953 MiB/],
    ["sudo for the account", (guest) => Object.assign(guest.account ?? {}, { sudo: true }), "account", /sudo/],
    [
      "a password for vagrant",
      (guest) => Object.assign(guest.account?.locked ?? {}, { vagrant: false }),
      "account",
      /vagrant/,
    ],
    [
      "a folder that is read-only",
      (guest) =>
        Object.assign(guest.folders?.["notebooks"] ?? {}, {
          ok: false,
          steps: ["write a file"],
          error: "Read-only file system",
        }),
      "folder.notebooks",
      /Read-only/,
    ],
    [
      "a token that is no secret",
      (guest) => Object.assign(guest.tokens?.["jupyter"] ?? {}, { mode: 0o644 }),
      "token.jupyter",
      /644/,
    ],
    [
      "a section that the probe could not answer",
      (guest) => {
        guest.memory = null;
        guest.problems["memory"] = "OSError: gone";
      },
      "memory",
      /OSError/,
    ],
  ])("%s", async (_name, change, id, evidence) => {
    change(world.guest);
    const done = await world.ask();
    expect(done.passed).toBe(false);
    expect(done.causes.map((one) => one.id)).toContain(id);
    expect(seen(done, id)).toMatch(evidence);
  });

  test("a folder that works one way only", async () => {
    world.ssh.reply = () => ({
      stdout: `NOTEBOX-PROBE-1 ${JSON.stringify({ ...world.guest, epoch: Date.now() / 1000 })}`,
    });
    const done = await world.ask({ only: ["folder"] });
    expect(done.causes.map(({ id }) => id)).toEqual(["folder.notebooks", "folder.api"]);
    expect(fs.readdirSync(path.join(world.folder, "notebooks")).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("a guest that sends control characters does not reach the terminal with them", async () => {
    breakUnit(world.guest, looping);
    world.guest.journals = { [UNIT]: ["\u001b[31mred\u001b[0m \u0007bell \u202ebackwards"] };
    const done = await world.ask();
    const check = find(done, "service.hello");
    expect(check?.details).toEqual(["red  bell  backwards"]);
  });
});

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
    const { utils } = await import("ssh2");
    const key = path.join(world.folder, "other_key");
    fs.writeFileSync(key, utils.generateKeyPairSync("ed25519").private, { mode: 0o600 });
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

describe("HTTP and kernels", () => {
  test("a Jupyter that asks for no token", async () => {
    world.jupyter.asks = false;
    const done = await world.ask();
    expect(cause(done)?.id).toBe("auth.jupyter");
    expect(seen(done, "auth.jupyter")).toContain("200 without");
    expect(find(done, "auth.jupyter")?.hint).toContain("Anybody who reaches the port");
  });

  test("a Jupyter that was started with another token", async () => {
    const tokens = world.guest.tokens ?? {};
    tokens["jupyter"] = { value: "3".repeat(48), mode: 0o600, uid: 0 };
    const done = await world.ask();
    expect(cause(done)?.id).toBe("auth.jupyter");
    expect(cause(done)?.consequences).toEqual(["kernels.jupyter", "root.jupyter"]);
  });

  test("every kernel runs side by side, and the one that fails is named", async () => {
    world.jupyter.specs = {
      python3: { language: "python" },
      ir: { language: "R", run: () => ({ stdout: "[1] 42\n" }) },
      bash: { language: "bash", run: (code) => (code === "echo $((6*7))" ? { stdout: "42\n" } : { stdout: "" }) },
      broken: { language: "python", run: () => ({ error: ["NameError", "name 'x' is not defined"] }) },
      dying: { language: "python", run: () => ({ dies: true }) },
    };
    const done = await world.ask();
    expect(cause(done)?.id).toBe("kernels.jupyter");
    expect(seen(done, "kernels.jupyter")).toBe(
      "broken: NameError: name 'x' is not defined; dying: The kernel died while it ran the code",
    );
    expect([...world.jupyter.ended].sort()).toEqual([...world.jupyter.started].sort());
  });

  test("Ctrl-C ends it at once, and the kernel with it", async () => {
    world.jupyter.specs = { python3: { language: "python", run: () => ({ silent: true }) } };
    const before = world.jupyter.started.length;
    const running = world.start("verify");
    await expect.poll(() => world.jupyter.started.length, { timeout: 20_000 }).toBe(before + 1);
    const pressed = Date.now();
    running.kill("SIGINT");
    const done = await running.outcome;
    expect(done.code).toBe(130);
    expect(Date.now() - pressed).toBeLessThan(5000);
    expect(world.jupyter.ended).toContain(world.jupyter.started.at(-1));
  });

  test("a token that a notebook gives away in an error reaches no report", async () => {
    world.gateway.routes["GET /hello"] = {
      status: 500,
      body: `Error KeyError: {'Authorization': 'token ${TOKENS.hello}'}`,
    };
    const done = await world.ask();
    expect(seen(done, "routes.hello")).toContain("token [token]");
    expect(JSON.stringify(done)).not.toContain(TOKENS.hello);
  });

  test("a kernel that becomes root", async () => {
    const answer = { uid: 1900, attempts: { sudo: [0, "0"], su: [1, "no"] } };
    world.jupyter.specs = {
      python3: {
        language: "python",
        run: (code) => (code.includes("attempts") ? { stdout: JSON.stringify(answer) } : python(code)),
      },
    };
    const done = await world.ask();
    expect(cause(done)?.id).toBe("root.jupyter");
    expect(seen(done, "root.jupyter")).toContain("becomes root by sudo");
  });

  test("a gateway that asks for no token", async () => {
    world.gateway.asks = false;
    const done = await world.ask();
    expect(cause(done)?.id).toBe("auth.hello");
  });

  test("a route whose cell fails", async () => {
    world.gateway.routes["GET /hello"] = { status: 500, body: "Error NameError: name 'json' is not defined " };
    const done = await world.ask();
    expect(cause(done)?.id).toBe("routes.hello");
    expect(seen(done, "routes.hello")).toMatch(/^GET \/hello: 500 Error NameError/);
  });

  test("routes are called with the author's example, and with the token in a header", async () => {
    await world.ask();
    expect(world.gateway.requests).toContain("GET /hello/Ada");
    expect(world.gateway.requests.join(" ")).not.toContain("token");
  });
});
