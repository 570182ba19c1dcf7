/** Keeping a share: `box list`, `verify`, `prune` and `rebase` on real folders, and locks of other computers. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { doorSlug } from "../../src/boxes/doors.ts";
import { age, openShare, program, type ShareFolder } from "./share-folder.ts";

let lab: ShareFolder;
beforeEach(() => {
  lab = openShare();
});
afterEach(() => lab.remove());

const DAY = 86_400_000;
const ago = (days: number): string => new Date(Date.now() - days * DAY).toISOString();
const listed = (name = "lab/tiny", door = lab.share): string[] =>
  JSON.parse(fs.readFileSync(lab.at(lab.catalog(name, door)), "utf8")).versions.map(
    ({ version }: { version: string }) => version,
  );
const kinds = (faults: { kind: string }[]): string[] => faults.map(({ kind }) => kind).sort();

describe("list", () => {
  test("tells names, newest versions first, sizes, age, source and doors", async () => {
    lab.add({ published: ago(3) });
    lab.add({ version: "1.10.0" });
    lab.add({ version: "1.9.0", provider: "libvirt" });
    lab.add({ name: "lab/other" });
    const { code, json } = await lab.run(["list"]);
    expect(code).toBe(0);
    expect(json.result.boxes.map((box: { name: string; version: string }) => [box.name, box.version])).toEqual([
      ["lab/other", "1.0.0"],
      ["lab/tiny", "1.10.0"],
      ["lab/tiny", "1.9.0"],
      ["lab/tiny", "1.0.0"],
    ]);
    expect(json.result.boxes[3]).toMatchObject({
      days: 3,
      source: "tiny.box",
      arch: "amd64",
      size: expect.any(Number),
    });
    expect(json.result).toMatchObject({ doors: [lab.share], unsound: 0 });
    expect((await lab.run(["list", "lab/tiny", "--provider", "libvirt"])).json.result.boxes).toHaveLength(1);
    expect((await lab.run(["list", "lab/none"])).code).toBe(2);
  });

  test("leaves out what no reader can have, and says how much", async () => {
    lab.add();
    fs.rmSync(lab.at("boxes/lab/tiny/1.0.0/virtualbox-amd64.box"));
    expect((await lab.run(["list"])).json.result).toMatchObject({ boxes: [], unsound: 1 });
  });

  test("a folder that is no share is no empty share", async () => {
    fs.rmSync(lab.at("notebox-share.json"));
    expect((await lab.run(["list"])).json.error).toMatchObject({
      code: "unreachable",
      hint: expect.stringMatching(/mounted/),
    });
  });
});

describe("verify", () => {
  test("finds a sound share sound, and leaves nothing in it", async () => {
    lab.add();
    const before = lab.tree();
    const { code, json } = await lab.run(["verify"]);
    expect([code, json.result.faults, json.result.bytes > 0]).toEqual([0, [], true]);
    expect(lab.tree()).toEqual(before);
  });

  test("takes out what is wrong, catalogs first, and keeps it with a note", async () => {
    for (const version of ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"]) lab.add({ version });
    lab.add({ version: "2.0.0" });
    const stem = (version: string): string => lab.at(`boxes/lab/tiny/${version}/virtualbox-amd64`);
    fs.appendFileSync(`${stem("1.0.0")}.box`, "x");
    const bytes = fs.readFileSync(`${stem("1.1.0")}.box`);
    bytes[3] = (bytes[3] ?? 0) ^ 1;
    fs.writeFileSync(`${stem("1.1.0")}.box`, bytes);
    fs.rmSync(`${stem("1.2.0")}.box`);
    fs.rmSync(`${stem("1.3.0")}.json`);
    fs.writeFileSync(`${stem("1.4.0")}.json`, "{");
    const wrong = ["bad-record", "missing-box", "missing-record", "wrong-content", "wrong-content"];

    const before = lab.tree();
    const dry = await lab.run(["verify", "--dry-run"]);
    expect([dry.code, kinds(dry.json.result.faults)]).toEqual([6, wrong]);
    expect(lab.tree()).toEqual(before);

    const { code, json } = await lab.run(["verify"]);
    expect([code, json.error.code, kinds(json.result.faults)]).toEqual([6, "integrity", wrong]);
    expect(listed()).toEqual(["2.0.0"]);
    const away = fs.readdirSync(lab.at(json.result.quarantine), { recursive: true }) as string[];
    expect(away).toContain("boxes/lab/tiny/1.1.0/virtualbox-amd64.box");
    expect(away).toContain("boxes/lab/tiny/1.1.0/virtualbox-amd64.json");
    const note = JSON.parse(fs.readFileSync(lab.at(`${json.result.quarantine}/note.json`), "utf8"));
    expect(note.files.map(({ why }: { why: string }) => why).join()).toMatch(/SHA-256 is/);
    expect(fs.readdirSync(lab.at("boxes/lab/tiny"))).toEqual(["2.0.0"]);
    expect((await lab.run(["verify"])).code).toBe(0);
  });

  test("one who may only read is told how to verify all the same", () => {
    const inside = 'mount -t tmpfs tmpfs "$1" && cp -r "$2/." "$1" && mount -o remount,ro "$1" && shift 2 && exec "$@"';
    lab.add();
    const there = path.join(lab.folder, "read-only");
    fs.mkdirSync(there);
    const run = (...more: string[]) => {
      const words = [process.execPath, program, "box", "verify", "--share", there, ...more];
      return spawnSync("unshare", ["-rm", "sh", "-c", inside, "sh", there, lab.share, ...words], { encoding: "utf8" });
    };
    const refused = run();
    expect([refused.status, refused.stderr]).toEqual([
      5,
      expect.stringMatching(/mounted read-only[\s\S]*add --dry-run/),
    ]);
    // The copy's door is the share that it is a copy of.
    const dry = run("--dry-run");
    expect([dry.status, dry.stdout]).toEqual([0, expect.stringContaining("nothing was changed")]);
  });

  test("tells of one name in two spellings, which list tells too, and leaves both alone", async () => {
    lab.add();
    lab.add({ name: "lab/Tiny", version: "2.0.0" });
    lab.add({ name: "lab/other", version: "1.0.0-RC1" });
    lab.add({ name: "lab/other", version: "1.0.0-rc1" });
    lab.add({ name: "Lab/fourth" });
    const before = lab.tree();
    const twins = [
      ["boxes/Lab", "boxes/lab"],
      ["boxes/lab/Tiny", "boxes/lab/tiny"],
      ["boxes/lab/other/1.0.0-RC1", "boxes/lab/other/1.0.0-rc1"],
    ];
    const { code, json } = await lab.run(["verify"]);
    expect([code, kinds(json.result.faults)]).toEqual([6, Array(3).fill("two-spellings")]);
    expect(json.error.problems.map(({ file }: { file: string }) => file).sort()).toEqual(twins.map(([one]) => one));
    expect(json.error.hint).toContain("which spelling stays");
    expect(lab.tree()).toEqual(before);
    expect((await lab.run(["list"])).json.result.twins.sort()).toEqual(twins);
    expect((await lab.run(["list", "lab/tiny"])).json.result.twins.sort()).toEqual(twins.slice(0, 2));
  });

  test("what the share does not hold is told, with what it has", async () => {
    lab.add();
    lab.add({ version: "1.1.0", provider: "libvirt" });
    for (const verb of ["list", "verify"])
      for (const [asked, message, hint] of [
        [["--provider", "nope"], /holds no box for "nope"/, /^It has: virtualbox, libvirt\.$/],
        [["--version", "2.0.0"], /holds no box of version "2.0.0"/, /^It has: 1\.0\.0, 1\.1\.0\.$/],
        [["lab/other"], /holds no box called "lab\/other"/, /box list/],
        [["--version", "1.0.0", "--provider", "libvirt"], /all of 1\.0\.0, libvirt/, /box list/],
      ] as const) {
        const { code, json } = await lab.run([verb, ...asked]);
        expect([code, json.error.message, json.error.hint]).toEqual([
          2,
          expect.stringMatching(message),
          expect.stringMatching(hint),
        ]);
      }
  });

  test("sets catalogs right that mislead, are old or are missing", async () => {
    const door = "https://boxes.example.edu/x";
    lab.add();
    fs.writeFileSync(lab.at("notebox-share.json"), JSON.stringify({ layout: 1, doors: [lab.share, door] }));
    const file = lab.at(lab.catalog("lab/tiny"));
    const right = fs.readFileSync(file, "utf8");
    fs.writeFileSync(file, right.replaceAll("1.0.0", "9.0.0"));
    const { code, json } = await lab.run(["verify", "lab/tiny"]);
    expect([code, kinds(json.result.faults)]).toEqual([6, ["catalog-misleads", "catalog-stale"]]);
    expect(fs.readFileSync(file, "utf8")).toBe(right);
    expect(listed("lab/tiny", door)).toEqual(["1.0.0"]);
  });

  test("goes on where it was broken off, and reads again what has changed since", async () => {
    const one = lab.add();
    const two = lab.add({ version: "1.1.0" });
    const done = Object.fromEntries(
      [one, two].map(({ version, size, sha256 }) => {
        const at = `boxes/lab/tiny/${version}/virtualbox-amd64.box`;
        return [at, { size, sha256, mtimeMs: fs.statSync(lab.at(at)).mtimeMs }];
      }),
    );
    fs.writeFileSync(lab.at("notebox-scrub.json"), JSON.stringify({ layout: 1, began: Date.now(), done }));
    age(lab.at("boxes/lab/tiny/1.1.0/virtualbox-amd64.box"), 100);
    const { json } = await lab.run(["verify"]);
    expect(json.result).toMatchObject({ boxes: 2, resumed: 2, bytes: two.size });
    expect(fs.existsSync(lab.at("notebox-scrub.json"))).toBe(false);
  });

  test("strays are told and do no harm", async () => {
    lab.add();
    fs.writeFileSync(lab.at("boxes/lab/tiny/1.0.0/incoming-box.box.part"), "x");
    fs.writeFileSync(lab.at("boxes/lab/tiny/1.0.0/notes.txt"), "x");
    fs.mkdirSync(lab.at("catalogs/old-door"));
    const { code, json } = await lab.run(["verify"]);
    expect([code, kinds(json.result.faults)]).toEqual([0, ["stray", "stray", "stray"]]);
  });
});

describe("prune", () => {
  beforeEach(() => {
    for (const [index, version] of ["1.0.0", "1.1.0", "1.2.0", "1.10.0"].entries())
      lab.add({ version, published: ago(400 - 100 * index) });
    lab.add({ version: "1.0.0", provider: "libvirt", published: ago(400) });
  });
  const gone = (json: { result: { removed: { version: string; provider: string }[] } }): string[] =>
    json.result.removed.map(({ version, provider }) => `${provider} ${version}`).sort();

  test("by count: catalogs, box and record go; other providers keep their only version", async () => {
    const dry = await lab.run(["prune", "--keep", "2", "--dry-run"]);
    expect(gone(dry.json)).toEqual(["virtualbox 1.0.0", "virtualbox 1.1.0"]);
    expect(dry.json.result.bytes).toBeGreaterThan(0);
    expect(listed()).toHaveLength(4);
    expect(gone((await lab.run(["prune", "--keep", "2"])).json)).toEqual(gone(dry.json));
    expect(listed()).toEqual(["1.0.0", "1.2.0", "1.10.0"]);
    expect(fs.readdirSync(lab.at("boxes/lab/tiny/1.0.0"))).toEqual(["libvirt-amd64.box", "libvirt-amd64.json"]);
    expect(fs.existsSync(lab.at("boxes/lab/tiny/1.1.0"))).toBe(false);
    expect((await lab.run(["verify"])).code).toBe(0);
  });

  test("by age: never the last version of a box", async () => {
    expect(gone((await lab.run(["prune", "--older-than", "30d"])).json)).toEqual([
      "virtualbox 1.0.0",
      "virtualbox 1.1.0",
      "virtualbox 1.2.0",
    ]);
    expect(listed()).toEqual(["1.0.0", "1.10.0"]);
  });

  test("by what workbenches take, together with the other rules", async () => {
    const bench = path.join(lab.folder, "bench");
    fs.mkdirSync(bench);
    fs.writeFileSync(
      path.join(bench, "workbench.yaml"),
      `version: 1\nname: bench\ntitle: Bench\nbox: { name: lab/tiny, version: "~> 1.1.0", shares: [${lab.share}] }\nservices:\n  jupyter: {}\n`,
    );
    const { json } = await lab.run(["prune", "--unused-by", bench, "--dry-run"]);
    expect(gone(json)).toEqual(["virtualbox 1.0.0", "virtualbox 1.2.0"]);
    const both = await lab.run(["prune", "--unused-by", bench, "--older-than", "300d", "--dry-run"]);
    expect(gone(both.json)).toEqual(["virtualbox 1.0.0"]);
    expect((await lab.run(["prune", "--unused-by", lab.folder])).code).toBe(3);
    for (const keep of ["0", "1e3", "-1", "2.5", "many"])
      expect((await lab.run(["prune", "--keep", keep])).code).toBe(2);
  });

  test("without a rule the share's own; without that nothing", async () => {
    expect(gone((await lab.run(["prune"])).json)).toEqual([]);
    const settings = { layout: 1, doors: [lab.share], retention: { versions: 3 } };
    fs.writeFileSync(lab.at("notebox-share.json"), JSON.stringify(settings));
    expect(gone((await lab.run(["prune"])).json)).toEqual(["virtualbox 1.0.0"]);
  });

  test("a slip in the share's own rule costs no box, and 0 versions keep all", async () => {
    const run = async (retention: unknown) => {
      fs.writeFileSync(lab.at("notebox-share.json"), JSON.stringify({ layout: 1, doors: [lab.share], retention }));
      return await lab.run(["prune", "--dry-run"]);
    };
    for (const slip of [{ versions: 1, day: 180 }, { versions: "1" }, { days: -1 }, { versions: 1.5 }, [], 3])
      expect(await run(slip)).toMatchObject({
        code: 6,
        json: { error: { code: "integrity", message: expect.stringMatching(/retention/) } },
      });
    expect(gone((await run({ versions: 0, days: 1 })).json)).toEqual([]);
    expect(gone((await run({ versions: 1 })).json)).not.toEqual([]);
  });

  test("sweeps what dead writers left, and nothing of living ones", async () => {
    const place = "boxes/lab/tiny/1.0.0";
    const lock = (pid: number): string =>
      JSON.stringify({ host: "far-away", process: { pid, started: "" }, time: ago(1), command: "box archive" });
    const write = (name: string, text = "x", seconds = 2 * 86_400): void => {
      fs.mkdirSync(path.dirname(lab.at(name)), { recursive: true });
      fs.writeFileSync(lab.at(name), text);
      age(lab.at(name), seconds);
    };
    write(`${place}/a-dead.box.part`);
    write(`${place}/a-dead.box.part.json`);
    write(`${place}/a-dead.box.part.lock`, lock(1));
    write(`${place}/b-live.box.part`);
    write(`${place}/b-live.box.part.lock`, lock(2), 10);
    write(`${place}/c-young.box.part`, "x", 3600);
    write(`${place}/mine.txt`);
    write("boxes/lab/tiny/3.0.0/virtualbox-amd64.box");
    write("boxes/lab/tiny/4.0.0/virtualbox-amd64.json", "{}");
    write("catalogs/old-door/lab/tiny.json");
    write(lab.catalog("lab/gone"));
    write(`${lab.catalog("lab/tiny")}.part`);
    write("notebox-share.lock.far-away-7");
    write("quarantine/20200101T000000Z/note.json");
    age(lab.at("quarantine/20200101T000000Z"), 40 * 86_400);
    fs.mkdirSync(lab.at("boxes/lab/empty/1.0.0"), { recursive: true });
    age(lab.at("boxes/lab/empty/1.0.0"), 100);
    const { code, json } = await lab.run(["prune"]);
    expect(code).toBe(0);
    expect(json.result.swept).toHaveLength(11);
    expect(lab.tree().filter((name) => !/virtualbox-amd64|libvirt-amd64/.test(name))).toEqual(
      [
        `${place}/b-live.box.part`,
        `${place}/b-live.box.part.lock`,
        `${place}/c-young.box.part`,
        `${place}/mine.txt`,
        lab.catalog("lab/tiny"),
        "notebox-share.json",
      ].sort(),
    );
    expect(fs.readdirSync(lab.share).sort()).toEqual(["boxes", "catalogs", "notebox-share.json"]);
    expect(fs.readdirSync(lab.at("boxes/lab"))).toEqual(["tiny"]);
  });
});

describe("rebase", () => {
  const doors = (): string[] => JSON.parse(fs.readFileSync(lab.at("notebox-share.json"), "utf8")).doors;

  test("adds, replaces and removes doors without reading a box", async () => {
    lab.add();
    const box = lab.at("boxes/lab/tiny/1.0.0/virtualbox-amd64.box");
    fs.truncateSync(box, 0);
    const [one, two] = ["https://one.example.edu/b", "//two.example.edu/our boxes"];
    expect((await lab.run(["rebase", "--add", one])).json.result).toMatchObject({ added: [one], removed: [] });
    expect(listed("lab/tiny", one)).toEqual(["1.0.0"]);
    const { json } = await lab.run(["rebase", "--replace", one, two, "--remove", lab.share]);
    expect(json.result).toMatchObject({ doors: [two], added: [two] });
    expect(doors()).toEqual([two]);
    expect(fs.readdirSync(lab.at("catalogs"))).toEqual([doorSlug(two)]);
    expect(fs.readFileSync(lab.at(lab.catalog("lab/tiny", two)), "utf8")).toContain(
      "file:////two.example.edu/our%20boxes/boxes/lab/tiny/1.0.0/virtualbox-amd64.box",
    );
  });

  test.each([
    ["the last door", ["--remove", "SHARE"], /last one/],
    ["a door that is none of its", ["--remove", "/elsewhere"], /no door/],
    ["half a replacement", ["--replace", "SHARE"], /pairs/],
    ["a password", ["--add", "https://me:secret@x.example/"], /password/],
  ])("refuses %s", async (_, args, why) => {
    const { code, json } = await lab.run(["rebase", ...args.map((word) => word.replace("SHARE", lab.share))]);
    expect([code, json.error.message]).toEqual([2, expect.stringMatching(why)]);
    expect(doors()).toEqual([lab.share]);
  });

  test("without a flag it writes all catalogs anew", async () => {
    lab.add();
    fs.rmSync(lab.at("catalogs"), { recursive: true });
    expect((await lab.run(["rebase"])).json.result.catalogs).toEqual([lab.catalog("lab/tiny")]);
    expect(listed()).toEqual(["1.0.0"]);
  });
});

describe("locks of other computers", () => {
  const lock = (): string => lab.at("notebox-share.lock");
  const hold = (seconds: number): void => {
    const owner = { host: "far-away", process: { pid: 1, started: "" }, time: ago(1), command: "box archive" };
    fs.writeFileSync(lock(), JSON.stringify(owner));
    age(lock(), seconds);
  };

  test("one that shows signs of life is never taken over", async () => {
    hold(200);
    const { code, json } = await lab.run(["prune", "--take-over"]);
    expect([code, json.error.message]).toEqual([9, expect.stringContaining("the computer far-away")]);
    expect(fs.existsSync(lock())).toBe(true);
  });

  test("one that has been silent for minutes is explained, and taken over by who says so", async () => {
    lab.add();
    hold(600);
    const told = await lab.run(["rebase"]);
    expect([told.code, told.json.error.message]).toEqual([
      9,
      expect.stringMatching(/no sign of life for (9|10) minutes/),
    ]);
    expect(told.json.error.hint).toContain("--take-over");
    expect((await lab.run(["prune", "--take-over"])).code).toBe(0);
    expect(fs.existsSync(lock())).toBe(false);
    expect((await lab.run(["rebase"])).code).toBe(0);
  });

  test("two writers on two computers exclude each other", async () => {
    for (let number = 0; number < 30; number++) lab.add({ version: `1.${number}.0` });
    const doors = ["a", "b", "c", "d"].map((word) => `https://${word}.example.edu/boxes`);
    const outcomes = await Promise.all(doors.map((door, index) => lab.run(["rebase", "--add", door], `pc-${index}`)));
    for (const { code, json } of outcomes) {
      expect([0, 9]).toContain(code);
      if (code === 9) expect(json.error.message).toMatch(/on the computer pc-\d|Somebody else/);
    }
    const served = doors.filter((_, index) => outcomes[index]?.code === 0);
    expect(served.length).toBeGreaterThan(0);
    for (const door of served) expect(listed("lab/tiny", door)).toHaveLength(30);
    expect(fs.readdirSync(lab.at("catalogs")).sort()).toEqual([lab.share, ...served].map(doorSlug).sort());
    expect(fs.existsSync(lock())).toBe(false);
  });
});
