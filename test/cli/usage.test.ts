/** The command line itself: help, wrong usage, --json, -C, pipes that close; with the built program. */
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const program = path.join(root, "dist", "notebox.cjs");
let folder: string;
let env: Record<string, string>;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-cli-"));
  env = { PATH: process.env["PATH"] ?? "", HOME: folder };
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function notebox(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: "utf8",
    cwd: folder,
    env,
  });
  return { code: status, stdout, stderr };
}

test.each([
  ["box", "list", "--share", "--json"],
  ["box", "prune", "--share", "shelf", "--unused-by", "--json"],
  ["-C", "--json", "validate"],
])("an option takes none of the others for its value: %s %s %s", (...args) => {
  const { code, stdout } = notebox(...args);
  expect([code, JSON.parse(stdout)]).toEqual([
    2,
    expect.objectContaining({
      ok: false,
      error: expect.objectContaining({
        code: "usage",
        message: expect.stringMatching(/^Option '-.*' argument missing, before --json$/),
      }),
    }),
  ]);
});

describe("help", () => {
  test("without arguments: on standard output, exit 0", () => {
    const { code, stdout, stderr } = notebox();
    expect([code, stderr]).toEqual([0, ""]);
    for (const verb of [
      "init",
      "up",
      "down",
      "destroy",
      "status",
      "ssh",
      "logs",
      "open",
      "verify",
      "doctor",
      "box",
      "config",
    ])
      expect(stdout).toMatch(new RegExp(`^ {2}${verb} `, "m"));
    expect(notebox("--help")).toEqual({ code, stdout, stderr });
  });

  test("of a verb shows the common options too", () => {
    const { code, stdout } = notebox("up", "--help");
    expect(code).toBe(0);
    expect(stdout).toContain("--provider <name>");
    expect(stdout).toContain("-C, --folder <dir>");
  });

  test("of a group says help as the program does", () => {
    for (const args of [["--help"], ["box", "--help"], ["api", "--help"], ["config", "--help"]])
      expect(notebox(...args).stdout).toMatch(/^ {2}help \[command\] +print help for a command$/m);
  });

  test("the version is package.json's", () => {
    const { version } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
    expect(notebox("--version")).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });
});

test("doctor explains a code in whatever case, with or without NB-, and lists them where there is none such: exit 2", () => {
  const { code, stdout } = notebox("doctor", "--explain", "nb-d06");
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^NB-D06\n {2}check +hypervisor: .+\n[\s\S]+ {2}IT +\w/)]);
  expect(notebox("doctor", "--explain", "D06")).toEqual({ code, stdout, stderr: "" });
  const wrong = notebox("doctor", "--explain", "NB-X01");
  expect([wrong.code, wrong.stdout, wrong.stderr]).toEqual([
    2,
    "",
    expect.stringContaining("no code “NB-X01”.\n  The codes are: NB-D01, "),
  ]);
});

test("doctor --only names what to ask about a code that it has no check for: exit 2", () => {
  const { code, stdout, stderr } = notebox("doctor", "--only", "NB-V03");
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/^Error: NB-V03 is told where it happens.*\n.*notebox doctor --explain NB-V03/);
});

describe("wrong usage: exit 2", () => {
  test.each([
    [["upp"], "Unknown command 'upp'\n(Did you mean up?)"],
    [["up", "--provder", "x"], "Unknown option '--provder'\n(Did you mean --provider?)"],
    [["box"], "A command is missing."],
    [["box", "bild"], "Unknown command 'bild'"],
    [["box", "publish", "x.box", "--version", "13.1.0"], "Required option '--share <dir>' not specified"],
    [["box", "list", "--share", ""], "It is empty: name a folder."],
    [["box", "verify", "--share", "https://boxes.example.edu"], "It is an address: name the share's folder."],
    [["up", "surplus"], "Too many arguments"],
    [["verify", "--format", "json"], "Allowed choices are text, junit, tap"],
    [["verify", "--wait", "soon"], "Write a time like 300s or 5m."],
  ])("%j", (args, words) => {
    const { code, stdout, stderr } = notebox(...args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(words);
    expect(stderr).toContain("notebox --help");
  });

  test.each([[["--json", "upp"]], [["upp", "--json"]], [["up", "--provder", "--json"]], [["--json"]]])(
    "%j: one JSON document and nothing else",
    (args) => {
      const { code, stdout, stderr } = notebox(...args);
      expect([code, stderr]).toEqual([2, ""]);
      expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: "usage", problems: [] } });
    },
  );

  test("--json after -- is the guest's", () => {
    const { stdout, stderr } = notebox("ssh", "--", "ls", "--json");
    expect(stdout).toBe("");
    expect(stderr).toContain("workbench.yaml");
  });
});

