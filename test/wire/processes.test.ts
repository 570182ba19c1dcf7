/** Other programs: lines, input, exit codes, missing ones, time limits, and daemons that hold a pipe open. */
import os from "node:os";
import { expect, test } from "vitest";
import { createProcesses } from "../../src/adapters/execa.ts";
import type { RunLog } from "../../src/ports.ts";

const written: { kind: string; data: Record<string, unknown> }[] = [];
const log: RunLog = {
  path: undefined,
  open: () => {},
  redact: () => {},
  write: (kind, data) => written.push({ kind, data }),
};
const processes = createProcesses({ PATH: process.env["PATH"], KEPT: "1", GONE: "1" }, log);
const bash = (script: string, options = {}) => processes.run("bash", ["-c", script], options);

test("lines arrive whole, a carriage return ends one too, and a character may be cut by a packet", async () => {
  const lines: string[] = [];
  const result = await bash(
    `printf 'a\\nb\\r10%%\\r20%%\\n\\303'; sleep 0.1; printf '\\274 end'; echo err >&2; exit 3`,
    {
      onLine: (line: string, stream: string) => lines.push(`${stream}: ${line}`),
    },
  );
  expect(result).toMatchObject({ exitCode: 3, signal: null, stderr: "err\n", timedOut: false });
  expect(lines.filter((line) => line.startsWith("stdout"))).toEqual(
    ["a", "b", "10%", "20%", "ü end"].map((line) => `stdout: ${line}`),
  );
  expect(written.some(({ kind, data }) => kind === "output" && data["line"] === "ü end")).toBe(true);
});

test("the environment is notebox's own with what was asked; undefined removes", async () => {
  const { stdout } = await bash('echo "$KEPT-$(printenv GONE || echo none)-$NEW"', {
    env: { GONE: undefined, NEW: "2" },
  });
  expect(stdout).toBe("1-none-2\n");
});

test("standard input is what was given, else empty", async () => {
  expect((await bash("cat", { input: "hello" })).stdout).toBe("hello");
  expect((await bash("cat")).stdout).toBe("");
});

test("a program that is not there, and a folder that is not there, are told apart", async () => {
  await expect(processes.run("no-such-program", [])).rejects.toMatchObject({
    code: "missing-program",
    message: "The program no-such-program was not found.",
    hint: expect.stringContaining("install no-such-program"),
  });
  await expect(bash("true", { cwd: "/no/such/folder" })).rejects.toMatchObject({
    message: "The folder /no/such/folder does not exist.",
  });
});

test("a time limit ends the program and what it started", async () => {
  const started = Date.now();
  const result = await bash("sleep 60 & sleep 60", { timeoutMs: 200 });
  expect(result).toMatchObject({ exitCode: null, signal: "SIGTERM", timedOut: true });
  expect(Date.now() - started).toBeLessThan(10_000);
});

test("a daemon that keeps the pipe open does not keep notebox waiting", async () => {
  const started = Date.now();
  let pid = 0;
  const result = await bash("sleep 30 & echo $!; exit 0", { onLine: (line: string) => (pid = Number(line)) });
  process.kill(pid);
  expect(result).toMatchObject({ exitCode: 0, stdout: `${pid}\n` });
  expect(Date.now() - started).toBeLessThan(15_000);
});

test("a signal that has fired already starts nothing", async () => {
  const before = written.length;
  await expect(bash("true", { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "interrupted" });
  expect(written).toHaveLength(before);
});

test("which finds programs on PATH alone, and only what can be run", async () => {
  expect(await processes.which("bash")).toMatch(/\/bash$/);
  expect(await processes.which("no-such-program")).toBeUndefined();
  expect(await processes.which(os.tmpdir())).toBeUndefined();
});

test("a process is known by its number and its start", () => {
  const self = processes.self();
  expect(self.pid).toBe(process.pid);
  expect(processes.isAlive(self)).toBe(true);
  expect(processes.isAlive({ ...self, started: `${self.started}0` })).toBe(false);
  expect(processes.isAlive({ pid: 2 ** 22 - 3, started: "" })).toBe(false);
});
