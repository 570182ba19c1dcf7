/** The launchers for macOS and Linux, run by the real bash with a vagrant that only notes how it was called. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Workbench } from "./render-workbench.ts";

let workbench: Workbench;
let programs = "";
beforeAll(() => {
  workbench = new Workbench();
  workbench.describe(workbench.read("workbench.yaml").replace("title: Hello", 'title: It\'s 50% "Hello" $HOME'));
  expect(workbench.render().code).toBe(0);
  programs = path.join(workbench.around, "bin");
});
afterAll(() => workbench.remove());
beforeEach(() => {
  fs.rmSync(programs, { recursive: true, force: true });
  fs.mkdirSync(programs);
  for (const name of ["endpoints.json", "open.html"]) fs.rmSync(workbench.path(`.notebox/${name}`), { force: true });
  fs.rmSync(path.join(workbench.around, "called"), { force: true });
  for (const name of ["bash", "sed", "dirname", "uname", "env"])
    fs.symlinkSync(`/usr/bin/${name}`, path.join(programs, name));
});

const RUNNING = '{\n  "services": {\n    "jupyter": {\n      "url": "http://127.0.0.1:8888/"\n    }\n  }\n}\n';
const TITLE = 'It\'s 50% "Hello" $HOME';

function program(name: string, body: string): void {
  fs.writeFileSync(
    path.join(programs, name),
    `#!/bin/bash\nprintf '%s %s in %s\\n' ${name} "$*" "$PWD" >> '${workbench.around}/called'\n${body}\n`,
  );
  fs.chmodSync(path.join(programs, name), 0o755);
}

function start(file: string, cwd = "/"): { code: number | null; text: string; called: string[] } {
  const run = spawnSync(workbench.path(file), {
    cwd,
    encoding: "utf8",
    env: { PATH: programs, LC_ALL: "C.UTF-8" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const called = path.join(workbench.around, "called");
  const lines = fs.existsSync(called) ? fs.readFileSync(called, "utf8").trim().split("\n") : [];
  return { code: run.status, text: run.stdout + run.stderr, called: lines };
}

/** As a double click on the .desktop file does it: Exec, unescaped, split and with %k filled in, as its specification says. */
function doubleClick(file: string): ReturnType<typeof start> {
  const exec = /^Exec=(.*)$/m.exec(workbench.read(file))?.[1] ?? "";
  const text = exec.replace(
    /\\([sntr\\])/g,
    (_, letter: string) => ({ s: " ", n: "\n", t: "\t", r: "\r" })[letter] ?? "\\",
  );
  const words = [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    (m) => m[1]?.replace(/\\(["`$\\])/g, "$1") ?? m[2] ?? "",
  );
  const [command = "", ...args] = words.map((word) => (word === "%k" ? workbench.path(file) : word));
  const run = spawnSync(command, args, {
    cwd: "/",
    encoding: "utf8",
    env: { PATH: programs, LC_ALL: "C.UTF-8" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const called = path.join(workbench.around, "called");
  return {
    code: run.status,
    text: run.stdout + run.stderr,
    called: fs.existsSync(called) ? fs.readFileSync(called, "utf8").trim().split("\n") : [],
  };
}

describe.each(["Start.sh", "Start.command", "Start.desktop"])("%s", (file) => {
  const go = (): ReturnType<typeof start> => (file.endsWith(".desktop") ? doubleClick(file) : start(file));

  test("starts the VM in its own folder, says the addresses, opens the page", () => {
    const state = workbench.path(".notebox");
    program(
      "vagrant",
      `/bin/cp '${workbench.around}/endpoints' '${state}/endpoints.json'; echo page > '${state}/open.html'`,
    );
    fs.writeFileSync(path.join(workbench.around, "endpoints"), RUNNING);
    program("setsid", 'shift; exec "$@"');
    program("xdg-open", "");
    const run = go();
    expect([run.code, run.called]).toEqual([
      0,
      [
        `vagrant up in ${workbench.folder}`,
        `setsid --fork xdg-open .notebox/open.html in ${workbench.folder}`,
        `xdg-open .notebox/open.html in ${workbench.folder}`,
      ],
    ]);
    expect(run.text).toContain(`${TITLE} is running:\n  http://127.0.0.1:8888/\n`);
  });

  test("says so when Vagrant fails", () => {
    program("vagrant", "exit 1");
    const run = go();
    expect(run.code).toBe(7);
    expect(run.text).toContain(`${TITLE} could not be started.`);
    expect(run.called).toHaveLength(1);
  });

  test("says so when there is no Vagrant", () => {
    const run = go();
    expect(run.code).toBe(4);
    expect(run.text).toMatch(/Vagrant is not installed on this computer/);
  });
});

test("without a way to open a page, Start says which one to open", () => {
  program("vagrant", "");
  workbench.write(".notebox/open.html", "page");
  expect(start("Start.sh").text).toContain(
    `Please open this file in your browser: ${workbench.folder}/.notebox/open.html`,
  );
});

test("Stop halts and keeps; Status asks and changes nothing", () => {
  program("vagrant", "");
  expect(start("Stop.sh").called).toEqual([`vagrant halt in ${workbench.folder}`]);
  workbench.write(".notebox/endpoints.json", RUNNING);
  const status = start("Status.command");
  expect(status.called.at(-1)).toBe(`vagrant status in ${workbench.folder}`);
  expect(status.text).toContain("http://127.0.0.1:8888/");
});

test("outside its folder a launcher says what is missing", () => {
  const alone = path.join(workbench.around, "alone");
  fs.mkdirSync(alone);
  fs.copyFileSync(workbench.path("Start.sh"), path.join(alone, "Start.sh"));
  const run = spawnSync("bash", [path.join(alone, "Start.sh")], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  expect([run.status, run.stdout]).toEqual([1, expect.stringMatching(/Unpack the whole zip/)]);
});