describe("-C", () => {
  test("before and after the verb means the same; the later one counts", () => {
    const place = path.join(folder, "some place");
    fs.mkdirSync(place);
    const expected = `There is no workbench.yaml in ${place}`;
    expect(notebox("-C", "some place", "status").stderr).toContain(expected);
    expect(notebox("status", "-C", "some place").stderr).toContain(expected);
    expect(notebox("-C", "elsewhere", "status", "-C", "some place").stderr).toContain(expected);
  });

  test("--json before and after the verb means the same", () => {
    const before = notebox("--json", "status");
    const after = notebox("status", "--json");
    expect(before.stdout).toBe(after.stdout);
    expect(JSON.parse(before.stdout)).toMatchObject({ ok: false, command: "status", error: { code: "invalid" } });
  });
});

test("a reader that goes away is no failure", async () => {
  const child = spawn("bash", ["-c", '"$0" "$1" --help | head -n 1; echo "$PIPESTATUS"', process.execPath, program], {
    env,
  });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  await new Promise((resolve) => child.on("close", resolve));
  expect(text).toBe("Usage: notebox [options] [command]\n0\n");
});

test("progress is plain without a terminal, coloured only on demand, and gone with --quiet", () => {
  const run = (extra: Record<string, string>, ...args: string[]) =>
    spawnSync(process.execPath, [program, "-C", path.join(folder, "wb"), "up", ...args], {
      encoding: "utf8",
      env: { HOME: folder, PATH: "/nonexistent", ...extra },
    }).stderr;
  fs.cpSync(path.join(root, "examples", "hello"), path.join(folder, "wb"), { recursive: true });
  const plain = run({});
  expect(plain).toContain("- Looking for Vagrant and a provider ...\n");
  expect(plain).not.toContain("\u001b");
  expect(run({ FORCE_COLOR: "1" })).toContain("\u001b[31m");
  expect(run({ FORCE_COLOR: "1", NO_COLOR: "1" })).toContain("\u001b[31m");
  expect(run({}, "--quiet")).toMatch(/^Error: Vagrant is not installed/);
});

test("the command line is answered without reading the verbs, which take longer than Node itself", () => {
  const place = path.join(folder, "alone");
  fs.mkdirSync(path.join(place, "dist"), { recursive: true });
  for (const name of ["package.json", "dist/notebox.cjs"])
    fs.copyFileSync(path.join(root, name), path.join(place, name));
  for (const args of [["--version"], ["--help"], ["up", "--help"], []])
    expect(spawnSync(process.execPath, [path.join(place, "dist", "notebox.cjs"), ...args], { env }).status).toBe(0);
});

test("a result that finds no room is no success: exit 11", () => {
  const full = fs.openSync("/dev/full", "w");
  const { status, stderr } = spawnSync(process.execPath, [program, "config", "schema"], {
    encoding: "utf8",
    env,
    stdio: ["ignore", full, "pipe"],
  });
  fs.closeSync(full);
  expect([status, stderr]).toEqual([11, "Error: The disk is full: the result could not be written.\n"]);
});

test("a fault in notebox: exit 1 with the log's place, and its stack in the log alone", () => {
  // The root of the package without its assets stands for any fault.
  const place = path.join(folder, "broken");
  for (const name of ["package.json", "dist"])
    fs.cpSync(path.join(root, name), path.join(place, name), { recursive: true });
  fs.writeFileSync(
    path.join(place, "dist/parts/commands/status.cjs"),
    `exports.status = async () => { throw new TypeError("no such luck"); };\n`,
  );
  const { status, stderr } = spawnSync(process.execPath, [path.join(place, "dist", "notebox.cjs"), "status"], {
    encoding: "utf8",
    env,
  });
  expect(status).toBe(1);
  expect(stderr).toContain("This is a fault in notebox, not yours: no such luck");
  expect(stderr).not.toMatch(/^ +at /m);
  const log = /The log is (.*)/.exec(stderr)?.[1] ?? "";
  expect(fs.readFileSync(log, "utf8")).toMatch(/TypeError: no such luck\\n +at /);
});
