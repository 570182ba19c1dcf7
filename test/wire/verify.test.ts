/** `verify` of a whole workbench at the wire: a healthy VM, and each way in which one can be broken. */
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Report } from "../../src/checks/check.ts";
import type { GuestAnswer } from "../../src/checks/guest-answer.ts";
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
    expect(done.report.causes[0]?.consequences).toEqual(AFTER_SERVICE.slice(1));
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

const AFTER_SERVICE = ["socket", "http", "auth", "cors", "served", "routes"].map((part) => `${part}.hello`);

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
