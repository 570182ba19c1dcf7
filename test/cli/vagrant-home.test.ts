/** Vagrant's folder: Start.sh and notebox choose the same one, in every case; and nobody else's folder is ever taken. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unfitName } from "../../src/vagrant/home.ts";
import { type HomeCase, POSIX_CASES, WINDOWS_CASES } from "../launchers/home-cases.ts";
import { Novice } from "./novice.ts";
import { PROGRAM } from "./render-workbench.ts";

// The last resort lies outside of the tests' folder, under this user's number.
const SHARED = `/var/tmp/notebox-${process.getuid?.()}`;

let novice: Novice;
let vagrantsHome = "";
beforeAll(async () => {
  // These tests in another checkout make it, too, and take it away again.
  for (let waited = 0; fs.existsSync(SHARED) && waited < 90; waited++) await new Promise((go) => setTimeout(go, 1000));
  expect(fs.existsSync(SHARED), `${SHARED} is there already, and these tests would delete it`).toBe(false);
  novice = new Novice();
  fs.rmSync(path.join(novice.standins.programs, "vagrant"));
  // Says which home it got, and that there is no VM.
  const answer = 'case $* in --version) echo "Vagrant 2.4.9" ;; *) echo "1,default,state,not_created" ;; esac';
  novice.standins.program("vagrant", `printf '%s' "\${VAGRANT_HOME-}" >"$NOTEBOX_STANDIN/home"\n${answer}`);
  novice.standins.program(
    "df",
    `case $3 in *network*) d=files:/home ;; *) d=/dev/sda1 ;; esac\nprintf 'Filesystem\\n%s 1\\n' "$d"`,
  );
  vagrantsHome = path.join(novice.standins.folder, "home");
  // So that notebox has something to ask Vagrant about.
  fs.mkdirSync(novice.path(".vagrant/machines/default/virtualbox"), { recursive: true });
  fs.writeFileSync(novice.path(".vagrant/machines/default/virtualbox/id"), "x");
});
afterAll(() => {
  fs.rmSync(SHARED, { recursive: true, force: true });
  novice.remove();
});

function environment({ profile, given, blocked }: HomeCase): NodeJS.ProcessEnv {
  const home = path.join(novice.around, "homes", profile);
  fs.mkdirSync(home, { recursive: true });
  if (blocked) fs.writeFileSync(path.join(home, ".vagrant.d"), "a file in its place");
  return novice.env({ HOME: home, ...(given === undefined ? {} : { VAGRANT_HOME: given }) });
}

/** Which home Vagrant got, and what is noted. */
function seen(): { home: string; noted: unknown } {
  const home = fs.readFileSync(vagrantsHome, "utf8");
  fs.rmSync(vagrantsHome);
  const file = novice.path(".notebox/host.json");
  return { home, noted: fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : undefined };
}

function byLauncher(env: NodeJS.ProcessEnv): ReturnType<typeof seen> {
  fs.rmSync(novice.path(".notebox/host.json"), { force: true });
  const run = novice.click("Status.sh", { env });
  expect(run.code, run.text).toBe(0);
  return seen();
}

function byNotebox(env: NodeJS.ProcessEnv): ReturnType<typeof seen> {
  fs.rmSync(novice.path(".notebox/host.json"), { force: true });
  const run = spawnSync(process.execPath, [PROGRAM, "-C", novice.folder, "status"], { env, encoding: "utf8" });
  expect(run.status, run.stderr).toBe(0);
  return seen();
}

describe("Start.sh and notebox choose the same", () => {
  test.each(POSIX_CASES.map((one) => [one.about, one] as const))("%s", (_about, one) => {
    const env = environment(one);
    const expected = { usual: "", given: one.given ?? "", made: SHARED, local: "", none: "" }[one.expected];
    const noted = one.expected === "made" ? { version: 1, vagrantHome: SHARED } : undefined;
    expect(byLauncher(env)).toEqual({ home: expected, noted });
    expect(byNotebox(env)).toEqual({ home: expected, noted });
  });
});

describe("a folder in the shared place that is not this user's own", () => {
  const foreign: [string, () => void][] = [
    ["a link", () => fs.symlinkSync(novice.around, SHARED)],
    ["a file", () => fs.writeFileSync(SHARED, "")],
    [
      "somebody else's",
      () => {
        fs.mkdirSync(SHARED);
        fs.chownSync(SHARED, 65534, 65534);
      },
    ],
  ];
  test.each(foreign)("%s: both refuse, with the same words", (_what, make) => {
    fs.rmSync(SHARED, { recursive: true, force: true });
    make();
    const env = environment({ about: "", profile: "/jürgen", expected: "made" });
    const run = novice.click("Start.sh", { env });
    expect(run.code).toBe(8);
    expect(run.text).toContain("  There is no place on this computer where Vagrant could keep its files.\n");
    expect(run.text).toContain("  Code for IT: NB-L06\n");
    const status = spawnSync(process.execPath, [PROGRAM, "-C", novice.folder, "status"], { env, encoding: "utf8" });
    expect([status.status, status.stderr]).toEqual([8, expect.stringContaining("There is no place on this computer")]);
    expect(fs.existsSync(vagrantsHome)).toBe(false);
    fs.rmSync(SHARED, { recursive: true, force: true });
  });

  test("one's own is made private", () => {
    fs.mkdirSync(SHARED, { mode: 0o777 });
    byLauncher(environment({ about: "", profile: "/jürgen", expected: "made" }));
    expect(fs.statSync(SHARED).mode & 0o777).toBe(0o700);
  });
});

/** The names alone; which drive is a network's and which folder can be written is asked of Windows (launchers tier). */
const BY_NAME = WINDOWS_CASES.filter(
  ({ given, blocked, profile }) => given === undefined && blocked !== true && !profile.startsWith("H:"),
);
test.each(BY_NAME.map((one) => [one.about, one] as const))("by its name, on Windows: %s", (_about, one) => {
  const fits = unfitName(`${one.profile}\\.vagrant.d`, "win32") === undefined;
  expect(fits).toBe(one.expected === "usual");
});
