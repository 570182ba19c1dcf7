/** The launchers for macOS and Linux, run by the real bash: the novice's way from the zip to Reset, and what can go wrong. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Novice } from "./novice.ts";

const TITLE = 'It\'s 50% "Hello" $HOME `id` !x';

let novice: Novice;
beforeAll(() => {
  novice = new Novice(TITLE);
});
afterAll(() => novice.remove());
beforeEach(() => {
  novice.standins.forget();
  for (const name of ["fail", "slow"] as const) novice.standins.set(name, undefined);
});

const words = (): string[] => novice.standins.calls().map((call) => call.words);
const hasPage = (): boolean => fs.existsSync(novice.path(".notebox/open.html"));

/** Every file below notebooks and api, with what it holds. */
function work(): string {
  const below = (name: string): string[] => fs.readdirSync(novice.path(name), { recursive: true, encoding: "utf8" });
  const files = ["notebooks", "api"].flatMap((room) => below(room).map((name) => `${room}/${name}`)).sort();
  const text = (name: string): string =>
    fs.statSync(novice.path(name)).isFile() ? fs.readFileSync(novice.path(name), "utf8") : "";
  return JSON.stringify(files.map((name) => [name, text(name)]));
}

test("macOS gets the same under names that Finder runs", () => {
  for (const name of ["Start", "Stop", "Status", "Check", "Reset", "Save-a-report"])
    expect(fs.statSync(novice.path(`${name}.command`)).mode & 0o111).toBe(0o111);
  const ran = ["sh", "command"].map((kind) => {
    novice.standins.forget();
    const { code, text } = novice.click(`Stop.${kind}`);
    return { code, text, calls: novice.standins.calls() };
  });
  expect(ran[0]).toMatchObject({ code: 0, calls: [{ folder: novice.folder, words: "halt", launcher: "stop" }] });
  expect(ran[1]).toEqual(ran[0]);
});

