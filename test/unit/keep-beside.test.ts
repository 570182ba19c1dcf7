/** The change-over of an upgrade, from wherever it was killed: by notebox and by the Vagrantfile's own Ruby alike. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { finishSwitch, upgradeStep, writeUpgradeStep } from "../../src/keep/beside.ts";

const ruby = path.resolve(import.meta.dirname, "../../templates/vagrant/upgrade.rb");

let folder = "";
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-beside-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const NEW = ".notebox/upgrade/new";
const OLD = ".notebox/upgrade/old";
const put = (place: string, id: string): void => {
  const machine = path.join(folder, place, "machines/default/virtualbox");
  fs.mkdirSync(machine, { recursive: true });
  fs.writeFileSync(path.join(machine, "id"), id);
};
const at = (place: string): string | undefined => {
  const file = path.join(folder, place, "machines/default/virtualbox/id");
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined;
};
const byRuby = (): void => {
  const run = spawnSync("ruby", ["-r", ruby, "-e", "Notebox::Upgrade.finish(ARGV[0])", folder], { encoding: "utf8" });
  expect(run).toMatchObject({ status: 0, stdout: "", stderr: "" });
};

/** What lies where after each rename. */
const MOMENTS: [string, [place: string, id: string][]][] = [
  [
    "before the first rename",
    [
      [".vagrant", "old"],
      [NEW, "new"],
    ],
  ],
  [
    "between the two",
    [
      [OLD, "old"],
      [NEW, "new"],
    ],
  ],
  [
    "between the two, with notes of no VM since",
    [
      [OLD, "old"],
      [NEW, "new"],
      [".vagrant", ""],
    ],
  ],
  [
    "after both",
    [
      [OLD, "old"],
      [".vagrant", "new"],
    ],
  ],
];

describe.each(MOMENTS)("killed %s", (_moment, places) => {
  test.each<[string, () => void | Promise<void>]>([
    ["notebox", async () => await finishSwitch(folder)],
    ["Ruby", byRuby],
    [
      "Ruby, then notebox",
      async () => {
        byRuby();
        await finishSwitch(folder);
      },
    ],
  ])("%s: the new VM is in use, the old one is known", async (_who, finish) => {
    for (const [place, id] of places) put(place, id);
    await writeUpgradeStep(folder, "switching");
    await finish();
    expect([at(".vagrant"), at(OLD), at(NEW)]).toEqual(["new", "old", undefined]);
  });
});

test("before the change-over Ruby touches nothing, whatever the state's file holds", async () => {
  put(".vagrant", "old");
  put(NEW, "new");
  byRuby();
  await writeUpgradeStep(folder, "building");
  byRuby();
  for (const text of ["", "{", "[]", '{"step":"x"}']) {
    fs.writeFileSync(path.join(folder, ".notebox/upgrade/state.json"), text);
    byRuby();
    expect([text, upgradeStep(folder)]).toEqual([text, "building"]);
  }
  expect([at(".vagrant"), at(NEW)]).toEqual(["old", "new"]);
});

test("a third VM, made in between, is not taken for either: nothing is moved or lost", async () => {
  for (const [place, id] of [
    [OLD, "old"],
    [NEW, "new"],
    [".vagrant", "third"],
  ] as const)
    put(place, id);
  await writeUpgradeStep(folder, "switching");
  byRuby();
  await expect(finishSwitch(folder)).rejects.toThrow("a further VM was made");
  expect([at(".vagrant"), at(OLD), at(NEW), upgradeStep(folder)]).toEqual(["third", "old", "new", "switching"]);
});

test("without an upgrade there is no step; a folder without a state is one that was only begun", () => {
  expect(upgradeStep(folder)).toBeUndefined();
  fs.mkdirSync(path.join(folder, ".notebox/upgrade/new"), { recursive: true });
  expect(upgradeStep(folder)).toBe("building");
});
