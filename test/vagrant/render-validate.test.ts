/** Every rendered example before the judges of its languages: vagrant validate, ruby -wc, shellcheck. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Lab, ROOT, VAGRANTS } from "./render-lab.ts";

let lab: Lab;
beforeEach(() => {
  lab = new Lab();
});
afterEach(() => lab.close());

const EXAMPLES = fs
  .readdirSync(path.join(ROOT, "examples"))
  .filter((name) => fs.existsSync(path.join(ROOT, "examples", name, "workbench.yaml")));

describe.each(EXAMPLES)("the example %s", (example) => {
  test("is accepted by every Vagrant, without a word more", async () => {
    await lab.renderExample(example);
    for (const vagrant of VAGRANTS) {
      const run = await lab.vagrant(vagrant, ["validate"]);
      expect([vagrant, run.text.trim(), run.code]).toEqual([vagrant, "Vagrantfile validated successfully.", 0]);
    }
  });

  test("gives ruby -wc nothing to warn of", async () => {
    await lab.renderExample(example);
    expect(fs.readdirSync(path.join(lab.folder, "vagrant")).sort()).toEqual(["faults.json", "notebox.rb"]);
    for (const file of ["Vagrantfile", "vagrant/notebox.rb"]) {
      const run = spawnSync("ruby", ["-wc", file], { cwd: lab.folder, encoding: "utf8" });
      expect([file, run.stderr, run.status]).toEqual([file, "", 0]);
    }
  });

  test("gives shellcheck nothing to say", async () => {
    await lab.renderExample(example);
    const names = fs.readdirSync(lab.folder, { recursive: true, encoding: "utf8" });
    const scripts = names.filter((name) => {
      const file = path.join(lab.folder, name);
      return fs.statSync(file).isFile() && /^#!.*\b(?:ba)?sh\b/.test(fs.readFileSync(file, "latin1").slice(0, 60));
    });
    expect(scripts).toEqual(expect.arrayContaining(["Start.sh", "Start.command", "provision/run.sh"]));
    const run = spawnSync("shellcheck", ["--norc", "-x", ...scripts], { cwd: lab.folder, encoding: "utf8" });
    expect([run.stdout, run.stderr, run.status]).toEqual(["", "", 0]);
  });
});

test("a folder that is a link is not shared with a VM", async () => {
  await lab.renderExample("hello");
  fs.rmSync(path.join(lab.folder, "notebooks"), { recursive: true });
  fs.symlinkSync("/", path.join(lab.folder, "notebooks"));
  const run = await lab.vagrant("vagrant", ["up", "--provider", "virtualbox"]);
  expect(run.code).toBe(1);
  expect(run.text).toMatch(/notebooks is a link\. The VM gets real folders only/);
});
