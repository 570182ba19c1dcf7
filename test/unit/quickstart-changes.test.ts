// What the quickstart and the vm tier may change on a computer, and how it is taken back: files, processes,
// libvirt's settings. Real files and real processes; kernel settings and daemons are left to the vm tier.
import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const scripts = path.resolve(import.meta.dirname, "../../scripts");
const load = (name: string) => import(path.join(scripts, name));
const { Journal } = await load("kept-changes.mjs");
const { endGroup, endProcess, identify, isAlive } = await load("own-processes.mjs");
const { plainSettings } = await load("libvirt.mjs");

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-changes-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

describe("files", () => {
  const target = () => path.join(folder, "qemu.conf");
  const journal = () => new Journal(path.join(folder, "journal"));

  test("are restored to what they were before the first of several changes, mode included", () => {
    fs.writeFileSync(target(), "first", { mode: 0o640 });
    journal().changeFile(target(), "second");
    journal().changeFile(target(), "third");
    expect(fs.readFileSync(target(), "utf8")).toBe("third");
    expect(fs.statSync(target()).mode & 0o777).toBe(0o640);
    const later = journal();
    expect(later.takeBack(later.find("file", target()))).toBe(`restored ${target()}`);
    expect(fs.readFileSync(target(), "utf8")).toBe("first");
    expect(fs.statSync(target()).mode & 0o777).toBe(0o640);
  });

  test("the copy is there before the change: a kill in between loses nothing", () => {
    fs.writeFileSync(target(), "first");
    const killed = journal();
    fs.chmodSync(folder, 0o700);
    // A folder in the file's place of writing makes the change itself fail, after the journal was written.
    fs.mkdirSync(`${target()}.${process.pid}.part`);
    expect(() => killed.changeFile(target(), "second")).toThrow();
    fs.rmdirSync(`${target()}.${process.pid}.part`);
    const entry = journal().find("file", target());
    expect(fs.readFileSync(entry.copy, "utf8")).toBe("first");
    expect(journal().takeBack(entry)).toContain("is as before");
  });

  test("a file that somebody changed since is left alone; one that was not there is removed", () => {
    fs.writeFileSync(target(), "first");
    journal().changeFile(target(), "second");
    fs.writeFileSync(target(), "theirs");
    expect(journal().takeBack(journal().find("file", target()))).toContain("left");
    expect(fs.readFileSync(target(), "utf8")).toBe("theirs");
    const fresh = path.join(folder, "new.conf");
    journal().changeFile(fresh, "ours");
    journal().takeBack(journal().find("file", fresh));
    expect(fs.existsSync(fresh)).toBe(false);
  });
});

test("libvirt's settings are added once, and a value that is set already becomes a comment", () => {
  const once = plainSettings('# a comment\nuser = "somebody"\nuser_hint = 1\n');
  expect(once).toContain('#user = "somebody"');
  expect(once).toContain("\nuser_hint = 1\n");
  expect(once.match(/^user = /gm)).toHaveLength(1);
  expect(plainSettings(once)).toBe(once);
});

describe.runIf(process.platform === "linux")("processes", () => {
  const started: ChildProcess[] = [];
  const start = (command: string, env = {}) => {
    const child = spawn("bash", ["-c", command], { detached: true, stdio: "ignore", env: { ...process.env, ...env } });
    started.push(child);
    return child.pid as number;
  };
  afterEach(() => {
    for (const child of started.splice(0)) child.kill("SIGKILL");
  });

  test("only the very process is ended, not another with its number", async () => {
    const identity = identify(start("sleep 60"));
    expect(isAlive(identity)).toBe(true);
    for (const other of [{ startTime: "1" }, { boot: "another" }]) {
      expect(isAlive({ ...identity, ...other })).toBe(false);
      expect(await endProcess({ ...identity, ...other })).toBe(false);
    }
    expect(isAlive(identity)).toBe(true);
    expect(await endProcess(identity)).toBe(true);
    expect(isAlive(identity)).toBe(false);
  });

  test("one that ignores SIGTERM is killed", async () => {
    const identity = identify(start("trap '' TERM; echo; while :; do sleep 0.1; done"));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await endProcess(identity, 500)).toBe(true);
    expect(isAlive(identity)).toBe(false);
  });

  test("a group whose leader was killed is found by its mark, and nobody else's is touched", async () => {
    const mark = { NOTEBOX_TEST_MARK: folder };
    const leader = identify(start("sleep 60 & wait", mark));
    await new Promise((resolve) => setTimeout(resolve, 300));
    process.kill(leader.pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await endGroup(leader, "NOTEBOX_TEST_MARK=another", 500)).toBe(false);
    expect(await endGroup(leader, `NOTEBOX_TEST_MARK=${folder}`)).toBe(true);
    expect(await endGroup(leader, `NOTEBOX_TEST_MARK=${folder}`)).toBe(false);
  });
});
