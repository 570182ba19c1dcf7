/** `box publish` into real folders: what ends up where, what is refused, two writers, a full disk, a killed run. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { BoxRecord } from "../../src/boxes/catalog.ts";
import { catalogText } from "../../src/boxes/catalog.ts";
import { doorSlug } from "../../src/boxes/doors.ts";
import { readCatalog } from "../../src/boxes/fetch/upstream.ts";
import { QCOW2 } from "./box-bytes.ts";
import { type Outcome, program, type Run, startJson } from "./share-folder.ts";

const NAME = "lab/tiny";

let folder = "";
let share = "";
beforeAll(() => expect(fs.existsSync(program)).toBe(true));
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-share-"));
  share = path.join(folder, "share");
  fs.mkdirSync(share);
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

/** A box of at least `bytes`; `text` makes it another one. */
function makeBox(text = "one", options: { provider?: string; arch?: string; bytes?: number } = {}): string {
  const { provider = "virtualbox", arch = "amd64", bytes = 0 } = options;
  const parts = fs.mkdtempSync(path.join(folder, "parts-"));
  const write = (name: string, content: string): void => fs.writeFileSync(path.join(parts, name), content);
  write("metadata.json", JSON.stringify({ provider, ...(arch === "" ? {} : { architecture: arch }) }));
  write("box.ovf", `<Envelope>${text}</Envelope>`);
  fs.writeFileSync(path.join(parts, "box.img"), QCOW2);
  if (bytes > 0) fs.truncateSync(path.join(parts, "box.img"), bytes);
  const file = `${parts}.box`;
  execFileSync("tar", ["-C", parts, "--mtime=@0", "-cf", file, "metadata.json", "box.ovf", "box.img"]);
  return file;
}

function start(file: string, args: readonly string[] = [], to = share): Run {
  const all = ["--json", "box", "publish", file, "--share", to, "--name", NAME];
  if (!args.includes("--version")) all.push("--version", "1.0.0");
  return startJson([process.execPath, program, ...all, ...args], folder);
}

const publish = (file: string, args: readonly string[] = [], to = share): Promise<Outcome> =>
  start(file, args, to).done;
const read = (name: string) => JSON.parse(fs.readFileSync(path.join(share, name), "utf8"));
const catalogOf = (door: string): string => `catalogs/${doorSlug(door)}/${NAME}.json`;
const tree = (): string[] =>
  (fs.readdirSync(share, { recursive: true, withFileTypes: true }) as fs.Dirent[])
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(share, path.join(entry.parentPath, entry.name)))
    .sort();

describe("a first box", () => {
  test("makes the share, with the folder as its only door", async () => {
    const file = makeBox();
    const { code, json } = await publish(file);
    expect([code, json.result.added]).toEqual([0, true]);
    expect(tree()).toEqual([
      "boxes/lab/tiny/1.0.0/virtualbox-amd64.box",
      "boxes/lab/tiny/1.0.0/virtualbox-amd64.json",
      catalogOf(share),
      "notebox-share.json",
    ]);
    const bytes = fs.readFileSync(file);
    expect(fs.readFileSync(path.join(share, "boxes/lab/tiny/1.0.0/virtualbox-amd64.box")).equals(bytes)).toBe(true);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    expect(read("boxes/lab/tiny/1.0.0/virtualbox-amd64.json")).toMatchObject({
      size: bytes.length,
      sha256,
      sha1: createHash("sha1").update(bytes).digest("hex"),
      md5: createHash("md5").update(bytes).digest("hex"),
      source: path.basename(file),
      by: expect.stringMatching(/^notebox \d/),
    });
    expect(read("notebox-share.json")).toMatchObject({ layout: 1, doors: [share] });
    expect(read(catalogOf(share))).toEqual({
      name: NAME,
      versions: [
        {
          version: "1.0.0",
          providers: [
            {
              name: "virtualbox",
              url: `file://${share}/boxes/lab/tiny/1.0.0/virtualbox-amd64.box`,
              checksum_type: "sha256",
              checksum: sha256,
              architecture: "amd64",
              default_architecture: true,
            },
          ],
        },
      ],
    });
  });

  test("can be named with its architecture when it does not say one", async () => {
    const file = makeBox("one", { arch: "" });
    expect((await publish(file)).code).toBe(2);
    expect((await publish(file, ["--arch", "arm64"])).json.result.record.arch).toBe("arm64");
  });
});

