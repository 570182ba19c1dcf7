/** Vagrant's folder on Windows: the real home.cmd under Wine, case by case; notebox's rule is held against the same cases. */
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type HomeCase, WINDOWS_CASES } from "./home-cases.ts";
import { Workspace } from "./workspace.ts";

let workspace: Workspace;
let bundle: string;
beforeAll(() => {
  workspace = new Workspace();
  bundle = workspace.handout("plain", "Plain");
  fs.mkdirSync(path.join(workspace.folder, "h/blocked"), { recursive: true });
  fs.writeFileSync(path.join(workspace.folder, "h/blocked/.vagrant.d"), "a file in its place");
});
afterAll(() => workspace.remove());
beforeEach(() => workspace.forget());

const MADE = /^Z:\\w\\P\\notebox-\d+$/;

/** Runs home.cmd in that environment; what VAGRANT_HOME is then, and what is noted. */
async function choose(one: HomeCase): Promise<{ code: number | null; home: string; noted: unknown }> {
  const set = (name: string, value: string): string => `set "${name}=${value.replaceAll("%", "%%")}"`;
  const lines = [
    "@echo off",
    "setlocal EnableExtensions DisableDelayedExpansion",
    set("USERPROFILE", one.profile),
    set("LOCALAPPDATA", one.local ?? ""),
    set("ProgramData", "Z:\\w\\P"),
    set("VAGRANT_HOME", one.given ?? ""),
    "call launchers\\home.cmd",
    "set CODE=%errorlevel%",
    ">chosen.txt set VAGRANT_HOME",
    "exit /b %CODE%",
    "",
  ];
  // In the encoding that Wine's cmd.exe reads: any other would be another, but no plain, letter as well.
  fs.writeFileSync(path.join(bundle, "choose.cmd"), lines.join("\r\n"), "latin1");
  for (const name of ["chosen.txt", ".notebox/host.json"]) fs.rmSync(path.join(bundle, name), { force: true });
  fs.mkdirSync(path.join(workspace.folder, "P"), { recursive: true });
  const ran = await workspace.click(bundle, "choose.cmd");
  const note = path.join(bundle, ".notebox/host.json");
  const home = fs
    .readFileSync(path.join(bundle, "chosen.txt"), "latin1")
    .trim()
    .replace(/^VAGRANT_HOME=/, "");
  return {
    code: ran.code,
    home,
    noted: fs.existsSync(note) ? JSON.parse(fs.readFileSync(note, "utf8")).vagrantHome : undefined,
  };
}

describe("home.cmd", () => {
  test.each(WINDOWS_CASES.map((one) => [one.about, one] as const))("%s", async (_about, one) => {
    const { code, home, noted } = await choose(one);
    expect(code).toBe(one.expected === "none" ? 1 : 0);
    // A folder of one's own is remembered below LOCALAPPDATA, so where that is out of reach none is made.
    if (one.expected === "none") expect([home, noted]).toEqual(["", undefined]);
    if (one.expected === "usual") expect([home, noted]).toEqual(["", undefined]);
    if (one.expected === "given") expect([home, noted]).toEqual([one.given, undefined]);
    if (one.expected === "local") expect(home).toBe(`${one.local}\\notebox\\vagrant`);
    if (one.expected === "made") expect(home).toMatch(MADE);
    if (one.expected === "local" || one.expected === "made") expect(noted).toBe(home.replaceAll("\\", "/"));
  });

  test("a folder below ProgramData is shut to others, remembered, and taken again", async () => {
    const one = { about: "", profile: "H:\\anna", local: "Z:\\w\\h\\K\\Jürgen", expected: "made" } as const;
    const first = await choose(one);
    expect(first.home).toMatch(MADE);
    expect(workspace.noted("rights")).toEqual([
      `"${first.home}" /inheritance:r /grant:r "*S-1-5-21-1-2-3-1001:(OI)(CI)F"`,
    ]);
    expect(await choose(one)).toEqual(first);
    expect(fs.readdirSync(path.join(workspace.folder, "P")).filter((name) => first.home.endsWith(name))).toHaveLength(
      1,
    );
  });

  test("where others cannot be shut out, none is made", async () => {
    workspace.tool("icacls", "@exit /b 5\r\n");
    fs.rmSync(path.join(workspace.folder, "P"), { recursive: true });
    const ran = await choose({ about: "", profile: "H:\\anna", local: "Z:\\w\\h\\N\\Jürgen", expected: "made" });
    workspace.tool("icacls", undefined);
    expect(ran).toEqual({ code: 1, home: "", noted: undefined });
    expect(fs.readdirSync(path.join(workspace.folder, "P"))).toEqual([]);
  });
});

test("Start says so where there is no place, and calls nothing", async () => {
  workspace.tool("icacls", "@exit /b 5\r\n");
  const lines = [
    "@echo off",
    'set "USERPROFILE=H:\\x"',
    'set "LOCALAPPDATA=H:\\y"',
    'set "ProgramData=Z:\\w\\P"',
    "Start.cmd",
    "",
  ];
  fs.writeFileSync(path.join(bundle, "nowhere.cmd"), lines.join("\r\n"));
  const ran = await workspace.click(bundle, "nowhere.cmd");
  expect(ran.code).toBe(8);
  expect(ran.output).toContain(
    "\n  There is no place on this computer where Vagrant could keep its files.\n  Only your IT desk can mend this.\n" +
      "  Ask them for a local folder with a short path without special letters and 6 GiB free, and to set VAGRANT_HOME to it.\n",
  );
  expect(ran.output).toContain("\n  Code for IT: NB-L06\n");
  expect(workspace.calls()).toEqual([]);
});
