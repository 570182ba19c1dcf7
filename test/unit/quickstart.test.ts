// The quickstart's own parts: what it decides, what it remembers, what it may delete. Nothing is installed or started
// here; the whole way is what a person does with `npm run quickstart`.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
// Plain JavaScript without declarations: a name that the compiler cannot follow makes it `any`.
const load = (name: string) => import(path.join(root, "scripts", name));
const { readArguments } = await load("quickstart/arguments.mjs");
const { dataFolder, Place } = await load("quickstart/place.mjs");
const { planSteps, refuse } = await load("quickstart/plan.mjs");
const { osRelease, sameDependencies } = await load("quickstart/computer.mjs");
const { changedNotebooks } = await load("quickstart/clean.mjs");

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-quickstart-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const computer = {
  platform: "linux",
  arch: "x64",
  system: "Debian GNU/Linux 13 (trixie)",
  node: "20.19.0",
  apt: true,
  isRoot: true,
  provider: "libvirt",
  virtualbox: { works: false, reason: "it is not installed" },
  accelerated: true,
  init: "systemd",
  libvirt: "11.3.0",
  missing: [] as string[],
  dependencies: true,
  vm: false,
  freeBytes: 100 * 1024 ** 3,
};

function stop(work: () => unknown): { exitCode: number; message: string; hint: string } {
  try {
    work();
  } catch (error) {
    return error as { exitCode: number; message: string; hint: string };
  }
  throw new Error("nothing was refused");
}

describe("the command line", () => {
  test("takes its options and refuses others with exit 2", () => {
    expect(readArguments(["--dry-run", "--provider", "libvirt"])).toEqual({
      help: false,
      dryRun: true,
      clean: false,
      provider: "libvirt",
    });
    expect(stop(() => readArguments(["--purge"])).exitCode).toBe(2);
    expect(stop(() => readArguments(["--provider", "docker"])).message).toContain("docker");
  });
});

describe("what it refuses", () => {
  test("without root: names every missing package, exit 4", () => {
    const refused = stop(() => refuse({ ...computer, isRoot: false, missing: ["vagrant", "debootstrap"] }));
    expect(refused.exitCode).toBe(4);
    expect(refused.hint).toContain("apt-get install --no-install-recommends vagrant debootstrap");
    expect(refused.hint).toContain("sudo npm run quickstart");
    expect(() => refuse({ ...computer, isRoot: false, missing: ["vagrant"] }, { dryRun: true })).not.toThrow();
  });

  test("another system: says what to install, exit 4", () => {
    for (const [platform, word] of [
      ["darwin", "macOS"],
      ["win32", "Windows"],
      ["linux", "Fedora Linux 43"],
    ]) {
      const refused = stop(() => refuse({ ...computer, platform, apt: false, system: "Fedora Linux 43" }));
      expect(refused.exitCode).toBe(4);
      expect(refused.message).toContain(word);
      expect(refused.hint).toMatch(/Vagrant 2\.3\.4 or newer[\s\S]*VirtualBox/);
    }
  });

  test("an old Node, another processor, a full disk, a VirtualBox that does not work", () => {
    expect(stop(() => refuse({ ...computer, node: "20.18.3" })).message).toContain("20.19 or newer");
    expect(() => refuse({ ...computer, node: "22.0.0" })).not.toThrow();
    expect(stop(() => refuse({ ...computer, arch: "arm64" })).exitCode).toBe(4);
    expect(stop(() => refuse({ ...computer, freeBytes: 1024 ** 3 })).exitCode).toBe(8);
    expect(() => refuse({ ...computer, freeBytes: 1024 ** 3, vm: true })).not.toThrow();
    expect(stop(() => refuse({ ...computer, provider: "virtualbox" })).message).toContain("not installed");
  });
});

describe("the plan", () => {
  const place = { workbench: "/data/hello", share: "/data/share", libvirt: "/data/libvirt" };
  const does = (id: string, changes: object, done: object = {}) =>
    planSteps({ ...computer, ...changes }, place, done).find((step: { id: string }) => step.id === id);

  test("leaves out what is there", () => {
    expect(does("packages", {}).idle).toBe(true);
    expect(does("packages", { missing: ["zstd"] })).toMatchObject({
      idle: false,
      does: "install 1 with apt-get: zstd",
    });
    expect(does("dependencies", { dependencies: false }).idle).toBe(false);
    expect(does("box", {}).idle).toBe(false);
    expect(does("box", {}, { boxIsThere: true }).idle).toBe(true);
    expect(does("box", { vm: true }).idle).toBe(true);
  });

  test("starts libvirt only where no init system runs, and never a running one", () => {
    expect(does("provider", {})).toMatchObject({
      idle: true,
      does: "libvirt 11.3.0 answers; nothing about it is changed",
    });
    expect(does("provider", { libvirt: undefined, init: "none" })).toMatchObject({ idle: false });
    expect(does("provider", { libvirt: undefined, init: "none" }).does).toContain("start libvirt's daemons");
    expect(does("provider", { libvirt: undefined, init: "systemd" }).does).not.toContain("daemons");
    const virtualbox = { provider: "virtualbox", virtualbox: { works: true, version: "7.0.20" } };
    expect(does("provider", virtualbox).does).toContain("VirtualBox 7.0.20");
  });

  test("says when software emulation makes it slow", () => {
    expect(does("up", { accelerated: false }).does).toContain("software emulation");
    expect(does("up", {}).does).not.toContain("software emulation");
  });
});