describe("further boxes", () => {
  test("join the catalogs; a new door gets those of all boxes", async () => {
    await publish(makeBox());
    await publish(makeBox("two", { provider: "libvirt" }));
    await publish(makeBox("three"), ["--version", "1.10.0"]);
    await publish(makeBox("four"), ["--version", "1.9.0", "--name", "lab/other"]);
    const door = "https://boxes.example.edu/our boxes";
    const { json } = await publish(makeBox("five"), ["--version", "1.9.0", "--door", door]);
    expect(json.result.catalogs).toHaveLength(4);
    const catalog = read(catalogOf(door));
    expect(catalog.versions.map((one: { version: string }) => one.version)).toEqual(["1.0.0", "1.9.0", "1.10.0"]);
    expect(catalog.versions[0].providers.map((one: { name: string }) => one.name)).toEqual(["libvirt", "virtualbox"]);
    expect(catalog.versions[2].providers[0].url).toBe(
      "https://boxes.example.edu/our%20boxes/boxes/lab/tiny/1.10.0/virtualbox-amd64.box",
    );
    expect(read(`catalogs/${doorSlug(door)}/lab/other.json`).versions).toHaveLength(1);
  });

  test("the same bytes once more change nothing", async () => {
    const file = makeBox();
    await publish(file);
    const before = tree().map((name) => [name, fs.readFileSync(path.join(share, name), "utf8")]);
    const { code, json } = await publish(file);
    expect([code, json.result.added]).toEqual([0, false]);
    expect(tree().map((name) => [name, fs.readFileSync(path.join(share, name), "utf8")])).toEqual(before);
  });

  test("other bytes for a version that is there are refused", async () => {
    await publish(makeBox("one"));
    const before = fs.readFileSync(path.join(share, "boxes/lab/tiny/1.0.0/virtualbox-amd64.box"));
    const { code, json } = await publish(makeBox("two"));
    expect([code, json.error.code]).toEqual([10, "refused"]);
    expect(json.error.hint).toContain("higher --version");
    expect(fs.readFileSync(path.join(share, "boxes/lab/tiny/1.0.0/virtualbox-amd64.box")).equals(before)).toBe(true);
    expect(tree().filter((name) => name.includes("part"))).toEqual([]);
  });

  test("a box whose record was never written is finished", async () => {
    const place = path.join(share, "boxes/lab/tiny/1.0.0");
    fs.mkdirSync(place, { recursive: true });
    const file = makeBox();
    fs.copyFileSync(file, path.join(place, "virtualbox-amd64.box"));
    fs.writeFileSync(path.join(place, "incoming-box.box.part"), "half");
    expect((await publish(file)).json.result.added).toBe(true);
    expect(tree()).toHaveLength(4);
  });
});