describe.each(["sh", "desktop"])("the novice's way, by files in .%s", (kind) => {
  beforeAll(() => {
    // A hand-out brings its notebooks at the first Start.
    for (const room of ["notebooks", "api"]) fs.mkdirSync(novice.path(room), { recursive: true });
    fs.writeFileSync(novice.path("notebooks/mine.txt"), "my work");
  });

  test("Start makes it and says how far it is, in words", () => {
    const run = novice.click(`Start.${kind}`);
    expect(run.code, run.text).toBe(0);
    expect(novice.standins.calls()).toEqual([{ folder: novice.folder, words: "up", launcher: "start", home: "" }]);
    expect(novice.standins.opened()).toEqual([`${novice.folder}/.notebox/open.html`]);
    expect(run.text).toContain("1 of 5: ");
    if (kind === "sh")
      expect(run.text).toContain("2 of 5: Fetching the box from your school's share, 3 minutes left\n");
    expect(run.text).toContain(`\n${TITLE} is running:\n  http://127.0.0.1:8888/\n`);
    expect(run.text).not.toContain("token-token");
  });

  test("Start again only opens the page", () => {
    const run = novice.click(`Start.${kind}`);
    expect([run.code, run.text, words()]).toEqual([0, "", []]);
    expect(novice.standins.opened()).toEqual([`${novice.folder}/.notebox/open.html`]);
  });

  test("a machine whose start was killed is waited for before anything is done in it", () => {
    fs.rmSync(novice.path(".notebox/open.html"));
    const run = novice.click(`Start.${kind}`);
    expect([run.code, words()]).toEqual([0, ["up"]]);
    expect(run.text).toContain("3 of 5: Starting the virtual machine");
    const logs = fs.readdirSync(novice.path(".notebox/logs")).filter((name) => name.endsWith("-start.log"));
    const log = fs.readFileSync(novice.path(`.notebox/logs/${logs.sort().at(-1)}`), "utf8");
    // Two starts within one second write into one log: the last of each is this start's.
    const asked = log.lastIndexOf("asked whether it answers");
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThan(log.lastIndexOf("Running provisioner"));
  });

  test("the page of a machine that has gone is not opened", () => {
    novice.standins.set("vm", "poweroff");
    novice.standins.set("fail", "VBoxManageError it does not start");
    const run = novice.click(`Start.${kind}`);
    expect([run.code, words(), novice.standins.opened()]).toEqual([7, ["up"], []]);
    novice.standins.set("fail", undefined);
    expect(novice.click(`Start.${kind}`).code).toBe(0);
  });

  test("Stop stops and keeps, Start goes on, Status and Check change nothing", () => {
    const stopped = novice.click(`Stop.${kind}`);
    expect([stopped.code, hasPage()]).toEqual([0, false]);
    expect(stopped.text).toContain(`${TITLE} is stopped. Your work is kept; use Start to go on.`);
    expect(novice.click(`Start.${kind}`).code).toBe(0);
    const before = work();
    expect(novice.click(`Status.${kind}`).text).toContain("  http://127.0.0.1:8888/\n");
    expect(novice.click(`Check.${kind}`).text).toMatch(/^ok +NB-D01 /m);
    expect(words()).toEqual(["halt", "up", "status", "status"]);
    expect([work(), hasPage()]).toEqual([before, true]);
  });

  test("Save-a-report lists what goes into it, then writes one zip without the token", () => {
    const run = novice.click(`Save-a-report.${kind}`);
    expect(run.code, run.text).toBe(0);
    const file = /^Saved: (.*)$/m.exec(run.text)?.[1] ?? "";
    expect(run.text.indexOf("The report holds these files")).toBeGreaterThanOrEqual(0);
    expect(run.text.indexOf("The report holds these files")).toBeLessThan(run.text.indexOf("Saved: "));
    const names = spawnSync("unzip", ["-Z1", file], { encoding: "utf8" }).stdout.trim().split("\n");
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) expect(run.text).toContain(`  ${name} `);
    const text = spawnSync("unzip", ["-p", file], { encoding: "latin1", maxBuffer: 2 ** 26 }).stdout;
    expect(text).not.toContain("token-token");
    fs.rmSync(file);
  });

  test("Reset asks, and does nothing without a clear yes", () => {
    for (const input of ["", "\n", "no\n", "y\n", "$(touch pwned)\n"]) {
      const run = novice.click(`Reset.${kind}`, { input });
      expect([input, run.code, words()]).toEqual([input, 0, []]);
      expect(run.text).toContain("Nothing was changed.");
    }
  });

  test.each(["YES\n", "hello\n"])("Reset after %j deletes the machine and keeps the work", (input) => {
    if (!fs.existsSync(novice.path(".vagrant/machines/default/virtualbox/id"))) novice.click(`Start.${kind}`);
    novice.standins.forget();
    const before = work();
    const run = novice.click(`Reset.${kind}`, { input });
    expect([run.code, words(), hasPage()]).toEqual([0, ["destroy --force"], false]);
    expect(run.text).toContain("The folders notebooks and api stay as they are");
    expect(work()).toBe(before);
    expect(before).toContain("my work");
  });

  test("Reset deletes nothing that it cannot save, unless that is said", () => {
    novice.click(`Start.${kind}`);
    const machine = novice.path(".vagrant/machines/default/virtualbox");
    // The stand-in's VM was set up, and has nothing that could be asked for its work.
    fs.writeFileSync(path.join(machine, "action_provision"), "1.5:id");
    const kept = novice.click(`Reset.${kind}`, { input: "yes\n" });
    expect(kept.text).toMatch(
      /could not be saved, so nothing was deleted\.[\s\S]*type delete[\s\S]*Code for IT: NB-L11/,
    );
    expect([kept.code, fs.existsSync(path.join(machine, "id"))]).toEqual([10, true]);
    const gone = novice.click(`Reset.${kind}`, { input: "Delete\n" });
    expect([gone.code, fs.existsSync(path.join(machine, "id"))]).toEqual([0, false]);
    fs.rmSync(path.join(machine, "action_provision"));
  });
});

test("a second Start while the first is at work waits for it and opens the page", async () => {
  novice.standins.set("slow", "3");
  const first = novice.begin("Start.sh");
  while (!fs.existsSync(novice.path(".notebox/up.lock"))) await new Promise((resolve) => setTimeout(resolve, 50));
  const second = novice.begin("Start.sh");
  const [one, two] = await Promise.all([first.done, second.done]);
  expect([one.code, two.code], one.text + two.text).toEqual([0, 0]);
  expect(two.text).toContain("The workbench is being started already, in another window.\n");
  expect(two.text).toContain("This window opens the page as soon as the other one is ready.");
  expect(novice.standins.opened()).toHaveLength(2);
  novice.click("Stop.sh");
});

