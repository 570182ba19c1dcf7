/** The real .cmd files, run by Wine's cmd.exe: the novice's way from the zip to Reset, in folders with awkward names. */
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { MACHINE_ID } from "./standins.ts";
import { Workspace } from "./workspace.ts";

let workspace: Workspace;
beforeAll(() => {
  workspace = new Workspace();
});
afterAll(() => workspace.remove());
beforeEach(() => {
  workspace.forget();
  workspace.installVagrant();
});

const NOISE = /Can't recognize|not recognized|Syntax error|unexpected/i;
const words = (): string[] => workspace.calls().map((call) => call.words);

describe.each([
  ["Kurs für Söhne & Töchter! (1)", 'Marks "100%" & ^caret^ !bang! <less>'],
  ["caret ^ and 'quote', comma", "Übung für Jürgen"],
])("the novice's way in a folder named %s", (name, title) => {
  let folder: string;
  const at = (file: string): string => path.join(folder, file);
  beforeAll(() => {
    folder = workspace.handout(name, title);
    fs.mkdirSync(at("notebooks"), { recursive: true });
    fs.writeFileSync(at("notebooks/mine.txt"), "my work");
    fs.rmSync(path.join(workspace.folder, "standin/vm"), { force: true });
  });

  test("Start says how far it is, runs vagrant up beside itself and opens the page", async () => {
    const ran = await workspace.click(folder, "Start.cmd");
    expect(ran, ran.output).toMatchObject({ code: 0, timedOut: false });
    expect(workspace.calls()).toMatchObject([{ folder, words: "up", launcher: "start" }]);
    expect(workspace.opened()).toHaveLength(1);
    expect(decodeURIComponent(workspace.opened()[0] ?? "")).toMatch(/open\.html$/);
    expect(ran.output).toContain("1 of 5: ");
    expect(ran.output).toMatch(/3 of 5: .*\n(.*\n)*4 of 5: /);
    // The workbench's name, since a title may hold what cmd.exe would take for code.
    expect(ran.output).toContain("trial is running. This window may be closed.");
    expect(ran.output).toContain('"url": "http://127.0.0.1:8888/"');
    expect(ran.output).not.toMatch(NOISE);
    expect(ran.output).not.toContain("token-token");
  });

  test("Start again only opens the page, without Vagrant and without waiting for a key", async () => {
    const ran = await workspace.click(folder, "Start.cmd");
    expect([ran.code, ran.output.trim(), words()]).toEqual([0, "", []]);
    expect(workspace.opened()).toHaveLength(1);
    expect(workspace.noted("vbox-windows")).toEqual([`showvminfo ${MACHINE_ID} --machinereadable`]);
  });

  test("the page of a machine that has gone is not opened", async () => {
    workspace.standins.set("vm", "poweroff");
    workspace.standins.set("fail", "VBoxManageError VERR_VMX_NO_VMX");
    const ran = await workspace.click(folder, "Start.cmd");
    workspace.standins.set("fail", undefined);
    expect([ran.code, words(), workspace.opened()]).toEqual([7, ["up"], []]);
    expect(ran.output).toContain("\nThis computer's processor does not let VirtualBox run virtual machines.\n");
    expect(ran.output.match(/Code for IT: .*/g)).toEqual(["Code for IT: NB-D05"]);
    expect(ran.output).toMatch(/Press (any key|Enter)/i);
  });

  test("Stop stops, Start goes on, Status and Check change nothing", async () => {
    expect((await workspace.click(folder, "Start.cmd")).code).toBe(0);
    const stopped = await workspace.click(folder, "Stop.cmd");
    expect(stopped.output).toContain("trial is stopped. Your work is kept; use Start to go on.");
    expect(fs.existsSync(at(".notebox/open.html"))).toBe(false);
    expect((await workspace.click(folder, "Start.cmd")).code).toBe(0);
    expect((await workspace.click(folder, "Status.cmd")).output).toContain("http://127.0.0.1:8888/");
    expect((await workspace.click(folder, "Check.cmd")).output).toMatch(/^ok +NB-D01 /m);
    expect(words()).toEqual(["up", "halt", "up", "status", "status"]);
  });

  test("Reset asks, and deletes the machine and no work after a clear yes", async () => {
    for (const input of ["", "no\r\n", '" & echo pwned > pwned.txt & "\r\n', "%PATH%\r\n"]) {
      const ran = await workspace.click(folder, "Reset.cmd", { input });
      expect([input, ran.code, words()]).toEqual([input, 0, []]);
      expect(ran.output).toContain("Nothing was changed.");
    }
    expect(fs.readdirSync(folder)).not.toContain("pwned.txt");
    const ran = await workspace.click(folder, "Reset.cmd", { input: name.includes("&") ? "TRIAL\r\n" : "yes\r\n" });
    expect([ran.code, words()], ran.output).toEqual([0, ["destroy --force"]]);
    expect(ran.output).toContain("The folders notebooks and api stay as they are, with your work.");
    expect(fs.readFileSync(at("notebooks/mine.txt"), "utf8")).toBe("my work");
    expect(fs.existsSync(at(".notebox/open.html"))).toBe(false);
  });

  test("Reset deletes nothing that it cannot save, unless that is said", async () => {
    await workspace.click(folder, "Start.cmd");
    const machine = at(".vagrant/machines/default/virtualbox");
    fs.writeFileSync(`${machine}/action_provision`, "1.5:id");
    const kept = await workspace.click(folder, "Reset.cmd", { input: "yes\r\n" });
    expect(kept.output).toContain("could not be saved, so nothing was deleted.");
    expect([kept.code, fs.existsSync(`${machine}/id`)]).toEqual([10, true]);
    const gone = await workspace.click(folder, "Reset.cmd", { input: "DELETE\r\n" });
    expect([gone.code, fs.existsSync(`${machine}/id`)]).toEqual([0, false]);
  });
});

