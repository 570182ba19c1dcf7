/** Where the launchers for macOS and Linux refuse to run, with the words and the code; and that no path becomes code. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hostileText } from "../unit/bundle-hostile.ts";
import { Novice, type Ran } from "./novice.ts";

let novice: Novice;
beforeAll(() => {
  novice = new Novice();
});
afterAll(() => novice.remove());
beforeEach(() => novice.standins.forget());

/** The words as they stand on the screen, and where the log is. */
function told(run: Ran): { sentences: string[]; code: string; exit: number | null } {
  const lines = run.text.split("\n").map((line) => line.trim());
  const at = lines.findIndex((line) => line.startsWith("Code for IT: "));
  return { sentences: lines.slice(at - 4, at - 1), code: lines[at]?.slice(13) ?? run.text, exit: run.code };
}

/** The bundle in another place; `name` may be a path below the test's folder. */
function copyTo(name: string): string {
  const folder = path.join(novice.around, name);
  fs.cpSync(novice.folder, folder, { recursive: true });
  return folder;
}

const ZIP = {
  code: "NB-L01",
  exit: 8,
  sentences: [
    "This file was started from inside the zip.",
    "You can mend this yourself.",
    "Right-click the zip, choose “Extract all”, and start from the folder that appears.",
  ],
};
const NETWORK = {
  code: "NB-L02",
  exit: 8,
  sentences: [
    "This folder is on a network drive.",
    "You can mend this yourself.",
    "Copy the whole folder to a disk of this computer and start it there.",
  ],
};
const CLOUD = {
  code: "NB-L03",
  exit: 8,
  sentences: [
    "This folder is in a synced cloud folder.",
    "You can mend this yourself.",
    "Copy the whole folder to one that is not synced, such as a new folder directly on drive C: or in your home folder, and start it there.",
  ],
};
const INCOMPLETE = {
  code: "NB-L05",
  exit: 3,
  sentences: [
    "Files of the workbench are missing beside this one.",
    "You can mend this yourself.",
    "Unpack the whole zip again and start from the folder that appears; if it stays, ask IT whether a protection program took files away.",
  ],
};

describe("Start refuses, and calls nothing,", () => {
  test.each([
    ["in file-roller's folder", ".cache/.fr-Xy12Za/hello", ZIP],
    ["in a folder that macOS made for quarantined files", "var/AppTranslocation/1234/d/hello", ZIP],
    ["in a zip that the file manager shows as a folder", "run/user/0/gvfs/archive:host=x/hello", ZIP],
    ["in Dropbox", "Dropbox (Uni)/hello", CLOUD],
    ["in OneDrive", "OneDrive - Universität/hello", CLOUD],
    ["in Google Drive", "Google Drive/hello", CLOUD],
    ["in iCloud", "Library/Mobile Documents/com~apple~CloudDocs/hello", CLOUD],
    ["in macOS's folder for clouds", "Library/CloudStorage/Box-Box/hello", CLOUD],
    ["on a share that the file manager opened", "gvfs/smb-share:server=x,share=y/hello", NETWORK],
  ])("%s", (_where, place, fault) => {
    const run = novice.click("Start.sh", { folder: copyTo(place) });
    expect(told(run)).toEqual(fault);
    expect(novice.standins.calls()).toEqual([]);
    expect(run.text).toMatch(/^ {2}Log: .*\/\.notebox\/logs\/launchers\.log$/m);
  });

  test.each(["OneDrive", "OneDriveCommercial", "OneDriveConsumer"])("below what %s names", (name) => {
    const folder = copyTo("synced/hello");
    expect(told(novice.click("Start.sh", { folder, env: { [name]: path.dirname(folder) } }))).toEqual(CLOUD);
    // A folder whose name only begins in the same way is another one.
    const beside = novice.click("Stop.sh", { folder, env: { [name]: path.dirname(folder).slice(0, -1) } });
    expect(beside.code, beside.text).toBe(0);
  });

  test.each(["files.example.edu:/home", "//files/share", "anna@files:/home"])("on a disk of %s", (device) => {
    novice.standins.program("df", `printf 'Filesystem Size\\n${device} 1\\n'`);
    expect(told(novice.click("Start.sh"))).toEqual(NETWORK);
    fs.rmSync(path.join(novice.standins.programs, "df"));
    expect(novice.standins.calls()).toEqual([]);
  });

  test.each(["Vagrantfile", "vagrant/faults.json", "vagrant/notebox.rb", "launchers/home.sh", "launchers/run.sh"])(
    "without %s",
    (name) => {
      const folder = copyTo(`without ${path.basename(name)}`);
      fs.rmSync(path.join(folder, name));
      expect(told(novice.click("Start.sh", { folder }))).toEqual(INCOMPLETE);
    },
  );

  test("alone, as a double click in a zip leaves it", () => {
    const folder = path.join(novice.around, "alone");
    fs.mkdirSync(folder);
    fs.copyFileSync(novice.path("Start.sh"), path.join(folder, "Start.sh"));
    // The tests' own folder may lie below /tmp.
    expect(told(novice.click("Start.sh", { folder }))).toEqual(folder.startsWith("/tmp/") ? ZIP : INCOMPLETE);
    const elsewhere = fs.mkdtempSync("/var/tmp/notebox-alone-");
    fs.copyFileSync(novice.path("Start.sh"), path.join(elsewhere, "Start.sh"));
    expect(told(novice.click("Start.sh", { folder: elsewhere }))).toEqual(INCOMPLETE);
    fs.rmSync(elsewhere, { recursive: true });
  });

  test("alone, with the name that macOS runs", () => {
    const folder = path.join(novice.around, "alone on macOS");
    fs.mkdirSync(folder);
    fs.copyFileSync(novice.path("Start.command"), path.join(folder, "Start.command"));
    expect(told(novice.click("Start.command", { folder }))).toEqual(INCOMPLETE);
  });

  test("where it cannot write", () => {
    const folder = copyTo("read-only");
    fs.rmSync(path.join(folder, ".notebox"), { recursive: true });
    fs.writeFileSync(path.join(folder, ".notebox"), "");
    expect(told(novice.click("Start.sh", { folder }))).toEqual({
      code: "NB-L07",
      exit: 10,
      sentences: [
        "Files in this folder cannot be written.",
        "You can mend this yourself.",
        "Copy the whole folder to a place of your own on this computer and start it there.",
      ],
    });
  });

  test("without Vagrant", () => {
    const run = novice.click("Start.sh", { env: { PATH: novice.env()["PATH"]?.replace(/^[^:]*:/, "") } });
    expect(told(run)).toEqual({
      code: "NB-L04",
      exit: 4,
      sentences: [
        "Vagrant is not installed on this computer.",
        "Only your IT desk can mend this.",
        "Ask them to install Vagrant 2.3.4 or newer and VirtualBox, and to restart the computer.",
      ],
    });
  });
});

