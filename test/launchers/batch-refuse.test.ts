/** Where the real .cmd files refuse to run, with their words and codes; how they find Vagrant; and that no path is code. */
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Ran, Workspace } from "./workspace.ts";

let workspace: Workspace;
let bundle: string;
beforeAll(() => {
  workspace = new Workspace();
  bundle = workspace.handout("plain", "Plain");
});
afterAll(() => workspace.remove());
beforeEach(() => {
  workspace.forget();
  workspace.installVagrant(0);
  for (const tool of ["net", "reg", "whoami", "icacls"]) workspace.tool(tool, undefined);
});

/** The words as they stand on the screen. */
function told(ran: Ran): { exit: number | null; code: string; sentences: string[]; waits: boolean } {
  const lines = ran.output.split("\n").map((line) => line.trim());
  const at = lines.findIndex((line) => line.startsWith("Code for IT: "));
  return {
    exit: ran.code,
    code: lines[at]?.slice(13) ?? ran.output,
    sentences: lines.slice(at - 4, at - 1),
    waits: /Press (any key|Enter)/i.test(ran.output),
  };
}

/** The bundle in another place below the workspace. */
function copyTo(place: string): string {
  const folder = path.join(workspace.folder, place);
  fs.cpSync(bundle, folder, { recursive: true });
  return folder;
}

const fault = (code: string, exit: number, ...sentences: string[]) => ({ code, exit, sentences, waits: true });
const MEND = "You can mend this yourself.";
const ZIP = fault(
  "NB-L01",
  8,
  "This file was started from inside the zip.",
  MEND,
  "Right-click the zip, choose 'Extract all', and start from the folder that appears.",
);
const NETWORK = fault(
  "NB-L02",
  8,
  "This folder is on a network drive.",
  MEND,
  "Copy the whole folder to a disk of this computer and start it there.",
);
const CLOUD = fault(
  "NB-L03",
  8,
  "This folder is in a synced cloud folder.",
  MEND,
  "Copy the whole folder to one that is not synced, such as a new folder directly on drive C: or in your home folder, and start it there.",
);
const INCOMPLETE = fault(
  "NB-L05",
  3,
  "Files of the workbench are missing beside this one.",
  MEND,
  "Unpack the whole zip again and start from the folder that appears; if it stays, ask IT whether a protection program took files away.",
);