describe("refused", () => {
  const cases: [string, string[], number, RegExp][] = [
    ["a name without owner", ["--name", "tiny"], 2, /no box name/],
    ["a name that leads out", ["--name", "../evil"], 2, /no box name/],
    ["a name that Windows keeps for itself", ["--name", "lab/nul"], 2, /no box name/],
    ["a version that is none", ["--version", "13"], 2, /no version/],
    ["a version with a path in it", ["--version", "1.0.0/.."], 2, /no version/],
    ["a provider with a path in it", ["--provider", "../x"], 2, /no provider/],
    ["another provider than the box's", ["--provider", "libvirt"], 6, /is for virtualbox, not for libvirt/],
    ["another architecture than the box's", ["--arch", "arm64"], 6, /is for amd64, not for arm64/],
    ["a door with a password", ["--door", "https://me:secret@a.example/"], 2, /password/],
    ["a door that is relative", ["--door", "boxes"], 2, /no way to a share/],
  ];
  test.each(cases)("%s", async (_, args, exit, why) => {
    const { code, json } = await publish(makeBox(), args);
    expect([code, json.error.message]).toEqual([exit, expect.stringMatching(why)]);
    expect(JSON.stringify(json)).not.toContain("secret");
    expect(tree()).toEqual([]);
  });

  test("a file that is not there, a folder, a pipe, a file that is no box", async () => {
    expect((await publish(path.join(folder, "none.box"))).code).toBe(3);
    expect((await publish(share)).code).toBe(3);
    execFileSync("mkfifo", [path.join(folder, "pipe.box")]);
    expect((await publish(path.join(folder, "pipe.box"))).code).toBe(3);
    fs.writeFileSync(path.join(folder, "text.box"), "text");
    expect((await publish(path.join(folder, "text.box"))).code).toBe(6);
    expect(fs.readdirSync(share)).toEqual([]);
  });

  test.each(["boxes", "catalogs"])("a share with a file where %s/ has to be", async (name) => {
    fs.writeFileSync(path.join(share, name), "");
    const { code, json } = await publish(makeBox());
    expect([code, json.error.message]).toEqual([6, expect.stringMatching(/in the place of one of its folders/)]);
  });

  test("a share that is not there is not made: it may only be offline", async () => {
    const { code, json } = await publish(makeBox(), [], path.join(folder, "mnt"));
    expect([code, json.error.code]).toEqual([5, "unreachable"]);
    expect(json.error.hint).toContain("mounted");
    expect(fs.existsSync(path.join(folder, "mnt"))).toBe(false);
  });

  test("a name that differs from one that is there only in capital and small letters", async () => {
    const file = makeBox();
    expect((await publish(file)).code).toBe(0);
    const before = tree();
    for (const name of ["lab/Tiny", "LAB/tiny"]) {
      const { code, json } = await publish(file, ["--name", name, "--version", "2.0.0"]);
      expect([code, json.error.code]).toEqual([10, "refused"]);
      expect(json.error.message).toMatch(/differs from "(Tiny|LAB)" only in capital and small letters/);
    }
    expect(tree()).toEqual(before);
  });

  test("a link in the place of a box's folder: nothing is written behind it", async () => {
    const file = makeBox();
    const away = path.join(folder, "away");
    for (const at of ["boxes", "boxes/lab", "boxes/lab/tiny", "boxes/lab/tiny/1.0.0"]) {
      fs.mkdirSync(path.dirname(path.join(share, at)), { recursive: true });
      fs.mkdirSync(away, { recursive: true });
      fs.symlinkSync(away, path.join(share, at));
      const { code, json } = await publish(file);
      expect([code, json.error.message]).toEqual([6, expect.stringContaining(`${at} is a link to ${away}`)]);
      expect(json.error.hint).toContain("real folder");
      expect(fs.readdirSync(away)).toEqual([]);
      fs.rmSync(path.join(share, "boxes"), { recursive: true });
    }
  });

  test("a share that is a file, or of a newer notebox, or with damaged settings", async () => {
    const file = makeBox();
    const list = spawnSync(process.execPath, [program, "box", "list", "--share", file], { encoding: "utf8" });
    expect([list.status, list.stderr]).toEqual([5, expect.stringContaining("is not a folder")]);
    expect((await publish(file, [], file)).code).toBe(5);
    fs.writeFileSync(path.join(share, "notebox-share.json"), '{"layout":2,"doors":[]}');
    expect((await publish(file)).json.error).toMatchObject({
      code: "integrity",
      message: expect.stringMatching(/newer/),
    });
    fs.writeFileSync(path.join(share, "notebox-share.json"), '{"layout":1');
    expect((await publish(file)).code).toBe(6);
  });

  test("a full disk leaves nothing half-written behind", () => {
    // A file system of 300 KiB, in a mount namespace of its own.
    const script = `mount -t tmpfs -o size=300k tmpfs "$1" && "$2" "$3" --json box publish "$4" --share "$1" --name lab/tiny --version 1.0.0; code=$?; find "$1" -type f >&2; exit $code`;
    const args = [
      "-rm",
      "sh",
      "-c",
      script,
      "sh",
      share,
      process.execPath,
      program,
      makeBox("one", { bytes: 900_000 }),
    ];
    const run = spawnSyncText("unshare", args);
    expect([run.code, JSON.parse(run.out).error.code]).toEqual([11, "disk-full"]);
    expect(run.err.split("\n").filter((line) => line.startsWith(share))).toEqual([]);
  });
});

