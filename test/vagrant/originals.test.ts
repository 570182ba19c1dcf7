/**
 * originals.rb: nobody's work is touched. The real Ruby runs it on folders that people edited, in which they deleted and
 * added; a property over random histories, with kills, says that nothing is lost.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { evaluate } from "./render-ruby.ts";

let folder = "";
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-originals-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Buffer): void {
  fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  fs.writeFileSync(path.join(folder, name), content);
}
const read = (name: string): string => fs.readFileSync(path.join(folder, name), "utf8");
const names = (top = "notebooks"): string[] =>
  fs
    .readdirSync(path.join(folder, top), { recursive: true, encoding: "utf8" })
    .filter((name) => fs.lstatSync(path.join(folder, top, name)).isFile())
    .sort();
const start = (): string[] =>
  evaluate("originals.rb", `Notebox::Originals.new(${JSON.stringify(folder)}, %w[notebooks api]).bring`) as string[];

describe("two hand-outs", () => {
  test("the first start lays everything out, the next does nothing", () => {
    write("originals/notebooks/Übung 1/a b.ipynb", "one");
    write("originals/api/marks.ipynb", "api");
    write("originals/vagrant/evil.rb", "not a shared folder");
    expect(start().sort()).toEqual(["new: api/marks.ipynb", "new: notebooks/Übung 1/a b.ipynb"]);
    expect([read("notebooks/Übung 1/a b.ipynb"), read("api/marks.ipynb")]).toEqual(["one", "api"]);
    expect(fs.existsSync(path.join(folder, "vagrant"))).toBe(false);
    const before = fs.statSync(path.join(folder, ".notebox/originals.json")).mtimeMs;
    expect(start()).toEqual([]);
    expect(fs.statSync(path.join(folder, ".notebox/originals.json")).mtimeMs).toBe(before);
    expect(fs.readdirSync(path.join(folder, ".notebox")).sort()).toEqual(["originals.json", "originals.lock"]);
  });

  test("unchanged is replaced, edited stays with the newer beside it, deleted stays deleted, added is untouched", () => {
    for (const name of ["same", "edited", "deleted", "dropped"]) write(`originals/notebooks/${name}.ipynb`, "v1");
    start();
    write("notebooks/edited.ipynb", "mine");
    write("notebooks/added.ipynb", "also mine");
    fs.rmSync(path.join(folder, "notebooks/deleted.ipynb"));
    for (const name of ["same", "edited", "deleted", "fresh", "added"])
      write(`originals/notebooks/${name}.ipynb`, "v2");
    fs.rmSync(path.join(folder, "originals/notebooks/dropped.ipynb"));
    expect(start()).toEqual([
      "you changed notebooks/added.ipynb, so the newer one is notebooks/added (new).ipynb",
      "notebooks/deleted.ipynb was deleted here, so the newer one stays in originals/",
      "you changed notebooks/edited.ipynb, so the newer one is notebooks/edited (new).ipynb",
      "new: notebooks/fresh.ipynb",
      "brought up to date: notebooks/same.ipynb",
    ]);
    expect(Object.fromEntries(names().map((name) => [name, read(`notebooks/${name}`)]))).toEqual({
      "added (new).ipynb": "v2",
      "added.ipynb": "also mine",
      "dropped.ipynb": "v1",
      "edited (new).ipynb": "v2",
      "edited.ipynb": "mine",
      "fresh.ipynb": "v2",
      "same.ipynb": "v2",
    });
    expect(start()).toEqual([]);
  });

  test("a third version takes the place of the second's (new), unless that was edited too", () => {
    write("originals/notebooks/a.ipynb", "v1");
    write("originals/notebooks/b.ipynb", "v1");
    start();
    for (const name of ["a", "b"]) write(`notebooks/${name}.ipynb`, "mine");
    for (const name of ["a", "b"]) write(`originals/notebooks/${name}.ipynb`, "v2");
    start();
    write("notebooks/b (new).ipynb", "mine too");
    for (const name of ["a", "b"]) write(`originals/notebooks/${name}.ipynb`, "v3");
    start();
    expect(Object.fromEntries(names().map((name) => [name, read(`notebooks/${name}`)]))).toEqual({
      "a (new).ipynb": "v3",
      "a.ipynb": "mine",
      "b (new 2).ipynb": "v3",
      "b (new).ipynb": "mine too",
      "b.ipynb": "mine",
    });
  });

  test("a record that is lost or broken costs no work", () => {
    write("originals/notebooks/a.ipynb", "v1");
    start();
    write("notebooks/a.ipynb", "mine");
    for (const broken of ["", "[]", '{"files":[1]}', "\xff{"]) {
      write(".notebox/originals.json", broken);
      start();
      expect(read("notebooks/a.ipynb")).toBe("mine");
      expect(names()).toEqual(["a (new).ipynb", "a.ipynb"]);
    }
  });
});

describe("what the VM may have laid there", () => {
  test("no link leads out of the folder, neither in the place of a file nor of a folder", () => {
    write("outside/secret.ipynb", "secret");
    write("originals/notebooks/a.ipynb", "v1");
    write("originals/notebooks/deep/b.ipynb", "v1");
    fs.mkdirSync(path.join(folder, "notebooks"));
    fs.symlinkSync(path.join(folder, "outside/secret.ipynb"), path.join(folder, "notebooks/a.ipynb"));
    fs.symlinkSync(path.join(folder, "outside"), path.join(folder, "notebooks/deep"));
    fs.symlinkSync(path.join(folder, "outside"), path.join(folder, "originals/notebooks/link"));
    expect(start()).toEqual([
      "originals/notebooks/link is a link and was left out",
      "notebooks/a.ipynb was not copied: there is a link or something else in its place",
      "notebooks/deep/b.ipynb was not copied: there is a link or something else in its place",
    ]);
    expect(names("outside")).toEqual(["secret.ipynb"]);
    expect(read("outside/secret.ipynb")).toBe("secret");
  });

  test("a link in the place of a (new) or of .notebox is not followed either", () => {
    write("outside/x", "secret");
    write("originals/notebooks/a.ipynb", "v1");
    start();
    write("notebooks/a.ipynb", "mine");
    fs.symlinkSync(path.join(folder, "outside/x"), path.join(folder, "notebooks/a (new).ipynb"));
    write("originals/notebooks/a.ipynb", "v2");
    start();
    expect(read("outside/x")).toBe("secret");
    expect(read("notebooks/a (new 2).ipynb")).toBe("v2");
  });

  test("names that Windows cannot have are left out", () => {
    for (const name of ["a:b", "con.txt", "dot.", "back\\slash", "ok"]) write(`originals/notebooks/${name}`, "x");
    start();
    expect(names()).toEqual(["ok"]);
  });

  test("a name at its longest gets a shorter one with (new)", () => {
    const name = `${"ü".repeat(120)}.ipynb`;
    write(`originals/notebooks/${name}`, "v1");
    start();
    write(`notebooks/${name}`, "mine");
    write(`originals/notebooks/${name}`, "v2");
    start();
    expect(names().map((each) => Buffer.byteLength(each) <= 255)).toEqual([true, true]);
    expect(read(`notebooks/${name}`)).toBe("mine");
  });
});

test("over random histories of hand-outs, edits, deletions and kills nothing of a person's is lost", () => {
  const file = fc.constantFrom("a.ipynb", "a (new).ipynb", "A.ipynb", "deep/b.ipynb", "deep/c", "x (new 2).tar.gz");
  const text = fc.constantFrom("1", "2", "3", "4");
  const step = fc.oneof(
    fc.record({ do: fc.constant("original" as const), name: file, text }),
    fc.record({ do: fc.constant("edit" as const), name: file, text: text.map((each) => `mine ${each}`) }),
    fc.record({ do: fc.constant("delete" as const), name: file }),
    fc.record({ do: fc.constant("start" as const) }),
    fc.record({ do: fc.constant("kill" as const), after: fc.integer({ min: 0, max: 8 }) }),
  );
  const histories = fc.sample(fc.array(step, { minLength: 4, maxLength: 16 }), 120);
  // One Ruby for all of them. A kill is a child that ends, without tidying, before its n-th rename or sync.
  const ends = evaluate(
    "originals.rb",
    `
    require "fileutils"
    module Deadly
      def self.left = @left
      def self.left=(count)
        @left = count
      end
      def self.step
        @left -= 1 if @left
        exit!(9) if @left && @left < 0
      end
    end
    File.singleton_class.prepend(Module.new { def rename(*) = (Deadly.step; super) })
    File.prepend(Module.new { def fsync = Deadly.step })
    JSON.parse(${JSON.stringify(JSON.stringify(histories))}).each_with_index.map do |steps, index|
      root = File.join(${JSON.stringify(folder)}, index.to_s)
      FileUtils.mkdir_p(root)
      bring = -> { Notebox::Originals.new(root, %w[notebooks]).bring }
      put = lambda do |top, name, text|
        path = File.join(root, top, "notebooks", name)
        FileUtils.mkdir_p(File.dirname(path))
        File.write(path, text)
      end
      states = (steps + [{ "do" => "start" }]).map do |step|
        case step["do"]
        when "original" then put.call("originals", step["name"], step["text"])
        when "edit" then put.call(".", step["name"], step["text"])
        when "delete" then FileUtils.rm_f(File.join(root, "notebooks", step["name"]))
        when "start" then bring.call
        when "kill"
          Process.wait(fork { Deadly.left = step["after"]; bring.call; exit!(0) })
        end
        base = File.join(root, "notebooks")
        Dir.glob("**/*", base: base).select { |name| File.file?(File.join(base, name)) }
           .map { |name| [name, File.read(File.join(base, name))] }.to_h
      end
      states
    end
    `,
  ) as Record<string, string>[][];
  let killed = 0;
  for (const [index, states] of ends.entries()) {
    const mine = new Map<string, string>();
    // Originals that no start has brought yet; after a kill, what a person does may concern one that was brought.
    const fresh = new Map<string, string>();
    const gone = new Set<string>();
    // What a file may have been given last: the same once more is no new original, whatever became of it since.
    const originals = new Map<string, string>();
    const given = new Map<string, Set<string>>();
    let wasKilled = false;
    for (const [at, state] of states.entries()) {
      const done = histories[index]?.[at] ?? { do: "start" as const };
      if (done.do === "original") {
        originals.set(done.name, done.text);
        if (given.get(done.name)?.has(done.text)) fresh.delete(done.name);
        else fresh.set(done.name, done.text);
      }
      if (done.do === "kill") {
        killed++;
        for (const [name, text] of originals) given.set(name, new Set([...(given.get(name) ?? []), text]));
        wasKilled = true;
      }
      if (done.do === "edit" || done.do === "delete") {
        if (wasKilled) fresh.clear();
        if (done.do === "edit") mine.set(done.name, done.text);
        else mine.delete(done.name);
        if (done.do === "edit") gone.delete(done.name);
        else gone.add(done.name);
      }
      for (const [name, text] of mine) expect({ at, name, text: state[name] }).toEqual({ at, name, text });
      if (done.do !== "start") continue;
      // What was deleted may stay so; every other new original can be found, in its place or beside it.
      for (const [name, text] of fresh)
        if (!gone.has(name)) expect(Object.values(state), `${index}.${at} ${name}`).toContain(text);
      fresh.clear();
      for (const [name, text] of originals) given.set(name, new Set([text]));
      wasKilled = false;
    }
  }
  expect(killed).toBeGreaterThan(50);
});
