/**
 * When Start changes over to a new VM, and what it makes of a change-over that was broken off: the real Ruby, with a
 * machine that notes what is done to it. The whole way with a VM is a counted trial (test/vm/change-over-trial.ts).
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { evaluate } from "./render-ruby.ts";

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-change-over-"));
  write("originals/notebooks/a.ipynb", "{}");
  write(".notebox/rendered.json", '{"files":{}}');
  machine("old");
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): void {
  fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  fs.writeFileSync(path.join(folder, name), text);
}
const there = (name: string): boolean => fs.existsSync(path.join(folder, name));

/** Vagrant's notes about a VM. */
function machine(id: string, place = ".vagrant", box = { name: "lab/tiny", version: "1.2.0" }): void {
  write(`${place}/machines/default/virtualbox/id`, id);
  write(`${place}/machines/default/virtualbox/box_meta`, JSON.stringify(box));
}

/** What `run` does beyond looking is noted, as are deletions; gives back the notes. */
function start(
  box: { name?: string; version?: string | null } = {},
  env: NodeJS.ProcessEnv = {},
  more = 'change.define_singleton_method(:fetch_box) { done << "changes over"; false }',
): string[] {
  const { name = "lab/tiny", version = "= 1.2.0" } = box;
  const code = `
done = []
$held = false
Env = Struct.new(:root_path)
notes = Struct.new(:path) { def join(name) = Pathname.new(File.join(path, name)) }
machine = Struct.new(:env, :id, :data_dir, :provider_name, :config, :ui, :name)
ui = Object.new
ui.define_singleton_method(:info) { |line| done << line }
ui.define_singleton_method(:detail) { |line| nil }
vm = Struct.new(:provisioners).new(["set up"])
config = Struct.new(:vm).new(vm)
here = ${JSON.stringify(path.join(folder, ".vagrant/machines/default/virtualbox"))}
id = File.file?(File.join(here, "id")) ? File.read(File.join(here, "id")) : nil
one = machine.new(Env.new(${JSON.stringify(folder)}), id, notes.new(here), :virtualbox, config, ui, :default)
Notebox::Upgrade.finish(${JSON.stringify(folder)})
change = Notebox::ChangeOver.new(one, { box: { name: ${JSON.stringify(name)}, version: ${JSON.stringify(version).replace("null", "nil")} }, name: "lab", title: "Lab", services: {} })
change.define_singleton_method(:delete) { |which| done << "deleted #{which}"; raise Notebox::Failure, "held" if $held }
${more}
if ENV["NOTEBOX_LAUNCHER"] == "start" then change.run else Notebox::ChangeOver.run(one, {}) end
done << "not set up" if vm.provisioners.empty?
done`;
  return evaluate("launcher.rb", `require "pathname"\n${code}`, { NOTEBOX_LAUNCHER: "start", ...env }) as string[];
}

describe("whether", () => {
  test.each<[string, string[], { name?: string; version?: string | null }]>([
    ["the same box", [], {}],
    ["any version", [], { version: null }],
    ["a range that it is in", [], { version: ">= 1.0, < 2" }],
    ["a newer version", ["changes over"], { version: "= 1.3.0" }],
    ["a range that it is not in", ["changes over"], { version: ">= 1.3, < 2" }],
    ["another box", ["changes over"], { name: "lab/other", version: null }],
    ["a version that nobody understands", [], { version: "newest" }],
  ])("%s", (_, done, box) => expect(start(box)).toEqual(done));

  test("not in a folder that is no hand-out, not without a VM, and not by vagrant alone", () => {
    expect(start({ version: "= 2" }, { NOTEBOX_LAUNCHER: "" })).toEqual([]);
    fs.rmSync(path.join(folder, "originals"), { recursive: true });
    expect(start({ version: "= 2" })).toEqual([]);
    write("originals/notebooks/a.ipynb", "{}");
    fs.rmSync(path.join(folder, ".vagrant"), { recursive: true });
    expect(start({ version: "= 2" })).toEqual([]);
  });

  test("not again with the hand-out that failed; with the next one", () => {
    const hash = evaluate(
      "versions.rb",
      `Notebox::Versions.hash_of(${JSON.stringify(path.join(folder, ".notebox/rendered.json"))})`,
    );
    write(".notebox/not-changed-over", `${hash}\n`);
    expect(start({ version: "= 2" })).toEqual([expect.stringContaining("the old one is used as it was"), "not set up"]);
    write(".notebox/rendered.json", '{"files":{"a":"b"}}');
    expect(start({ version: "= 2" })).toEqual(["changes over"]);
  });
});