describe("Start refuses, calls nothing and waits for a key,", () => {
  test.each([
    ["where Explorer unpacks", "AppData/Local/Temp/Temp1_hello.zip/trial", ZIP],
    ["where Explorer of Windows 11 unpacks", "AppData/Local/Temp/0a1b2c3d_hello.zip.9f1/trial", ZIP],
    ["where 7-Zip unpacks", "T/7zO4C1D2E3F", ZIP],
    ["where WinRAR unpacks", "T/Rar$DIa1234.5678", ZIP],
    ["in OneDrive", "OneDrive - Uni & Co/trial", CLOUD],
    ["in Dropbox", "Dropbox (Uni)/trial", CLOUD],
    ["in Google Drive", "Google Drive/trial", CLOUD],
    ["in iCloud", "iCloudDrive/trial", CLOUD],
  ])("%s", async (_where, place, expected) => {
    const folder = copyTo(place);
    expect(told(await workspace.click(folder, "Start.cmd"))).toEqual(expected);
    expect(fs.readFileSync(path.join(folder, ".notebox/logs/launchers.log"), "utf8")).toMatch(/ start [a-z-]+/);
  });

  test.each(["OneDrive", "OneDriveCommercial", "OneDriveConsumer", "TEMP"])("below what %s names", async (name) => {
    const folder = copyTo("synced/trial");
    workspace.write("synced/trial/below.cmd", `@set "${name}=Z:\\w\\synced"\r\n@Start.cmd\r\n`);
    expect(told(await workspace.click(folder, "below.cmd"))).toEqual(name === "TEMP" ? ZIP : CLOUD);
    // A folder whose name only begins in the same way is another one.
    workspace.write("synced/trial/beside.cmd", `@set "${name}=Z:\\w\\sync"\r\n@Stop.cmd\r\n`);
    expect((await workspace.click(folder, "beside.cmd")).output).toContain("trial is stopped.");
  });

  test("on a network drive that has a letter", async () => {
    workspace.tool("net", "@exit /b 0\r\n");
    expect(told(await workspace.click(bundle, "Start.cmd"))).toEqual(NETWORK);
  });

  test("started by a network path", async () => {
    const ran = await workspace.click(workspace.folder, "\\\\.\\unix\\w\\plain\\trial\\Start.cmd");
    expect(told(ran)).toEqual(NETWORK);
  });

  test.each(["Vagrantfile", "vagrant/faults.json", "vagrant/notebox.rb"])("without %s", async (name) => {
    const folder = copyTo(`without ${path.basename(name)}`);
    fs.rmSync(path.join(folder, name));
    expect(told(await workspace.click(folder, "Start.cmd"))).toEqual(INCOMPLETE);
  });

  test.each([
    ["a folder for temporary files", "Temp/1/Start.cmd", ZIP],
    ["elsewhere", "alone/Start.cmd", INCOMPLETE],
  ])("alone in %s", async (_where, file, expected) => {
    workspace.write(file, fs.readFileSync(path.join(bundle, "Start.cmd"), "latin1"));
    expect(told(await workspace.click(path.dirname(path.join(workspace.folder, file)), "Start.cmd"))).toEqual(expected);
  });

  test("where it cannot write", async () => {
    const folder = copyTo("read-only");
    fs.rmSync(path.join(folder, ".notebox"), { recursive: true });
    fs.writeFileSync(path.join(folder, ".notebox"), "");
    const sentences = [
      "Files in this folder cannot be written.",
      MEND,
      "Copy the whole folder to a place of your own on this computer and start it there.",
    ];
    expect(told(await workspace.click(folder, "Start.cmd"))).toEqual(fault("NB-L07", 10, ...sentences));
  });

  test("without Vagrant", async () => {
    workspace.tool("vagrant", undefined);
    const sentences = [
      "Vagrant is not installed on this computer.",
      "Only your IT desk can mend this.",
      "Ask them to install Vagrant 2.3.4 or newer and VirtualBox, and to restart the computer.",
    ];
    expect(told(await workspace.click(bundle, "Start.cmd"))).toEqual(fault("NB-L04", 4, ...sentences));
  });
});

test("Vagrant that was installed after this session began is found by the registry's PATH", async () => {
  workspace.tool("vagrant", undefined);
  workspace.write("Program Files X/bin/vagrant.cmd", "@echo fresh vagrant %*\r\n@exit /b 0\r\n");
  const value = "    Path    REG_EXPAND_SZ    %%SystemRoot%%\\system32;Z:\\w\\Program Files X\\bin;C:\\x";
  workspace.tool(
    "reg",
    `@echo off\r\necho HKEY_LOCAL_MACHINE\\SYSTEM\\Session Manager\\Environment\r\necho ${value}\r\n`,
  );
  const ran = await workspace.click(bundle, "Stop.cmd");
  expect([ran.code, ran.output]).toEqual([0, expect.stringContaining("fresh vagrant halt")]);
});

test("no folder's name becomes code", async () => {
  workspace.installVagrant(0);
  const names = [
    "a & echo pwned> pwned.txt & b",
    "%PATH%",
    "!PATH!",
    "^&^& x",
    "(a) (b",
    "a;b,c=d",
    "'q' `r` $HOME",
    "@echo",
    "100% %~dp0",
  ];
  for (const name of names) {
    const folder = path.join(workspace.folder, "names", name.replace(">", "_"));
    fs.cpSync(bundle, folder, { recursive: true });
    const ran = await workspace.click(folder, "Stop.cmd");
    expect([name, ran.code, ran.output]).toEqual([name, 0, expect.stringContaining("trial is stopped.")]);
  }
  const found = fs.readdirSync(workspace.folder, { recursive: true, encoding: "utf8" });
  expect(found.filter((name) => name.endsWith("pwned.txt"))).toEqual([]);
});
