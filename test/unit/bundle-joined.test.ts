/** What the bundle puts together from parts: the Ruby file beside the Vagrantfile, the tar of the guest's steps. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { GUEST_TAR, packGuest } from "../../src/bundle/guest-tar.ts";
import { joinRuby } from "../../src/bundle/ruby.ts";

const FOLDER = path.resolve(import.meta.dirname, "../../templates/vagrant");
const parts = new Map(
  fs
    .readdirSync(FOLDER)
    .filter((name) => name.endsWith(".rb"))
    .map((name) => [name, fs.readFileSync(path.join(FOLDER, name), "utf8")]),
);

describe("the Ruby file", () => {
  test("holds every part once, after those that it needs", () => {
    const lines = joinRuby(parts).split("\n");
    const names = lines.flatMap((line) => /^# ---- (\S+) ----$/.exec(line)?.[1] ?? []);
    expect([...names].sort()).toEqual([...parts.keys()].sort());
    for (const [name, text] of parts)
      for (const [, needed] of text.matchAll(/^require_relative "(\w+)"$/gm))
        expect([name, needed, names.indexOf(`${needed}.rb`) < names.indexOf(name)]).toEqual([name, needed, true]);
    expect(lines.filter((line) => line.includes("require_relative"))).toEqual([]);
  });

  test("loses no line of any part but what names another one", () => {
    const kept = (text: string): string[] =>
      text.split("\n").filter((line) => line !== "" && !line.startsWith("require_relative") && !/^# ----/.test(line));
    const joined = kept(joinRuby(parts)).sort();
    const apart = [...parts.values()].flatMap(kept).sort();
    expect(joined.length).toBeLessThan(apart.length + 5);
    expect(joined).toEqual(expect.arrayContaining(apart));
  });

  test("is not made of parts that need each other, or one that is not there", () => {
    const needs = (name: string): string => `require_relative "${name}"\n`;
    const circle = new Map(["a", "b", "c"].map((name, at) => [`${name}.rb`, needs("bca"[at] ?? "")]));
    expect(() => joinRuby(circle)).toThrow(/needs itself: a\.rb, b\.rb, c\.rb/);
    expect(() => joinRuby(new Map([["a.rb", needs("b")]]))).toThrow(/b\.rb is not in the package/);
  });
});

describe("the tar of the guest's steps", () => {
  const at = (name: string, content: string | Buffer, executable = false) => ({
    ...{ path: name, content: Buffer.from(content), executable },
  });
  const sizes = [0, 1, 511, 512, 513, 200_000].map((size) => at(`provision/steps/${size}`, Buffer.alloc(size, "x")));
  const longest = at(`provision/${"n".repeat(100)}`, "long");
  const planned = [at("Vagrantfile", "v"), at("provision/workbench/name", "n"), at("provision/run.sh", "#!", true)];
  const all = [...planned, ...sizes, longest];

  test("is what tar and Python read, and takes the place of what is in it", () => {
    const packed = packGuest(all);
    expect(packed.map((file) => file.path)).toEqual(["Vagrantfile", GUEST_TAR, "provision/workbench/name"]);
    const input = packed.find((file) => file.path === GUEST_TAR)?.content;
    const listed = spawnSync("tar", ["-tvz", "--full-time"], {
      input,
      encoding: "utf8",
      env: { TZ: "UTC", PATH: process.env["PATH"] },
    });
    expect([listed.status, listed.stderr]).toEqual([0, ""]);
    const rows = listed.stdout
      .trim()
      .split("\n")
      .map((row) => row.split(/ +/));
    expect(rows.map((row) => [row[0], row[1], row[2], row[5]])).toEqual(
      [planned[2], ...sizes, longest]
        .flatMap((file) => file ?? [])
        .sort((a, b) => (a.path < b.path ? -1 : 1))
        .map(({ path: name, content, executable }) => [
          executable ? "-rwxr-xr-x" : "-rw-r--r--",
          "0/0",
          String(content.length),
          name.slice("provision/".length),
        ]),
    );
    const python =
      "import sys,tarfile,io;t=tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()));print(sum(len(t.extractfile(m).read()) for m in t))";
    const read = spawnSync("python3", ["-c", python], { input, encoding: "utf8" });
    expect([read.stderr, read.stdout.trim()]).toEqual(["", String(2 + 201_537 + 4)]);
  });

  test("is the same whatever the order, and says nothing of when it was made", () => {
    const first = packGuest(all).find((file) => file.path === GUEST_TAR)?.content;
    const second = packGuest([...all].reverse()).find((file) => file.path === GUEST_TAR)?.content;
    expect(second?.equals(first ?? Buffer.alloc(0))).toBe(true);
    expect(first?.subarray(4, 8)).toEqual(Buffer.alloc(4));
  });

  test("refuses a name that its header cannot hold", () => {
    expect(() => packGuest([at(`provision/${"n".repeat(101)}`, "")])).toThrow(/no room for this name/);
  });
});
