/**
 * `box build` as far as it goes without building: what it asks of a computer, the folder it works in, and what it
 * makes of a recipe's output. That its boxes start is shown by the vm tier.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createClock } from "../../src/adapters/clock.ts";
import { createProcesses } from "../../src/adapters/execa.ts";
import { runBuild } from "../../src/boxes/recipes/build.ts";
import { checkBuilder, loadRecipe, type Recipe } from "../../src/boxes/recipes/recipe.ts";
import { withWorkFolder } from "../../src/boxes/recipes/work-folder.ts";
import type { Deps, ProgressEvent } from "../../src/ports.ts";

const assets = path.resolve(import.meta.dirname, "../..");
const scripts = path.join(assets, "boxes/debian-13");

let folder = "";
let events: ProgressEvent[] = [];
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-build-"));
  events = [];
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function makeDeps(more: Partial<Deps> = {}): Deps {
  const log = { path: undefined, open: () => {}, write: () => {}, redact: () => {} };
  const deps: Partial<Deps> = {
    processes: createProcesses({ ...process.env, NOTEBOX_APT_PROXY: undefined, NOTEBOX_MIRROR: undefined }, log),
    clock: createClock(),
    reporter: { emit: (event) => events.push(event) },
    signal: new AbortController().signal,
    platform: "linux",
    arch: "x64",
    env: process.env,
    log,
    ...more,
  };
  return deps as Deps;
}

describe("the recipe", () => {
  test("is found by its name, and an unknown one is told which there are", async () => {
    const recipe = await loadRecipe(assets, "debian-13");
    expect(recipe).toMatchObject({ suite: "trixie", arch: "amd64", diskGiB: 64, providers: ["virtualbox", "libvirt"] });
    await expect(loadRecipe(assets, "debian-14")).rejects.toMatchObject({
      code: "usage",
      hint: expect.stringContaining("debian-13"),
    });
    await expect(loadRecipe(assets, "../boxes/debian-13")).rejects.toMatchObject({ code: "usage" });
  });

  test("has another base root when a file that goes into that changes", async () => {
    const copy = path.join(folder, "boxes/debian-13");
    fs.cpSync(scripts, copy, { recursive: true });
    const before = (await loadRecipe(folder, "debian-13")).rootHash;
    expect(before).toBe((await loadRecipe(assets, "debian-13")).rootHash);
    for (const name of ["image.sh", "providers/libvirt/Vagrantfile"]) fs.appendFileSync(path.join(copy, name), "\n");
    expect((await loadRecipe(folder, "debian-13")).rootHash).toBe(before);
    fs.appendFileSync(path.join(copy, "files/etc/default/locale"), "\n");
    expect((await loadRecipe(folder, "debian-13")).rootHash).not.toBe(before);
  });

  test("names every program that its scripts cannot do without", async () => {
    const { programs } = await loadRecipe(assets, "debian-13");
    for (const { program } of programs)
      expect([
        program,
        fs
          .readdirSync(scripts)
          .some(
            (file) =>
              /\.sh$/.test(file) &&
              new RegExp(`(^|[ |(])${program} `, "m").test(fs.readFileSync(path.join(scripts, file), "utf8")),
          ),
      ]).toEqual([program, true]);
  });

  test("is clean Bash", () => {
    const files = fs.readdirSync(scripts).filter((file) => file.endsWith(".sh"));
    const own = path.join(scripts, "files/usr/local/sbin");
    const all = [
      ...files.map((file) => `boxes/debian-13/${file}`),
      ...fs.readdirSync(own).map((file) => path.join(own, file)),
    ];
    const run = spawnSync("shellcheck", ["--norc", "-x", ...all], { cwd: assets, encoding: "utf8" });
    expect(run.stdout + run.stderr).toBe("");
    for (const file of all) expect(fs.readFileSync(path.resolve(assets, file), "utf8")).not.toContain("\r");
  });
});

describe("this computer", () => {
  const recipe = (): Recipe => ({
    name: "r",
    title: "R",
    suite: "s",
    arch: "amd64",
    diskGiB: 1,
    providers: ["libvirt"],
    folder,
    afterRoot: [],
    rootHash: "",
    programs: [
      { program: "sh", package: "dash" },
      { program: "no-such-program", package: "zzz" },
      { program: "nor-this-one", package: "aaa" },
    ],
    files: [{ file: "/no/such/file", package: "zzz" }],
  });

  test("is told all that is missing, and the packages to install, each once", async () => {
    const check = checkBuilder(makeDeps(), recipe(), 1000);
    await expect(check).rejects.toMatchObject({
      code: "missing-program",
      message: expect.stringContaining("no-such-program, nor-this-one, /no/such/file"),
      hint: expect.stringMatching(/sudo apt-get install --no-install-recommends aaa zzz$/),
      problems: { length: 3 },
    });
  });

  test("must be Linux on x86-64, and the user root", async () => {
    const ready = { ...recipe(), programs: [{ program: "sh", package: "dash" }], files: [] };
    await expect(checkBuilder(makeDeps({ platform: "win32" }), ready, 0)).rejects.toMatchObject({
      code: "missing-program",
    });
    await expect(checkBuilder(makeDeps({ arch: "arm64" }), ready, 0)).rejects.toMatchObject({
      code: "missing-program",
    });
    await expect(checkBuilder(makeDeps(), ready, 1000)).rejects.toMatchObject({
      code: "usage",
      hint: expect.stringContaining("sudo"),
    });
    await checkBuilder(makeDeps(), ready, 0);
  });
});

describe("the work folder", () => {
  const { processes } = makeDeps();
  const run = <T>(work: (folder: string) => Promise<T>, now = Date.now()): Promise<T> =>
    withWorkFolder(processes, folder, now, work);

  test("is gone afterwards, whether the work succeeds or fails", async () => {
    expect(await run(async (work) => fs.readdirSync(work))).toEqual(["owner.json"]);
    await expect(run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  test("of a run that was killed is removed by the next, that of a live one is not", async () => {
    const make = (name: string, owner?: object): string => {
      const made = path.join(folder, `notebox-box-build-${name}`);
      fs.mkdirSync(path.join(made, "root"), { recursive: true });
      if (owner) fs.writeFileSync(path.join(made, "owner.json"), JSON.stringify(owner));
      return made;
    };
    const ended = spawn("true");
    await new Promise((resolve) => ended.once("close", resolve));
    make("dead", { pid: ended.pid, started: "" });
    make("alive", processes.self());
    make("new");
    fs.mkdirSync(path.join(folder, "somebody-elses"));
    fs.symlinkSync("/etc", path.join(folder, "notebox-box-build-link"));
    await run(async () => {});
    // Files here are root's only when the tests run as root; others' folders are never touched.
    const left = fs.readdirSync(folder).sort();
    const dead = os.userInfo().uid === 0 ? [] : ["notebox-box-build-dead"];
    expect(left).toEqual(
      ["notebox-box-build-alive", ...dead, "notebox-box-build-link", "notebox-box-build-new", "somebody-elses"].sort(),
    );
    expect(fs.existsSync("/etc/passwd")).toBe(true);
  });

  test("with something mounted in it: that is released first, and what was behind it is untouched", () => {
    const precious = path.join(folder, "precious");
    fs.mkdirSync(precious);
    fs.writeFileSync(path.join(precious, "file"), "work of years");
    // In a mount namespace of its own, as a build that was started otherwise might have left it.
    const script = `
      import { createProcesses } from "${assets}/src/adapters/execa.ts";
      import { withWorkFolder } from "${assets}/src/boxes/recipes/work-folder.ts";
      import { execFileSync } from "node:child_process";
      import fs from "node:fs";
      const processes = createProcesses(process.env, { write() {} });
      await withWorkFolder(processes, ${JSON.stringify(folder)}, Date.now(), async (work) => {
        for (const name of ["a b", "a b/c"]) {
          fs.mkdirSync(work + "/" + name, { recursive: true });
          execFileSync("mount", ["--bind", ${JSON.stringify(precious)}, work + "/" + name]);
          fs.mkdirSync(work + "/a b/c", { recursive: true });
        }
      });
    `;
    const bundled = path.join(folder, "run.mjs");
    execFileSync(
      path.join(assets, "node_modules/.bin/esbuild"),
      [
        "--bundle",
        "--platform=node",
        "--format=esm",
        "--external:execa",
        `--outfile=${bundled}`,
        "--loader=ts",
        "--log-level=error",
      ],
      { input: script, cwd: assets },
    );
    const inside = path.join(assets, "dist", `test-work-folder-${process.pid}.mjs`);
    fs.renameSync(bundled, inside);
    const run = spawnSync("unshare", ["-rm", process.execPath, inside], { encoding: "utf8" });
    fs.rmSync(inside);
    expect(run.stderr).toBe("");
    expect(fs.readdirSync(folder)).toEqual(["precious"]);
    expect(fs.readFileSync(path.join(precious, "file"), "utf8")).toBe("work of years");
  });
});

describe("a recipe's output", () => {
  async function build(script: string, more: Partial<Deps> = {}) {
    const recipe = await loadRecipe(assets, "debian-13");
    const own = path.join(folder, "recipe");
    fs.mkdirSync(own, { recursive: true });
    fs.writeFileSync(path.join(own, "build.sh"), script);
    return await runBuild(makeDeps(more), {
      recipe: { ...recipe, folder: own },
      providers: ["libvirt", "virtualbox"],
      work: folder,
      out: "/out",
      cache: "/cache",
      name: "debian-13",
      rootKey: "key",
      env: { PIP_INDEX_URL: "https://index.example.edu/simple" },
    });
  }

  test("becomes steps and boxes", async () => {
    const outcome = await build(`
      echo "@@step one Do this"; echo noise; echo "@@note half way"
      echo "@@step two Do that"; echo "@@system 13.2"
      echo "@@box libvirt /out/a box.box"`);
    expect(outcome).toMatchObject({
      boxes: [{ provider: "libvirt", file: "/out/a box.box" }],
      system: "13.2",
      steps: [
        { id: "one", title: "Do this" },
        { id: "two", title: "Do that" },
      ],
    });
    expect(events.map((event) => event.type)).toEqual([
      "step-start",
      "step-note",
      "step-done",
      "step-start",
      "step-done",
    ]);
  });

  test("is asked for with all that lib.sh promises", async () => {
    const names = [
      ...fs.readFileSync(path.join(scripts, "lib.sh"), "utf8").matchAll(/^#\s+((?:NOTEBOX_[A-Z_]+ ?)+)/gm),
    ].flatMap(([, found = ""]) => found.trim().split(" "));
    const optional = ["NOTEBOX_APT_PROXY", "NOTEBOX_PREPARE", "NOTEBOX_CA", "NOTEBOX_MIRROR"];
    expect(names).toContain("NOTEBOX_ROOT_KEY");
    const script = names.map((name) => `echo "@@step ${name} \${${name}-unset}"`).join("\n");
    const { steps } = await build(`${script}\necho "@@step pip $PIP_INDEX_URL"`);
    expect(
      steps
        .filter(({ title }) => title === "unset")
        .map(({ id }) => id)
        .sort(),
    ).toEqual(optional.sort());
    expect(steps.at(-1)?.title).toBe("https://index.example.edu/simple");
    expect(steps.find(({ id }) => id === "NOTEBOX_PROVIDERS")?.title).toBe("libvirt virtualbox");
  });

  test("that names a reason is believed", async () => {
    const failed = build('echo "@@step one Do this"; echo last words; echo "@@error There is no such thing."; exit 1');
    await expect(failed).rejects.toMatchObject({ code: "invalid", message: "There is no such thing." });
    expect(events.at(-1)).toEqual({ type: "step-failed", id: "one", lastLines: ["last words"] });
  });

  test.each([
    ["tar: a: Cannot write: No space left on device", "disk-full"],
    ["W: Failed to fetch http://mirror.example.edu/debian/dists/trixie/InRelease", "unreachable"],
    ["E: Failed getting release file http://mirror.example.edu/debian/dists/trixie/Release", "unreachable"],
    ["segmentation fault", "bug"],
  ])("%s: %s", async (line, code) => {
    await expect(build(`echo "@@step one Do this"; echo "${line}"; exit 1`)).rejects.toMatchObject({ code });
  });

  test("ends when it is interrupted", async () => {
    const stop = new AbortController();
    const running = build("echo '@@step one Do this'; sleep 60", { signal: stop.signal });
    setTimeout(() => stop.abort(), 500);
    await expect(running).rejects.toMatchObject({ code: "interrupted" });
    expect(events.at(-1)?.type).toBe("step-failed");
  });
});
