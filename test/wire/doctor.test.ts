/** `notebox doctor` as a person runs it, beside stand-ins for Vagrant and VirtualBox: formats and exit codes. */
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLab, type Lab, listen } from "./fakes/vagrant.ts";

let lab: Lab;
beforeEach(async () => {
  lab = await createLab();
});
afterEach(() => lab.remove());

test("without Vagrant: exit 4, the report on standard output, in JSON one document with the problem", async () => {
  fs.rmSync(path.join(lab.bin, "vagrant"));
  const { code, stdout, stderr } = await lab.run("doctor", "--json");
  const { ok, command, error, result } = JSON.parse(stdout);
  expect([code, stderr, ok, command, error.code]).toEqual([4, "", false, "doctor", "missing-program"]);
  expect(error.problems[0]).toMatchObject({ id: "vagrant" });
  const check = result.checks.find(({ id }: { id: string }) => id === "vagrant");
  expect(check).toMatchObject({
    ...{ code: "NB-D01", status: "failed", seen: expect.stringContaining("Vagrant is not installed") },
    remedy: { user: expect.stringMatching(/\w/), it: expect.stringContaining("Vagrant 2.3.4") },
  });
});

test("a taken port: exit 8, and TAP and JUnit say the same", async () => {
  const server = await listen(lab.ports.jupyter);
  try {
    const tap = await lab.run("doctor", "--only", "NB-D26", "--format", "tap");
    expect(tap.code).toBe(8);
    expect(tap.stdout).toMatch(/^not ok 1 - .*NB-D26/m);
    const junit = await lab.run("doctor", "--only", "ports", "--format", "junit");
    expect(junit.code).toBe(8);
    expect(junit.stdout).toMatch(/<testsuite[^>]* failures="1"/);
    expect(junit.stdout).toContain(`port ${lab.ports.jupyter} of jupyter: another program uses it`);
    expect(junit.stderr).toContain("notebox doctor --explain NB-D26");
  } finally {
    server.close();
  }
  expect((await lab.run("doctor", "--only", "ports", "--format", "tap")).code).toBe(0);
});

test("where there is no workbench, and where it is not valid, the computer is asked all the same", async () => {
  const file = path.join(lab.folder, "workbench.yaml");
  fs.appendFileSync(file, "machin: {}\n");
  const invalid = await lab.run("doctor", "--only", "memory");
  expect([invalid.code, invalid.stdout]).toEqual([0, expect.stringContaining("`notebox validate` says why")]);
  fs.rmSync(file);
  const before = fs.readdirSync(lab.folder);
  const none = await lab.run("doctor");
  expect([none.code, none.stdout]).toEqual([0, expect.stringContaining("does not apply: there is no workbench here")]);
  expect(fs.readdirSync(lab.folder)).toEqual(before);
});
