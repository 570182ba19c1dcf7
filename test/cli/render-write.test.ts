/** `render` into a folder: nobody's work is lost, nothing is half written, and what is not needed any more goes. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Workbench } from "./render-workbench.ts";

let workbench: Workbench;
beforeEach(() => {
  workbench = new Workbench();
});
afterEach(() => workbench.remove());

interface Report {
  ok: boolean;
  error?: { code: string; problems: { id: string; file: string; message: string }[] };
  result: { changes: { path: string; action: string; byHand?: string }[]; dryRun: boolean };
}

const asJson = (args: string[] = []): Report => {
  const report = JSON.parse(workbench.render(["--json", ...args]).stdout) as Report;
  return report;
};
const actions = (report: Report, action: string): string[] =>
  report.result.changes.filter((change) => change.action === action).map((change) => change.path);

describe("a first render", () => {
  test("writes the bundle, its record and the schema, and says so", () => {
    const run = workbench.render();
    expect([run.code, run.stderr]).toEqual([0, ""]);
    expect(run.stdout).toMatch(/^create Vagrantfile$/m);
    const names = [...workbench.files().keys()];
    for (const name of [
      "Vagrantfile",
      "Start.cmd",
      "provision/run.sh",
      ".notebox/rendered.json",
      ".notebox/workbench.schema.json",
    ])
      expect(names).toContain(name);
    const record = JSON.parse(workbench.read(".notebox/rendered.json"));
    expect(Object.keys(record)).toEqual(["version", "notebox", "files"]);
    const own = names.filter((name) => name !== "workbench.yaml" && !name.startsWith(".notebox/"));
    expect(Object.keys(record.files)).toEqual(own);
  });

  test("gives modes that do not depend on the umask", () => {
    expect(workbench.render([], {}, "umask 077;").code).toBe(0);
    expect(fs.statSync(workbench.path("Vagrantfile")).mode & 0o777).toBe(0o644);
    expect(fs.statSync(workbench.path("Start.command")).mode & 0o777).toBe(0o755);
  });

  test("a second one changes nothing, and mends a launcher that lost its mode", () => {
    workbench.render();
    const before = fs.statSync(workbench.path("Vagrantfile")).mtimeMs;
    fs.chmodSync(workbench.path("Start.sh"), 0o644);
    const report = asJson();
    expect(new Set(report.result.changes.map((change) => change.action))).toEqual(new Set(["keep"]));
    expect(fs.statSync(workbench.path("Vagrantfile")).mtimeMs).toBe(before);
    expect(fs.statSync(workbench.path("Start.sh")).mode & 0o777).toBe(0o755);
  });
});

describe("--dry-run", () => {
  test("writes nothing at all", () => {
    const run = workbench.render(["--dry-run"]);
    expect(run.code).toBe(0);
    expect(run.stdout).toMatch(/^create Vagrantfile$/m);
    expect(fs.readdirSync(workbench.folder)).toEqual(["workbench.yaml"]);
  });

  test("lists create, change, delete and keep, and who stands in the way", () => {
    workbench.write("api/a.ipynb", JSON.stringify(NOTEBOOK));
    workbench.describe(WITH_GATEWAY);
    expect(workbench.render().code).toBe(0);
    workbench.change("numpy");
    fs.rmSync(workbench.path("Stop.sh"));
    workbench.write("Status.sh", "mine\n");
    const report = asJson(["--dry-run"]);
    expect(actions(report, "create")).toEqual(["Stop.sh"]);
    expect(actions(report, "change")).toEqual(expect.arrayContaining(["Status.sh", "provision/workbench/python.txt"]));
    expect(actions(report, "delete")).toContain("provision/workbench/services/marks.json");
    expect(actions(report, "keep")).toContain("Start.cmd");
    expect(report.result.changes.filter((change) => change.byHand).map((change) => change.path)).toEqual(["Status.sh"]);
    expect(workbench.render(["--dry-run"]).stdout).toMatch(
      /^change Status.sh {2}\(was changed by hand: needs --force\)$/m,
    );
  });
});

describe("a file that a person changed", () => {
  test("is refused by name, all such at once, and nothing is written", () => {
    workbench.render();
    workbench.write("Vagrantfile", `${workbench.read("Vagrantfile")}# mine\n`);
    workbench.write("provision/run.sh", "mine\n");
    workbench.change("numpy");
    const before = workbench.files();
    const run = workbench.render();
    expect(run.code).toBe(10);
    expect(run.stderr).toMatch(/Vagrantfile was changed by hand/);
    expect(run.stderr).toMatch(/provision\/run\.sh was changed by hand/);
    expect(run.stderr).toMatch(/--force/);
    expect(workbench.files()).toEqual(before);
    const report = asJson();
    expect(report.error?.problems.map((problem) => path.relative(workbench.folder, problem.file))).toEqual([
      "Vagrantfile",
      "provision/run.sh",
    ]);
  });

  test("is written over with --force", () => {
    workbench.render();
    const before = workbench.files();
    workbench.write("Vagrantfile", "mine\n");
    expect(workbench.render(["--force"]).code).toBe(0);
    expect(workbench.files()).toEqual(before);
  });

  test("is refused when it was there before the first render, unless it says the same", () => {
    workbench.write("Vagrantfile", "mine\n");
    const run = workbench.render();
    expect(run.code).toBe(10);
    expect(run.stderr).toMatch(/Vagrantfile was there before and is not notebox's own/);
    expect(workbench.read("Vagrantfile")).toBe("mine\n");
  });

  test("counts as known when the record is lost but the files are as they would be", () => {
    workbench.render();
    fs.rmSync(workbench.path(".notebox"), { recursive: true });
    expect(workbench.render().code).toBe(0);
  });

  test("is refused where it would be deleted, too", () => {
    workbench.write("api/a.ipynb", JSON.stringify(NOTEBOOK));
    workbench.describe(WITH_GATEWAY);
    workbench.render();
    workbench.write("provision/workbench/services/marks.json", "mine\n");
    workbench.change("pandas");
    const run = workbench.render();
    expect(run.code).toBe(10);
    expect(run.stderr).toMatch(/services\/marks\.json is no longer part of the bundle, but was changed by hand/);
  });
});

test("a kind that is gone takes its files with it, and the empty folders; what is not render's stays", () => {
  workbench.write("api/a.ipynb", JSON.stringify(NOTEBOOK));
  workbench.describe(WITH_GATEWAY);
  workbench.render();
  expect(fs.existsSync(workbench.path("provision/services/kernel-gateway"))).toBe(true);
  workbench.write("provision/mine.txt", "mine");
  workbench.change("pandas");
  expect(workbench.render().code).toBe(0);
  expect(fs.existsSync(workbench.path("provision/services/kernel-gateway"))).toBe(false);
  expect(workbench.read("provision/mine.txt")).toBe("mine");
});

test("a record from elsewhere deletes nothing outside the bundle", () => {
  workbench.render();
  const precious = "cdf8b2e0b4ae3f5a4d5b"; // any content; its hash is what the record claims
  workbench.write("notebooks/work.ipynb", precious);
  fs.writeFileSync(path.join(workbench.around, "outside"), precious);
  const record = JSON.parse(workbench.read(".notebox/rendered.json"));
  const hash = "f5d6ff0e4d1c3a0e6f2a3ad9a70c7f4f";
  for (const name of [
    "notebooks/work.ipynb",
    "../outside",
    "provision/../../outside",
    "provision/../notebooks/work.ipynb",
  ])
    record.files[name] = hash;
  record.files["provision/..\\..\\outside"] = hash;
  workbench.write(".notebox/rendered.json", JSON.stringify(record));
  expect(workbench.render(["--force"]).code).toBe(0);
  expect(workbench.read("notebooks/work.ipynb")).toBe(precious);
  expect(fs.readFileSync(path.join(workbench.around, "outside"), "utf8")).toBe(precious);
});

describe("links and folders in the way", () => {
  test("a link is never followed, not even with --force", () => {
    const target = path.join(workbench.around, "target");
    fs.mkdirSync(target);
    fs.symlinkSync(target, workbench.path("provision"));
    fs.symlinkSync(path.join(workbench.around, "file"), workbench.path("Vagrantfile"));
    const run = workbench.render(["--force"]);
    expect(run.code).toBe(10);
    expect(run.stderr).toMatch(/Vagrantfile is a link/);
    expect(run.stderr).toMatch(/provision is a link/);
    expect(fs.readdirSync(target)).toEqual([]);
    expect(fs.existsSync(path.join(workbench.around, "file"))).toBe(false);
  });

  test("nor one in the place of .notebox", () => {
    fs.mkdirSync(path.join(workbench.around, "elsewhere"));
    fs.symlinkSync("../elsewhere", workbench.path(".notebox"));
    const run = workbench.render(["--force"]);
    expect(run.code).toBe(10);
    expect(run.stderr).toMatch(/\.notebox is a link/);
    expect(fs.existsSync(path.join(workbench.around, "elsewhere/rendered.json"))).toBe(false);
  });

  test("a folder is not replaced by a file", () => {
    fs.mkdirSync(workbench.path("Vagrantfile"));
    const run = workbench.render(["--force"]);
    expect(run.code).toBe(10);
    expect(run.stderr).toMatch(/Vagrantfile is a folder/);
  });
});

test.each([[[]], [["--dry-run"]]])("a file in the place of .notebox is refused, and said to be that: %j", (args) => {
  workbench.write(".notebox", "");
  const run = workbench.render(args);
  expect(run.code).toBe(10);
  expect(run.stderr).toMatch(/\.notebox is a file, and notebox needs a folder of its own there/);
});

test("a pipe where notebox reads a file of its own is refused at once", () => {
  workbench.render();
  for (const name of [".notebox/rendered.json", "workbench.lock"]) {
    fs.rmSync(workbench.path(name), { force: true });
    expect(spawnSync("mkfifo", [workbench.path(name)]).status).toBe(0);
    const run = workbench.render();
    expect(run.code).toBe(10);
    expect(run.stderr).toMatch(/is a special file, and|is not a file, and notebox needs one of that name/);
    fs.rmSync(workbench.path(name));
  }
});

test("killed at any moment, the next render ends as if nothing had happened", async () => {
  const titled = (title: string): void =>
    workbench.describe(workbench.read("workbench.yaml").replace(/^title: .*$/m, `title: ${title}`));
  titled("before");
  const start = Date.now();
  workbench.render();
  const whole = Date.now() - start;
  // Another title changes a dozen files; they are written near the end.
  for (let round = 0; round < 15; round++) {
    titled(`round ${round}`);
    await workbench.renderKilledAfter(whole * (0.6 + round * 0.03));
  }
  titled("after");
  const run = workbench.render();
  expect([run.code, run.stderr]).toEqual([0, ""]);
  const fresh = new Workbench(workbench.read("workbench.yaml"));
  fresh.render();
  expect(workbench.files()).toEqual(fresh.files());
  fresh.remove();
}, 120_000);

test("several at once: each ends well, and the bundle is whole", async () => {
  const codes = await Promise.all([1, 2, 3, 4].map(() => workbench.renderBeside()));
  expect(codes).toEqual([0, 0, 0, 0]);
  expect(actions(asJson(), "keep").length).toBe(asJson().result.changes.length);
  expect(fs.readdirSync(workbench.path(".notebox")).sort()).toEqual(["logs", "rendered.json", "workbench.schema.json"]);
}, 60_000);

describe("--out", () => {
  test("writes the bundle there, and nothing into the workbench folder but the log", () => {
    const out = path.join(workbench.around, "elsewhere", "deep");
    expect(workbench.render(["--out", out]).code).toBe(0);
    expect(fs.existsSync(path.join(out, "Vagrantfile"))).toBe(true);
    expect([...workbench.files().keys()]).toEqual(["workbench.yaml"]);
  });

  test("refuses a folder that the VM could write into", () => {
    for (const folder of ["notebooks", "api/sub"]) {
      const run = workbench.render(["--out", workbench.path(folder)]);
      expect(run.code).toBe(2);
      expect(run.stderr).toMatch(/is shared with the VM/);
      expect(fs.existsSync(workbench.path(`${folder}/Vagrantfile`))).toBe(false);
    }
  });
});

const NOTEBOOK = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { kernelspec: { name: "python3", display_name: "Python 3" }, language_info: { name: "python" } },
  cells: [
    {
      cell_type: "code",
      id: "a",
      metadata: {},
      outputs: [],
      execution_count: null,
      source: "# GET /hello\nprint('hello')",
    },
  ],
};

const WITH_GATEWAY = `version: 1
name: hello
title: Hello
box: { name: notebox/debian-13, version: ">= 13.1", shares: [/srv/boxes] }
services:
  jupyter: { port: 8888 }
  marks: { kind: kernel-gateway, notebook: api/a.ipynb, port: 8889 }
packages: { python: [pandas] }
`;