describe("broken off", () => {
  const state = (step: string): void => write(".notebox/upgrade/state.json", JSON.stringify({ version: 1, step }));
  const inUse = (): string => fs.readFileSync(path.join(folder, ".vagrant/machines/default/virtualbox/id"), "utf8");

  test("before the change-over: the new VM goes", () => {
    state("building");
    machine("new", ".notebox/upgrade/new");
    write(".notebox/upgrade/saved/home.tar.gz", "work");
    expect(start()).toEqual(["deleted new"]);
    expect([inUse(), there(".notebox/upgrade")]).toEqual(["old", false]);
  });

  test.each([
    ["before the first rename", () => machine("new", ".notebox/upgrade/new")],
    [
      "between the two",
      () => {
        machine("new", ".notebox/upgrade/new");
        fs.mkdirSync(path.join(folder, ".notebox/upgrade/old"));
        fs.renameSync(path.join(folder, ".vagrant/machines"), path.join(folder, ".notebox/upgrade/old/machines"));
      },
    ],
  ])("while it changed over, %s: the new VM is in use, the old one goes", (_, arrange) => {
    state("switching");
    arrange();
    expect(start()).toEqual(["deleted old"]);
    expect([inUse(), there(".notebox/upgrade")]).toEqual(["new", false]);
  });

  test("by a new VM that cannot be set up: the step at which it failed is told, with the code for IT", () => {
    const failing = `
launcher = Notebox::Launcher.allocate
launcher.instance_variable_set(:@log, Struct.new(:text).new("notebox: failed: Python packages: pip found no such package"))
Notebox::ChangeOver.interpreter = launcher.method(:interpret)
change.define_singleton_method(:fetch_box) { true }
change.define_singleton_method(:save) { true }
change.define_singleton_method(:beside) { |_| raise "The SSH command responded with a non-zero exit status. Vagrant" }`;
    expect(start({ version: "= 2" }, {}, failing)).toContainEqual(
      expect.stringMatching(
        /did not become well \(Setting up the virtual machine failed at “Python packages”, NB-V16\), so the old one is used/,
      ),
    );
  });

  test("by a new VM that does not become well: it goes, and what cannot be deleted yet stays noted", () => {
    const failing = (held: boolean): string => `$held = ${held}
change.define_singleton_method(:fetch_box) { true }
change.define_singleton_method(:save) { true }
change.define_singleton_method(:beside) { |_| raise Notebox::Failure, "no room" }`;
    const told = [
      expect.stringContaining("did not become well (no room), so the old one is used as it was"),
      "not set up",
    ];
    machine("new", ".notebox/upgrade/new");
    const held = start({ version: "= 2" }, {}, failing(true));
    // The first deletion is of what was there before; it cannot be made, so nothing is begun.
    expect(held).toEqual(["deleted new", expect.stringContaining("could not be deleted yet: held")]);
    expect(there(".notebox/upgrade/new/machines")).toBe(true);
    fs.rmSync(path.join(folder, ".notebox/upgrade"), { recursive: true });
    const later = start({ version: "= 2" }, {}, failing(true));
    expect(later).toEqual([
      expect.stringContaining("It is made for another box"),
      "deleted new",
      expect.stringContaining("could not be deleted yet: held"),
      ...told,
    ]);
    expect([there(".notebox/upgrade/state.json"), inUse()]).toEqual([true, "old"]);
    fs.rmSync(path.join(folder, ".notebox/not-changed-over"));
    expect(start({ version: "= 2" }, {}, failing(false)).slice(-2)).toEqual(told);
    expect(there(".notebox/upgrade")).toBe(false);
  });

  test("on a disk that is full the old one starts all the same", () => {
    const full = (atOnce: boolean): string => `
change.define_singleton_method(:fetch_box) { true }
change.define_singleton_method(:beside) { |_| raise Notebox::Failure, "no room" }
change.define_singleton_method(:save) { true }
${atOnce ? "Notebox::Upgrade.singleton_class.send(:remove_method, :note)" : ""}
${atOnce ? "Notebox::Upgrade.define_singleton_method(:note) { |*_| raise Errno::ENOSPC }" : ""}
class << File; def write(*) = raise(Errno::ENOSPC); end`;
    expect(start({ version: "= 2" }, {}, full(false))).toEqual([
      expect.stringContaining("It is made for another box"),
      "deleted new",
      expect.stringContaining("did not become well (no room), so the old one is used as it was"),
      "not set up",
    ]);
    expect(start({ version: "= 2" }, {}, full(true)).at(-1)).toMatch(
      /cannot be begun \(No space left on device\), so the old one stays as it is/,
    );
  });

  test("one of notebox's is left to it", () => {
    state("building");
    machine("new", ".notebox/upgrade/new");
    write(".notebox/upgrade/bundle/Vagrantfile", "");
    expect(start({ version: "= 2" })).toEqual([]);
    expect(there(".notebox/upgrade/new/machines")).toBe(true);
  });
});