describe("what else can happen to Start", () => {
  let folder: string;
  beforeAll(() => {
    folder = workspace.handout("plain", "Plain");
  });

  test.each([
    [1, 7, "Code for IT: NB-V99"],
    [130, 130, "It was broken off. Nothing is lost"],
  ])("a Vagrant that ends with %i before it comes to speak", async (exit, code, text) => {
    workspace.installVagrant(exit);
    for (const file of ["Start.cmd", "Stop.cmd"]) {
      const ran = await workspace.click(folder, file);
      expect(ran.code).toBe(code);
      expect(ran.output).toContain(text);
      expect(ran.output).toMatch(/Press (any key|Enter)/i);
    }
  });

  test("while another window starts it, this one waits and opens the page", async () => {
    workspace.installVagrant(9);
    const lock = path.join(folder, ".notebox/up.lock");
    fs.writeFileSync(lock, '{"host":"PC","process":{"pid":4711,"started":""},"time":"x","command":"Start"}');
    // The other window is done when it is asked about for the third time.
    const asked = [
      "echo x>> Z:\\w\\standin\\asked",
      "for /f %%N in ('type Z:\\w\\standin\\asked ^| find /c \"x\"') do set N=%%N",
    ];
    const done =
      "if %N% GEQ 3 del Z:\\w\\plain\\trial\\.notebox\\up.lock & echo page> Z:\\w\\plain\\trial\\.notebox\\open.html";
    workspace.tool("tasklist", ["@echo off", ...asked, done, "echo ruby.exe   4711 Console  1  9 K", ""].join("\r\n"));
    const ran = await workspace.click(folder, "Start.cmd");
    workspace.tool("tasklist", undefined);
    fs.rmSync(lock, { force: true });
    expect([ran.code, workspace.opened().length], ran.output).toEqual([0, 1]);
    expect(ran.output).toContain("This window opens the page as soon as the other one is ready.");
    fs.rmSync(path.join(folder, ".notebox/open.html"), { force: true });
  });

  test("a lock or an id that is somebody's trick is not read as a command", async () => {
    workspace.installVagrant(9);
    const machine = path.join(folder, ".vagrant/machines/default/virtualbox");
    fs.mkdirSync(machine, { recursive: true });
    const trick = '1 & echo pwned > Z:\\w\\pwned.txt & "';
    fs.writeFileSync(path.join(machine, "id"), trick);
    fs.writeFileSync(path.join(folder, ".notebox/up.lock"), `{"host":"PC","process":{"pid":${trick},"x":1}}`);
    for (const name of ["endpoints.json", "open.html"]) fs.writeFileSync(path.join(folder, ".notebox", name), "{}");
    await workspace.click(folder, "Start.cmd");
    expect(fs.existsSync(path.join(workspace.folder, "pwned.txt"))).toBe(false);
    expect(workspace.noted("vbox-windows")).toEqual([]);
    for (const name of ["endpoints.json", "open.html", "up.lock"]) fs.rmSync(path.join(folder, ".notebox", name));
    fs.rmSync(path.join(folder, ".vagrant"), { recursive: true });
  });
});
