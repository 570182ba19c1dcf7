/** The real .cmd files, run by Wine's cmd.exe. */
import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Workspace } from "./workspace.ts";

let workspace: Workspace;
beforeAll(() => {
  workspace = new Workspace();
});
afterAll(() => workspace.remove());
afterEach(() => workspace.forget());

describe.each([
  ["plain", "Learning analytics"],
  ["with spaces & more (1)", 'Marks "100%" & ^caret^ !bang! <less>'],
  ["Übung für Jürgen", "Übung für Jürgen"],
])("in a folder named %s", (name, title) => {
  let folder: string;
  beforeAll(() => {
    folder = workspace.workbench(name, title);
  });

  test("Start runs vagrant up beside itself and opens the page", async () => {
    workspace.installVagrant(0);
    fs.writeFileSync(path.join(folder, ".notebox/open.html"), "<!DOCTYPE html>");
    const ran = await workspace.click(folder, "Start.cmd");
    expect(ran).toMatchObject({ code: 0, timedOut: false });
    expect(workspace.calls()).toMatchObject([{ words: "up" }]);
    expect(workspace.opened()).toHaveLength(1);
    expect(decodeURIComponent(workspace.opened()[0] ?? "")).toMatch(/open\.html$/);
    // The workbench's name, since a title may hold what cmd.exe would take for code.
    expect(ran.output).toContain("trial is running.");
    expect(ran.output).not.toMatch(/Can't recognize|not recognized|Syntax error/i);
  });

  test("Start says that it failed, and keeps the window", async () => {
    workspace.installVagrant(1);
    const ran = await workspace.click(folder, "Start.cmd");
    expect(ran.code).toBe(1);
    expect(ran.output).toContain("could not be started");
    expect(ran.output).toMatch(/Press (any key|Enter)/i);
    expect(workspace.opened()).toEqual([]);
  });

  test("Stop and Status call halt and status", async () => {
    workspace.installVagrant(0);
    expect((await workspace.click(folder, "Stop.cmd")).code).toBe(0);
    expect((await workspace.click(folder, "Status.cmd")).code).toBe(0);
    expect(workspace.calls().map((call) => call.words)).toEqual(["halt", "status"]);
  });
});

test("without Vagrant, Start says whom to ask", async () => {
  const folder = workspace.workbench("no vagrant", "No Vagrant");
  fs.rmSync(path.join(workspace.folder, "bin/vagrant.cmd"), { force: true });
  const ran = await workspace.click(folder, "Start.cmd");
  expect(ran.code).toBe(1);
  expect(ran.output).toContain("ask your IT desk for Vagrant and VirtualBox");
});

test("beside a missing Vagrantfile, Start says to unpack the whole zip", async () => {
  const folder = workspace.workbench("half unpacked", "Half");
  workspace.installVagrant(0);
  fs.rmSync(path.join(folder, "Vagrantfile"));
  const ran = await workspace.click(folder, "Start.cmd");
  expect(ran.code).toBe(1);
  expect(ran.output).toContain("Unpack the whole zip");
  expect(workspace.calls()).toEqual([]);
});
