/** Where the guest's checks draw their lines: room, memory, clock, sockets. */
import { describe, expect, test } from "vitest";
import type { Asked } from "../../src/checks/ask-guest.ts";
import type { GuestAnswer } from "../../src/checks/guest-answer.ts";
import { bytes, clock, disk, memory, sockets } from "../../src/checks/guest-checks.ts";

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

const asked = (part: Partial<GuestAnswer>, sent = 0, received = 0): Asked => ({
  answer: { problems: {}, ...part } as GuestAnswer,
  nonce: "",
  sent,
  received,
});

describe("disk", () => {
  const one = (change: object) => ({
    path: "/",
    kind: "ext4",
    size: 60 * GiB,
    free: 50 * GiB,
    inodes: 1000,
    inodesFree: 900,
    ...change,
  });
  test.each([
    ["plenty", {}, "passed"],
    ["little of a small disk", { size: 2 * GiB, free: 200 * MiB }, "failed"],
    ["enough of a small disk", { size: 2 * GiB, free: 400 * MiB }, "passed"],
    ["2 % of a large one, which is a gigabyte and more", { free: 1.2 * GiB }, "passed"],
    ["1 % of a large one", { free: 0.6 * GiB }, "failed"],
    ["no inodes left", { inodesFree: 3 }, "failed"],
    ["a file system that counts no inodes", { inodes: 0, inodesFree: 0 }, "passed"],
    ["memory as a disk, half full", { kind: "tmpfs", path: "/tmp", size: 400 * MiB, free: 200 * MiB }, "passed"],
    ["memory as a disk, full", { kind: "tmpfs", path: "/tmp", size: 400 * MiB, free: 1 * MiB }, "failed"],
  ])("%s", (_name, change, status) => {
    expect(disk(asked({ disks: [one({}), one(change)] })).status).toBe(status);
  });
});

describe("memory", () => {
  const found = { total: 1.95 * GiB, available: GiB, swap: 0, swapFree: 0, oomKills: 0, cpus: 2 };
  const machine = { memoryMiB: 2048, cpus: 2 };
  test.each([
    ["as asked for", {}, "passed"],
    ["of another size", { total: 1.5 * GiB }, "failed"],
    ["with a processor less", { cpus: 1 }, "failed"],
    ["used up", { available: 50 * MiB, oomKills: 3 }, "failed"],
  ])("%s", (_name, change, status) => {
    expect(memory(asked({ memory: { ...found, ...change } }), machine).status).toBe(status);
  });
});

describe("clock", () => {
  // The guest looks at its clock somewhere between question and answer, however long that takes.
  test.each([
    [1_000_000, "passed"],
    [1_030_000, "passed"],
    [994_500, "failed"],
    [995_500, "passed"],
    [1_034_900, "passed"],
    [1_035_500, "failed"],
  ])("asked from 1000000 to 1030000, the guest says %i", (epoch, status) => {
    expect(clock(asked({ epoch: epoch / 1000 }, 1_000_000, 1_030_000)).status).toBe(status);
  });
});

describe("sockets", () => {
  const one = (protocol: "tcp" | "udp", address: string, port: number) => ({
    protocol,
    address,
    port,
    pid: 1,
    program: "x",
    unit: null,
  });
  test.each([
    ["tcp", "0.0.0.0", 8888, "passed"],
    ["udp", "0.0.0.0", 8888, "failed"],
    ["tcp", "::", 111, "failed"],
    ["tcp", "127.0.0.53", 53, "passed"],
    ["tcp", "::1", 631, "passed"],
    ["tcp", "10.0.2.15", 5432, "failed"],
    ["udp", "10.0.2.15", 68, "passed"],
    ["udp", "0.0.0.0", 5353, "failed"],
  ] as const)("%s %s %i", (protocol, address, port, status) => {
    expect(sockets(asked({ sockets: [one(protocol, address, port)] }), [8888]).status).toBe(status);
  });
});

test("sizes are rounded down: what is said to be free is free", () => {
  expect([bytes(0), bytes(999_999), bytes(255.9 * MiB), bytes(1.5 * GiB), bytes(64 * GiB)]).toEqual([
    "0 MiB",
    "0 MiB",
    "255 MiB",
    "1.5 GiB",
    "64 GiB",
  ]);
});