describe("no path and no title becomes code", () => {
  // What a file system takes as a name; NUL and the slash it does not.
  const folderName = hostileText
    .map((text) => text.replace(/[\0/]/g, "").slice(0, 60))
    .filter((text) => !/^\.{0,2}$/.test(text) && Buffer.byteLength(text) < 200 && !/\p{Surrogate}/u.test(text));

  test("of the workbench's folder, by .sh and .desktop", () => {
    fs.renameSync(path.join(novice.standins.programs, "vagrant"), path.join(novice.around, "kept"));
    novice.standins.program("vagrant", 'printf "%s\\n" "$PWD" >"$NOTEBOX_STANDIN/where"; exit 0');
    const room = path.join(novice.around, "room");
    let tried = 0;
    try {
      fc.assert(
        fc.property(folderName, (name) => {
          if (/Dropbox|OneDrive|Google/.test(name)) return;
          fs.mkdirSync(room);
          try {
            const folder = path.join(room, name);
            fs.cpSync(novice.folder, folder, { recursive: true });
            for (const file of ["Stop.sh", ...(/[\n\r]/.test(name) ? [] : ["Stop.desktop"])]) {
              const run = novice.click(file, { folder });
              expect(run.code, run.text).toBe(0);
              expect(fs.readFileSync(path.join(novice.standins.folder, "where"), "utf8")).toBe(`${folder}\n`);
            }
            expect(fs.readdirSync(room)).toEqual([name]);
            expect(fs.readdirSync(folder).sort()).toEqual(fs.readdirSync(novice.folder).sort());
            tried += 1;
          } finally {
            fs.rmSync(room, { recursive: true, force: true });
          }
        }),
        { numRuns: 24 },
      );
    } finally {
      fs.rmSync(path.join(novice.standins.programs, "vagrant"));
      fs.renameSync(path.join(novice.around, "kept"), path.join(novice.standins.programs, "vagrant"));
    }
    expect(tried).toBeGreaterThan(15);
  });

  test("of the machine's id, which comes from a file that may be anybody's", () => {
    const folder = copyTo("foreign");
    fs.mkdirSync(path.join(folder, ".vagrant/machines/default/virtualbox"), { recursive: true });
    for (const name of ["endpoints.json", "open.html"]) fs.writeFileSync(path.join(folder, ".notebox", name), "{}");
    for (const id of ["$(touch pwned)", "a; touch pwned", "--help", "x".repeat(500)]) {
      fs.writeFileSync(path.join(folder, ".vagrant/machines/default/virtualbox/id"), id);
      novice.standins.forget();
      novice.click("Start.sh", { folder });
      expect(novice.standins.calls().map((call) => call.words)).toEqual(["up"]);
      const asked = fs.readFileSync(path.join(novice.standins.folder, "vbox-calls"), "utf8");
      expect(asked).not.toContain("showvminfo");
      expect(spawnSync("find", [folder, "-name", "pwned"], { encoding: "utf8" }).stdout).toBe("");
      for (const name of ["endpoints.json", "open.html"]) fs.writeFileSync(path.join(folder, ".notebox", name), "{}");
    }
  });
});
