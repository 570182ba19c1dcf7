/** The hand-out: what is in the zip, what never is, and that the same files give the same bytes everywhere. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Entry, open } from "yauzl";
import { writeZip } from "../../src/bundle/zip.ts";
import { UserError } from "../../src/errors.ts";
import { Workbench } from "./render-workbench.ts";

let workbench: Workbench;
let zip = "";
beforeEach(() => {
  workbench = new Workbench();
  zip = path.join(workbench.around, "hello.zip");
  workbench.write("notebooks/Übung/start.ipynb", "{}");
  workbench.write("notebooks/data.csv", "a,b\n1,2\n");
  workbench.write("api/readme.md", "# API\n");
  workbench.write("workbench.lock", "pandas==2.2.3\n");
});
afterEach(() => workbench.remove());

const entries = async (): Promise<Entry[]> =>
  await new Promise((resolve, reject) => {
    const found: Entry[] = [];
    open(zip, { lazyEntries: false }, (error, file) => {
      if (error) return reject(error);
      file.on("entry", (entry: Entry) => found.push(entry));
      file.on("end", () => resolve(found));
      file.on("error", reject);
    });
  });
const names = async (): Promise<string[]> => (await entries()).map((entry) => entry.fileName);
const sha256 = (): string => createHash("sha256").update(fs.readFileSync(zip)).digest("hex");

describe("what is in it", () => {
  test("one folder with the workbench, the bundle and the author's files", async () => {
    const run = workbench.render(["--zip", zip]);
    expect([run.code, run.stderr]).toEqual([0, ""]);
    const found = await names();
    expect(found.every((name) => name.startsWith("hello/"))).toBe(true);
    expect(found).toEqual([...found].sort());
    for (const name of [
      "workbench.yaml",
      "workbench.lock",
      "Vagrantfile",
      "Start.cmd",
      "provision/guest.tar.gz",
      "provision/workbench/workbench.lock",
      ".notebox/rendered.json",
      ".notebox/workbench.schema.json",
      "originals/notebooks/Übung/start.ipynb",
      "originals/notebooks/data.csv",
      "originals/api/readme.md",
      "originals/workbench.yaml",
    ]) {
      expect(found).toContain(`hello/${name}`);
    }
    expect(fs.existsSync(workbench.path("Vagrantfile"))).toBe(false);
    const others = found.filter((name) => name.startsWith("hello/provision/") && !name.includes("/workbench/"));
    expect(others).toEqual(["hello/provision/guest.tar.gz"]);
  });

  test("the guest's steps in one file are those that render lays out, with their modes", () => {
    workbench.render(["--zip", zip]);
    workbench.render();
    const there = path.join(workbench.around, "steps");
    fs.mkdirSync(there);
    const tar = spawnSync("bsdtar", ["-xOf", zip, "hello/provision/guest.tar.gz"]);
    const unpack = spawnSync("tar", ["-xz", "-C", there], { input: tar.stdout, encoding: "utf8" });
    expect([unpack.status, unpack.stderr]).toEqual([0, ""]);
    const diff = spawnSync("diff", ["-r", there, workbench.path("provision")], { encoding: "utf8" });
    expect(diff.stdout.trim()).toBe(`Only in ${workbench.path("provision")}: workbench`);
    for (const [name, mode] of [
      ["run.sh", 0o755],
      ["lib.sh", 0o644],
    ] as const)
      expect(fs.statSync(path.join(there, name)).mode & 0o777).toBe(mode);
  });

  test("data folders, wheels and empty folders too", async () => {
    workbench.describe(workbench.read("workbench.yaml").replace("packages:", "folders: [data]\npackages:"));
    workbench.write("data/deep/x.bin", Buffer.from([0, 255]));
    workbench.write("wheels/a-1-py3-none-any.whl", "PK");
    fs.mkdirSync(workbench.path("notebooks/empty"));
    workbench.render(["--zip", zip]);
    expect(await names()).toEqual(
      expect.arrayContaining([
        "hello/originals/data/deep/x.bin",
        "hello/wheels/a-1-py3-none-any.whl",
        "hello/originals/notebooks/empty/",
      ]),
    );
  });

  test("nothing of this computer: no state, no token, no litter, no links", async () => {
    for (const name of [
      ".notebox/logs/x.jsonl",
      ".notebox/endpoints.json",
      ".notebox/open.html",
      ".notebox/host.json",
      ".vagrant/machines/id",
      ".git/config",
      "notebooks/.ipynb_checkpoints/start.ipynb",
      "notebooks/__pycache__/a.pyc",
      "api/.DS_Store",
      "private.txt",
      ".env",
    ]) {
      workbench.write(name, "SECRET");
    }
    fs.symlinkSync("/etc/passwd", workbench.path("notebooks/passwd"));
    fs.symlinkSync("/etc", workbench.path("api/etc"));
    const run = workbench.render(["--zip", zip]);
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(/notebooks\/passwd is not in the hand-out: it is a link/);
    expect(run.stderr).toMatch(/api\/etc is not in the hand-out: it is a link/);
    expect(fs.readFileSync(zip).includes("SECRET")).toBe(false);
    expect(
      (await names()).filter((name) => /passwd|etc\b|checkpoints|pycache|DS_Store|\.vagrant|logs|\.git/.test(name)),
    ).toEqual([]);
  });

  test("unpacked elsewhere, the next render finds its own work there", () => {
    workbench.render(["--zip", zip]);
    const there = new Workbench();
    const unpack = spawnSync("bsdtar", ["-xf", zip, "-C", there.folder, "--strip-components", "1"], {
      encoding: "utf8",
    });
    expect([unpack.status, unpack.stderr]).toEqual([0, ""]);
    expect(fs.statSync(there.path("Start.command")).mode & 0o777).toBe(0o755);
    const { result } = JSON.parse(there.render(["--json"]).stdout) as {
      result: { changes: { path: string; action: string }[] };
    };
    const changed = result.changes.filter(({ action }) => action !== "keep");
    // The steps, apart again: what is there and not the person's goes, what is laid out comes.
    expect(changed.filter(({ path: name, action }) => !(name.startsWith("provision/") && action === "create"))).toEqual(
      [{ path: "provision/guest.tar.gz", action: "delete" }],
    );
    expect(there.render().stdout).toMatch(/no files changed/);
    there.remove();
  });
});

describe("the same bytes", () => {
  test("whatever the time zone, the umask, the locale and the files' own times", () => {
    expect(workbench.render(["--zip", zip]).code).toBe(0);
    const first = sha256();
    for (const [env, before] of [
      [{ TZ: "Pacific/Kiritimati" }, ""],
      [{ TZ: "America/St_Johns", LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8" }, "umask 077;"],
      [{ TZ: "Asia/Kathmandu" }, "umask 000;"],
    ] as const) {
      for (const name of workbench.files().keys())
        fs.utimesSync(workbench.path(name), Math.random() * 2e9, Math.random() * 2e9);
      fs.chmodSync(workbench.path("notebooks/data.csv"), 0o600);
      expect(workbench.render(["--zip", zip], env, before).code).toBe(0);
      expect(sha256()).toBe(first);
    }
  });

  test("and other bytes when a notebook changes", () => {
    workbench.render(["--zip", zip]);
    const first = sha256();
    workbench.write("notebooks/data.csv", "a,b\n1,3\n");
    workbench.render(["--zip", zip]);
    expect(sha256()).not.toBe(first);
  });
});

describe("bad cases", () => {
  test("names that Windows cannot have are refused, all at once, and an old zip stays", () => {
    fs.writeFileSync(zip, "old");
    workbench.write("notebooks/a:b.txt", "");
    workbench.write("notebooks/con.txt", "");
    workbench.write("api/README.md", "");
    const run = workbench.render(["--zip", zip]);
    expect(run.code).toBe(3);
    expect(run.stderr).toMatch(/a:b\.txt" holds ":"/);
    expect(run.stderr).toMatch(/con\.txt" is a device/);
    expect(run.stderr).toMatch(/upper and lower case only/);
    expect(fs.readFileSync(zip, "utf8")).toBe("old");
  });

  test("a file that cannot be read ends it with a word, and nothing half-written stays", () => {
    const run = workbench.render(["--zip", path.join(workbench.around, "missing", "x.zip")]);
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(/its folder does not exist/);
    expect(workbench.render(["--zip", workbench.folder]).code).toBe(2);
    expect(fs.readdirSync(workbench.around).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test("what a killed run left beside the zip goes; what a running one is writing stays", () => {
    const part = (pid: number): string =>
      path.join(workbench.around, `.${path.basename(zip)}.${os.hostname().replace(/\W|_/g, "")}-${pid}-.part`);
    const dead = spawnSync("true").pid;
    for (const pid of [dead, process.pid]) fs.writeFileSync(part(pid), "half");
    expect(workbench.render(["--zip", zip]).code).toBe(0);
    expect([fs.existsSync(part(dead)), fs.existsSync(part(process.pid))]).toEqual([false, true]);
  });

  test("a name that is not UTF-8 is left out, and that is said", async () => {
    const name = Buffer.concat([Buffer.from(`${workbench.path("notebooks")}/`), Buffer.from([0xe4, 0x2e, 0x74])]);
    fs.writeFileSync(name, "x");
    const run = workbench.render(["--zip", zip]);
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(/is not in the hand-out: its name is not UTF-8/);
  });

  test("a full disk is said to be full, and nothing half-written stays", () => {
    const small = path.join(workbench.around, "small");
    fs.mkdirSync(small);
    // A disk of 64 KiB, seen by this process alone; what is left on it is listed at the end of standard output.
    const inside =
      'mount -t tmpfs -o size=64k tmpfs small || exit 99; "$0" "$@"; code=$?; echo "left: $(ls -A small)"; exit $code';
    const run = workbench.render(
      ["--zip", path.join(small, "x.zip")],
      {},
      `exec unshare -rm sh -c '${inside}' "$0" "$@";`,
    );
    expect(run.code).toBe(11);
    expect(run.stderr).toMatch(/disk is full/);
    expect(run.stdout).toBe("left: \n");
  });

  test("what the VM turned into a link after it was looked at is refused, and no zip stays", async () => {
    const outside = path.join(workbench.around, "outside");
    fs.mkdirSync(outside);
    fs.writeFileSync(path.join(outside, "data.csv"), "secret of this computer");
    const write = async (name: string): Promise<unknown> =>
      await writeZip(zip, [{ path: "hello/x", source: workbench.path(name), within: workbench.folder }], {
        self: () => ({ pid: 1, started: "" }),
        isAlive: () => false,
      }).catch((error: unknown) => (error instanceof UserError ? error.code : error));
    expect(await write("notebooks/data.csv")).toMatchObject({ bytes: expect.any(Number) });
    fs.rmSync(zip);
    for (const [from, to, name] of [
      [path.join(outside, "data.csv"), workbench.path("notebooks/data.csv"), "notebooks/data.csv"],
      [outside, workbench.path("api"), "api/data.csv"],
    ] as const) {
      fs.rmSync(to, { recursive: true });
      fs.symlinkSync(from, to);
      expect(await write(name)).toBe("invalid");
      expect(fs.readdirSync(workbench.around).filter((each) => each.includes("hello.zip"))).toEqual([]);
    }
  });

  test("the zip itself is not in the zip", async () => {
    zip = workbench.path("notebooks/hello.zip");
    workbench.render(["--zip", zip]);
    workbench.render(["--zip", zip]);
    expect(await names()).not.toContain("hello/originals/notebooks/hello.zip");
  });

  test("--zip with --out is a mistake", () => {
    expect(workbench.render(["--zip", zip, "--out", workbench.around]).code).toBe(2);
  });

  test("a Vagrantfile improved by hand is warned of", () => {
    workbench.render();
    workbench.write("Vagrantfile", "mine\n");
    const run = workbench.render(["--zip", zip]);
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(/Vagrantfile was changed by hand; the hand-out holds it as rendered/);
  });
});