test("an optional package may be absent, any other may not, nor have another version", () => {
  const wanted = {
    "": {},
    "node_modules/a": { version: "1.0.0" },
    "node_modules/b": { version: "2.0.0", optional: true },
  };
  expect(sameDependencies(wanted, { "node_modules/a": { version: "1.0.0" } })).toBe(true);
  expect(sameDependencies(wanted, { "node_modules/a": { version: "1.0.1" } })).toBe(false);
  expect(sameDependencies(wanted, { "node_modules/b": { version: "2.0.0" } })).toBe(false);
});

test("os-release: quotes and relatives", () => {
  const file = path.join(folder, "os-release");
  fs.writeFileSync(file, 'PRETTY_NAME="Linux Mint 22"\nID=linuxmint\nID_LIKE="ubuntu debian"\n');
  expect(osRelease(file)).toEqual({ name: "Linux Mint 22", families: ["linuxmint", "ubuntu", "debian"] });
});

describe("its folder", () => {
  test("lies where the user keeps data; a relative XDG_DATA_HOME counts as unset", () => {
    expect(dataFolder({ XDG_DATA_HOME: "/d" }, "/home/u")).toBe("/d/notebox-quickstart");
    expect(dataFolder({ XDG_DATA_HOME: "d" }, "/home/u")).toBe("/home/u/.local/share/notebox-quickstart");
    expect(dataFolder({}, "/home/u")).toBe("/home/u/.local/share/notebox-quickstart");
  });

  test("somebody else's folder of that name is refused and left alone", () => {
    const taken = path.join(folder, "taken");
    fs.mkdirSync(taken);
    fs.writeFileSync(path.join(taken, "thesis.txt"), "work");
    expect(stop(() => new Place(taken).make()).exitCode).toBe(10);
    expect(stop(() => new Place(taken).remove(path.join(taken, "thesis.txt"))).exitCode).toBe(10);
    expect(fs.readdirSync(taken)).toEqual(["thesis.txt"]);
  });

  test("deletes only inside, and never through a link", () => {
    const place = new Place(path.join(folder, "data"));
    place.make();
    const outside = path.join(folder, "outside");
    fs.mkdirSync(outside);
    fs.writeFileSync(path.join(outside, "file"), "");
    for (const target of [outside, path.join(place.folder, "..", "outside"), place.folder])
      expect(() => place.remove(target)).toThrow("does not lie in");
    fs.symlinkSync(outside, place.share);
    place.remove(place.share);
    expect(fs.existsSync(place.share)).toBe(false);
    expect(fs.existsSync(path.join(outside, "file"))).toBe(true);
  });

  test("remembers, and leaves no trace when emptied", () => {
    const place = new Place(path.join(folder, "data"));
    place.make();
    place.note({ installed: ["zstd"] });
    expect(place.state()).toEqual({ installed: ["zstd"], boxes: [] });
    place.remove(place.stateFile);
    place.remove(place.logs);
    fs.writeFileSync(path.join(place.folder, "kept"), "");
    expect(place.removeWhenEmpty()).toEqual(["kept"]);
    place.remove(path.join(place.folder, "kept"));
    expect(place.removeWhenEmpty()).toEqual([]);
    expect(fs.existsSync(place.folder)).toBe(false);
  });

  test("one run at a time; the lock of a run that was killed counts for nothing", () => {
    const place = new Place(path.join(folder, "data"));
    place.make();
    const unlock = place.lock();
    expect(stop(() => place.lock()).exitCode).toBe(9);
    unlock();
    const script = `import(${JSON.stringify(path.join(root, "scripts/quickstart/place.mjs"))}).then(({ Place }) => {
      new Place(${JSON.stringify(place.folder)}).lock();
      process.kill(process.pid, "SIGKILL");
    })`;
    expect(spawnSync(process.execPath, ["-e", script]).signal).toBe("SIGKILL");
    expect(fs.existsSync(place.lockFile)).toBe(true);
    place.lock()();
    expect(fs.existsSync(place.lockFile)).toBe(false);
  });

  test("a person's notebooks are told from the example's", () => {
    const place = new Place(path.join(folder, "data"));
    place.make();
    for (const name of ["notebooks", "api"])
      fs.cpSync(path.join(root, "examples/hello", name), path.join(place.workbench, name), { recursive: true });
    expect(changedNotebooks(root, place)).toEqual([]);
    fs.writeFileSync(path.join(place.workbench, "notebooks/mine.ipynb"), "{}");
    fs.appendFileSync(path.join(place.workbench, "api/hello.ipynb"), "\n");
    expect(changedNotebooks(root, place).sort()).toEqual(["api/hello.ipynb", "notebooks/mine.ipynb"]);
  });
});

test("--dry-run tells the steps and writes nothing", () => {
  const env = { ...process.env, XDG_DATA_HOME: path.join(folder, "data") };
  const run = spawnSync(process.execPath, ["scripts/quickstart.mjs", "--dry-run"], {
    cwd: root,
    env,
    encoding: "utf8",
  });
  if (run.status === 0) expect(run.stdout).toContain("Nothing was done.");
  // On a system that it does not know it says so instead.
  else expect([run.status, run.stderr]).toEqual([4, expect.stringContaining("quickstart:")]);
  expect(fs.existsSync(path.join(folder, "data"))).toBe(false);
});
