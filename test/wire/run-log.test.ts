/** The run's log: what is in it, what never is, and that it never stands in a command's way. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createClock } from "../../src/adapters/clock.ts";
import { createRunLog } from "../../src/adapters/run-log.ts";

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-log-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const newLog = () => createRunLog({ homeDir: "/home/anna", clock: createClock(), command: "box build" });
const records = (file: string | undefined): Record<string, unknown>[] =>
  fs
    .readFileSync(file ?? "", "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

test("what was written before the folder was known is there too, in order", () => {
  const log = newLog();
  log.write("argv", { argv: ["box", "build"] });
  expect(log.path).toBeUndefined();
  log.open(folder);
  log.write("end", { exitCode: 0 });
  expect(path.basename(log.path ?? "")).toMatch(/^\d{4}-\d\d-\d\dT\d{6}Z-box-build\.jsonl$/);
  expect(records(log.path).map(({ kind }) => kind)).toEqual(["argv", "end"]);
  expect(fs.statSync(log.path ?? "").mode & 0o077).toBe(0);
});

test("secrets are gone from strings at any depth, and from environment records altogether", () => {
  const log = newLog();
  log.open(folder);
  log.redact("very-secret-token");
  log.write("x", {
    deep: [{ url: "http://h/?token=abc", home: "/home/anna/w" }],
    text: "a very-secret-token b",
    env: { A: "1" },
  });
  expect(records(log.path)[0]).toMatchObject({
    deep: [{ url: "http://h/?token=[redacted]", home: "~/w" }],
    text: "a [redacted] b",
  });
  expect(fs.readFileSync(log.path ?? "", "utf8")).not.toContain('"env"');
});

test("two runs in one second have a file each, and old files go", () => {
  const logs = path.join(folder, ".notebox", "logs");
  fs.mkdirSync(logs, { recursive: true });
  for (let count = 0; count < 60; count++)
    fs.writeFileSync(path.join(logs, `2020-01-01T0000${String(count).padStart(2, "0")}Z-up.jsonl`), "");
  fs.writeFileSync(path.join(logs, "notes.txt"), "mine");
  const [a, b] = [newLog(), newLog()];
  a.open(folder);
  b.open(folder);
  expect(a.path).not.toBe(b.path);
  const names = fs.readdirSync(logs);
  expect(names).toHaveLength(41);
  expect(names).toContain("notes.txt");
  expect(names).toContain(path.basename(a.path ?? ""));
});

test("a log that cannot be written is no reason to fail", () => {
  fs.writeFileSync(path.join(folder, ".notebox"), "a file in the way");
  const log = newLog();
  log.open(folder);
  log.write("x", { a: 1 });
  expect(log.path).toBeUndefined();
  const other = newLog();
  other.open(path.join(folder, "b"));
  fs.rmSync(path.join(folder, "b"), { recursive: true });
  other.write("x", { circular: other });
});
