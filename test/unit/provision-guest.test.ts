/**
 * What runs in the guest, judged by the programs that know it: shellcheck, systemd-analyze and pip's own parser.
 * What a hostile workbench does to it is in provision-values.test.ts; that it works, in the build roots.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KIND_NAMES } from "../../src/services/index.ts";

const PROVISION = path.resolve(import.meta.dirname, "../../provision");

const files = fs
  .readdirSync(PROVISION, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.name.endsWith(".pyc"))
  .map((entry) => path.relative(PROVISION, path.join(entry.parentPath, entry.name)));
const text = (file: string): string => fs.readFileSync(path.join(PROVISION, file), "utf8");
const isShell = (file: string): boolean => file.endsWith(".sh") || text(file).startsWith("#!/bin/bash");

test("shellcheck has nothing to say about any script, without a configuration file", () => {
  const scripts = files.filter(isShell);
  expect(scripts.length).toBeGreaterThan(10);
  const found = spawnSync("shellcheck", ["--norc", "-x", ...scripts], { cwd: PROVISION, encoding: "utf8" });
  expect(found.stdout + found.stderr).toBe("");
  expect(found.status).toBe(0);
});

test("every file has Unix line ends and names no package registry", () => {
  for (const file of files) {
    expect(text(file), file).not.toContain("\r");
    expect(text(file), file).not.toMatch(/pypi|pythonhosted|debian\.org|ubuntu\.com/);
  }
});

test("every kind of service has its step, its unit and the program that starts it", () => {
  for (const kind of KIND_NAMES) {
    expect(files).toContain(`services/${kind}/70-${kind}.sh`);
    expect(files).toContain(`services/${kind}/${kind}@.service`);
  }
});

describe("the base lock", () => {
  const lock = text("locks/base.txt");
  const pins = new Map([...lock.matchAll(/^([a-z0-9-]+)==(\S+)/gm)].map(([, name, version]) => [name, version]));

  test("holds what every workbench has", () => {
    expect(pins.get("jupyter-kernel-gateway")).toBe("3.0.1");
    expect(pins.get("jupyterlab")).toMatch(/^4\./);
    expect(pins.has("ipykernel")).toBe(true);
  });

  test("has a hash for every pin and no option of pip", () => {
    const blocks = lock.split(/^(?=[a-z0-9])/m).slice(1);
    expect(blocks.length).toBeGreaterThan(80);
    for (const block of blocks) {
      expect(block).toMatch(/^[a-z0-9-]+==[0-9][^\s;]*( ; [^\\\n]+)? \\\n( {4}--hash=sha256:[0-9a-f]{64}( \\)?\n)+$/);
    }
  });
});

describe("systemd reads the units without a word", () => {
  // A root that holds the units and stands for the programs that they start.
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-units-"));
  const units = path.join(root, "etc/systemd/system");
  afterAll(() => fs.rmSync(root, { recursive: true, force: true }));
  beforeAll(() => {
    fs.mkdirSync(units, { recursive: true });
    for (const file of files.filter((name) => /\.(service|target)$/.test(name)))
      fs.copyFileSync(path.join(PROVISION, file), path.join(units, path.basename(file)));
    const started = fs.readdirSync(units).flatMap((unit) => {
      const content = fs.readFileSync(path.join(units, unit), "utf8");
      return [...content.matchAll(/^Exec\w+=[-+]*(\/\S+)/gm)].map(([, program = ""]) => program);
    });
    for (const program of started) {
      const place = path.join(root, program);
      fs.mkdirSync(path.dirname(place), { recursive: true });
      fs.writeFileSync(place, "", { mode: 0o755 });
    }
    // The system's own units, which ours are ordered by.
    for (const folder of ["usr/lib/systemd/system", "lib/systemd/system"])
      if (fs.existsSync(`/${folder}`) && !fs.existsSync(path.join(root, "usr/lib/systemd/system"))) {
        fs.mkdirSync(path.join(root, "usr/lib/systemd"), { recursive: true });
        fs.cpSync(`/${folder}`, path.join(root, "usr/lib/systemd/system"), { recursive: true, verbatimSymlinks: true });
      }
  });

  // It exits with 0 on keys that it does not know: only what it prints tells.
  const verify = (...names: string[]): string => {
    const ours = new RegExp(["notebox", "gateway", ...KIND_NAMES].join("|"));
    const said = spawnSync("systemd-analyze", ["verify", "--man=no", `--root=${root}`, ...names], { encoding: "utf8" });
    return (said.stdout + said.stderr)
      .split("\n")
      .filter((line) => ours.test(line))
      .join("\n");
  };

  test.each(["a", "jupyter", "marks-2", `x${"-y".repeat(19)}z`])("for a service named %s", (name) => {
    expect(verify(...KIND_NAMES.map((kind) => `${kind}@${name}.service`), "notebox.target")).toBe("");
  });

  test("and it would have said so", () => {
    fs.appendFileSync(path.join(units, "notebox-tokens.service"), "Nonsense=yes\n");
    expect(verify("notebox-tokens.service")).toContain("Nonsense");
  });
});
