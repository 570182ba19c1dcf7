/** The launchers with the real Vagrant, as far as it goes without a VM: what it ends with, and that it is told once. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Lab, VAGRANTS } from "./render-lab.ts";

let lab: Lab;
beforeAll(async () => {
  lab = new Lab();
  await lab.renderExample("hello");
});
afterAll(() => lab.close());

describe.each(VAGRANTS)("with %s", (vagrant) => {
  const programs = (): string => path.join(lab.around, "bin");

  beforeEach(() => {
    const found = spawnSync("sh", ["-c", `command -v ${vagrant}`], { encoding: "utf8" }).stdout.trim();
    fs.rmSync(path.join(programs(), "vagrant"), { force: true });
    fs.symlinkSync(found, path.join(programs(), "vagrant"));
  });

  function click(file: string, input = ""): { code: number | null; text: string } {
    const { HOME = "/", LANG = "C.UTF-8" } = process.env;
    const own = { VAGRANT_HOME: path.join(lab.around, "home"), VAGRANT_CHECKPOINT_DISABLE: "1" };
    const env = { PATH: `${programs()}:/usr/bin:/bin`, HOME, LANG, ...own, VAGRANT_DEFAULT_PROVIDER: "virtualbox" };
    const run = spawnSync(path.join(lab.folder, file), { cwd: "/", env, input, encoding: "utf8" });
    return { code: run.status, text: run.stdout + run.stderr };
  }

  test("Start without a share that answers says so once, with its code, and ends with it", () => {
    const run = click("Start.sh");
    expect(run.code, run.text).toBe(5);
    expect(run.text).toContain("1 of 5: ");
    expect(run.text).toContain("\nThe share with the workbench's box cannot be reached from this computer.\n");
    expect(run.text.match(/Code for IT: .*/g)).toEqual(["Code for IT: NB-D16"]);
    expect(fs.existsSync(/^Log: (.*)$/m.exec(run.text)?.[1] ?? "")).toBe(true);
    expect(fs.existsSync(path.join(lab.folder, ".notebox/up.lock"))).toBe(false);
  });

  test("Check names what failed and ends with 8", () => {
    const run = click("Check.sh");
    expect(run.code, run.text).toBe(8);
    expect(run.text).toMatch(/^failed +NB-D16 /m);
    expect(run.text).toMatch(/^ok +NB-D02 /m);
  });

  test("Status, Stop and Reset of a machine that is not there are no fault", () => {
    expect(click("Status.sh")).toEqual({ code: 0, text: expect.stringContaining("not created") });
    expect(click("Stop.sh").code).toBe(0);
    expect(click("Reset.sh", "yes\n").code).toBe(0);
  });

  test("a Vagrantfile that is broken is told by the launcher", () => {
    const file = path.join(lab.folder, "Vagrantfile");
    const whole = fs.readFileSync(file, "utf8");
    fs.writeFileSync(file, "this is no Ruby (");
    const run = click("Status.sh");
    fs.writeFileSync(file, whole);
    expect(run.code, run.text).toBe(7);
    expect(run.text.match(/Code for IT: .*/g)).toEqual(["Code for IT: NB-V99"]);
  });
});