test("a window that is closed half-way loses nothing", async () => {
  novice.standins.set("slow", "20");
  const before = work();
  const first = novice.begin("Start.sh");
  while (!fs.existsSync(novice.path(".notebox/up.lock"))) await new Promise((resolve) => setTimeout(resolve, 50));
  first.kill();
  await first.done;
  novice.standins.set("slow", undefined);
  const run = novice.click("Start.sh");
  expect([run.code, work()], run.text).toEqual([0, before]);
  expect(run.text).toContain("An earlier start was broken off; this one goes on.");
  expect(fs.existsSync(novice.path(".notebox/up.lock"))).toBe(false);
  novice.click("Stop.sh");
});

describe("what Vagrant says when it fails", () => {
  test("a fault that is known is told once, in three sentences, with its code and the log", () => {
    novice.standins.set("fail", "VBoxManageError VERR_VMX_NO_VMX");
    const run = novice.click("Start.sh");
    expect(run.code).toBe(7);
    expect(run.text).toContain("\nThis computer's processor does not let VirtualBox run virtual machines.\n");
    expect(run.text.match(/Code for IT: /g)).toEqual(["Code for IT: "]);
    expect(run.text).toContain("Code for IT: NB-D05\n");
    const log = /^Log: (.*)$/m.exec(run.text)?.[1] ?? "";
    expect(fs.readFileSync(log, "utf8")).toContain("VERR_VMX_NO_VMX");
  });

  test("a Vagrant that does not come to speak is told by the launcher", () => {
    fs.renameSync(path.join(novice.standins.programs, "vagrant"), path.join(novice.around, "kept"));
    try {
      for (const [exit, code, text] of [
        ["1", 7, "Code for IT: NB-V99"],
        ["127", 7, "Code for IT: NB-V99"],
        ["130", 130, "Nothing is lost"],
      ] as const) {
        novice.standins.program("vagrant", `exit ${exit}`);
        for (const file of ["Start.sh", "Stop.sh", "Status.sh"]) {
          const run = novice.click(file);
          expect([file, exit, run.code]).toEqual([file, exit, code]);
          expect(run.text).toContain(text);
        }
      }
    } finally {
      fs.rmSync(path.join(novice.standins.programs, "vagrant"));
      fs.renameSync(path.join(novice.around, "kept"), path.join(novice.standins.programs, "vagrant"));
    }
  });

  test("an ARM computer without a box for it is told so before anything is fetched", () => {
    novice.click("Reset.sh", { input: "yes\n" });
    fs.rmSync(path.join(novice.home, ".vagrant.d"), { recursive: true, force: true });
    novice.standins.forget();
    const run = novice.click("Start.sh", { env: { VAGRANT_HOST_ARCHITECTURE: "arm64" } });
    expect(run.code).toBe(7);
    expect(run.text).toContain("\nThis computer has an ARM processor, and the workbench's box is for amd64.\n");
    expect(run.text).toContain("Code for IT: NB-D24\n");
    expect(run.text).not.toContain("2 of 5");
    expect(fs.existsSync(path.join(novice.home, ".vagrant.d/boxes"))).toBe(false);
    novice.standins.share(novice.folder, ["amd64", "arm64"]);
    const fits = novice.click("Start.sh", { env: { VAGRANT_HOST_ARCHITECTURE: "arm64" } });
    expect(fits.code, fits.text).toBe(0);
    novice.click("Reset.sh", { input: "yes\n" });
    novice.standins.share(novice.folder);
  });
});

test("without a way to open a page, Start says which one to open", () => {
  fs.renameSync(path.join(novice.standins.programs, "xdg-open"), path.join(novice.around, "kept"));
  const run = novice.click("Start.sh");
  fs.renameSync(path.join(novice.around, "kept"), path.join(novice.standins.programs, "xdg-open"));
  expect(run.text).toContain(`Please open this file in your browser: ${novice.folder}/.notebox/open.html`);
});

test("no launcher is longer than 150 lines, and the shell's have nothing for shellcheck to say", () => {
  const top = fs.readdirSync(novice.folder).filter((name) => /\.(cmd|command|sh|desktop)$/.test(name));
  const files = [...top, ...fs.readdirSync(novice.path("launchers")).map((name) => `launchers/${name}`)];
  expect(files.length).toBe(6 * 4 + 7);
  for (const name of files)
    expect([name, fs.readFileSync(novice.path(name), "utf8").split("\n").length < 150]).toEqual([name, true]);
  const scripts = files.filter((name) => name.endsWith("sh"));
  const run = spawnSync("shellcheck", ["--norc", ...scripts], { cwd: novice.folder, encoding: "utf8" });
  expect([run.stdout, run.status]).toEqual(["", 0]);
});