function spawnSyncText(file: string, args: readonly string[]): { code: number; out: string; err: string } {
  try {
    const out = execFileSync(file, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, HOME: folder },
    });
    return { code: 0, out, err: "" };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { code: status, out: stdout, err: stderr };
  }
}

describe("writers", () => {
  const lock = (): string => path.join(share, "notebox-share.lock");
  const owner = (host: string, pid: number, started = ""): string =>
    JSON.stringify({ host, process: { pid, started }, time: "2026-01-02T03:04:05.000Z", command: "box archive" });

  test("a second one is told who the first is", async () => {
    fs.writeFileSync(lock(), owner(os.hostname(), process.pid));
    const { code, json } = await publish(makeBox());
    expect([code, json.error.code]).toEqual([9, "busy"]);
    expect(json.error.message).toContain(`box archive`);
    expect(json.error.message).toContain(`process ${process.pid} on this computer, since 2026-01-02 03:04:05 UTC`);
    expect(fs.existsSync(lock())).toBe(true);
  });

  test("nobody can tell whether one on another computer still runs", async () => {
    fs.writeFileSync(lock(), owner("far-away", 1));
    const { code, json } = await publish(makeBox());
    expect([code, json.error.message]).toEqual([9, expect.stringContaining("the computer far-away")]);
  });

  test("a lock that cannot be read is nobody's to take", async () => {
    fs.writeFileSync(lock(), '{"host":');
    expect((await publish(makeBox())).code).toBe(9);
  });

  test("the lock of a process that has ended is taken over", async () => {
    const ended = spawn("true");
    await new Promise((resolve) => ended.once("close", resolve));
    for (const [pid, started] of [
      [ended.pid ?? 0, ""],
      // The number lives on, but in another process.
      [process.pid, "1"],
    ] as const) {
      fs.writeFileSync(lock(), owner(os.hostname(), pid, started));
      expect((await publish(makeBox())).code).toBe(0);
      expect(fs.existsSync(lock())).toBe(false);
    }
  });

  test("what this computer's killed writers left beside the lock goes; a living one's and another computer's stays", async () => {
    const ended = spawn("true");
    await new Promise((resolve) => ended.once("close", resolve));
    const here = os.hostname().replace(/[^A-Za-z0-9-]/g, "-");
    const beside = (name: string, content: string): string => {
      fs.writeFileSync(`${lock()}.${name}`, content);
      return `notebox-share.lock.${name}`;
    };
    beside(`${here}-${ended.pid}`, "");
    beside(`stale-${here}-${ended.pid}`, owner("far-away", 1));
    const kept = [
      beside(`${here}-${process.pid}`, owner(os.hostname(), process.pid)),
      beside(`far-away-${ended.pid}`, owner("far-away", ended.pid ?? 0)),
    ];
    expect((await publish(makeBox())).code).toBe(0);
    expect(
      fs
        .readdirSync(share)
        .filter((name) => name.includes("lock"))
        .sort(),
    ).toEqual(kept.sort());
  });

  test("several at once: each is served or told to wait, and the catalog holds exactly what was served", async () => {
    const versions = ["1.0.0", "1.1.0", "1.2.0", "1.3.0"];
    const outcomes = await Promise.all(
      versions.map((version) => publish(makeBox(version, { bytes: 5_000_000 }), ["--version", version])),
    );
    for (const { code } of outcomes) expect([0, 9]).toContain(code);
    const served = versions.filter((_, index) => outcomes[index]?.code === 0);
    expect(served.length).toBeGreaterThan(0);
    const listed = read(catalogOf(share)).versions.map((one: { version: string }) => one.version);
    expect(listed).toEqual(served);
  });

  test("one that is killed leaves no box that a reader could see, and the next one succeeds", async () => {
    const file = makeBox("one", { bytes: 60_000_000 });
    const { child, done } = start(file);
    const part = path.join(share, "boxes/lab/tiny/1.0.0");
    const size = (): number =>
      fs.existsSync(part)
        ? Math.max(0, ...fs.readdirSync(part).map((name) => fs.statSync(path.join(part, name)).size))
        : 0;
    while (size() < 1_000_000 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGKILL");
    expect((await done).code).toBeNull();
    expect(tree().filter((name) => /\.box$|catalogs/.test(name))).toEqual([]);
    expect((await publish(file)).code).toBe(0);
    expect(tree()).toHaveLength(4);
  });
});

describe("catalogs", () => {
  const record = (provider: string, arch: string, version = "1.0.0"): BoxRecord => ({
    name: NAME,
    version,
    provider,
    arch,
    size: 1,
    sha256: "a".repeat(64),
    sha1: "b".repeat(40),
    md5: "c".repeat(32),
    source: "x.box",
    published: "2026-01-01T00:00:00.000Z",
    by: "notebox 0",
  });

  test("list what most computers are last, since Vagrant 2.3 takes the last", () => {
    const all = [
      record("virtualbox", "amd64"),
      record("virtualbox", "arm64"),
      record("libvirt", "arm64"),
      record("libvirt", "amd64"),
    ];
    const { versions } = JSON.parse(catalogText(NAME, "/srv/boxes", all));
    expect(
      versions[0].providers.map((one: { name: string; architecture: string }) => [one.name, one.architecture]),
    ).toEqual([
      ["libvirt", "arm64"],
      ["libvirt", "amd64"],
      ["virtualbox", "arm64"],
      ["virtualbox", "amd64"],
    ]);
  });

  test("end with an entry for nobody where Vagrant 2.3 would take a box that most computers cannot run", () => {
    const all = [record("virtualbox", "arm64"), record("virtualbox", "riscv64"), record("libvirt", "unknown")];
    const { versions } = JSON.parse(catalogText(NAME, "/srv/boxes", all));
    const shown = versions[0].providers.map((one: Record<string, unknown>) => [
      one["name"],
      one["architecture"],
      one["default_architecture"],
      one["url"],
    ]);
    expect(shown).toEqual([
      ["libvirt", "unknown", true, "file:///srv/boxes/boxes/lab/tiny/1.0.0/libvirt-unknown.box"],
      ["virtualbox", "arm64", false, "file:///srv/boxes/boxes/lab/tiny/1.0.0/virtualbox-arm64.box"],
      ["virtualbox", "riscv64", true, "file:///srv/boxes/boxes/lab/tiny/1.0.0/virtualbox-riscv64.box"],
      [
        "virtualbox",
        "vagrant-2.3",
        false,
        "file:///srv/boxes/boxes/lab/tiny/1.0.0/only-for-arm64-and-riscv64--needs-vagrant-2.4-or-notebox-box-install",
      ],
    ]);
    // Whoever archives from this share, or installs from it over http, sees the boxes only.
    const { boxes, faults } = readCatalog(catalogText(NAME, "https://boxes.example.edu", all), "https://x.test/", NAME);
    expect([boxes.map(({ arch }) => arch), faults]).toEqual([["unknown", "arm64", "riscv64"], []]);
  });

  test("are the same whatever the order of the records", () => {
    const all = [
      record("virtualbox", "amd64", "2.0.0"),
      record("virtualbox", "amd64", "10.0.0"),
      record("libvirt", "amd64", "2.0.0"),
    ];
    expect(catalogText(NAME, "/srv", all)).toBe(catalogText(NAME, "/srv", all.toReversed()));
  });
});
