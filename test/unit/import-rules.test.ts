/**
 * Proves that the import rules in biome.rooms.json bite: each offending file below is written into a copy of the
 * tree and must be reported, by the real biome, for the line that breaks the rule and for no other.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const ROOMS = [
  "workbench",
  "services",
  "bundle",
  "boxes",
  "vagrant",
  "notebooks",
  "jupyter",
  "checks",
  "keep",
  "import",
];

interface Case {
  file: string;
  line: string;
  /** The rule that must report the line; undefined when the line is fine. */
  rule: string | undefined;
}

const bad = (file: string, line: string, rule = "noRestrictedImports"): Case => ({ file, line, rule });
const good = (file: string, line: string): Case => ({ file, line, rule: undefined });
const use = (from: string): string => `export * from "${from}";`;

const cases: Case[] = [
  // Nobody below cli reaches up, and nobody but main reaches the adapters.
  ...ROOMS.flatMap((room) => [
    bad(`src/${room}/a.ts`, use("../commands/up.ts")),
    bad(`src/${room}/a.ts`, use("../cli/invoke.ts")),
    bad(`src/${room}/a.ts`, use("../adapters/got.ts")),
    bad(`src/${room}/deep/a.ts`, use("../../adapters/got.ts")),
    bad(`src/${room}/a.ts`, 'import type { x } from "../commands/up.ts";'),
    bad(`src/${room}/a.ts`, 'export const x = await import("../commands/up.ts");'),
    bad(`src/${room}/a.ts`, use("../main.ts")),
    bad(`src/${room}/a.ts`, use("got")),
    bad(`src/${room}/a.ts`, use("node:child_process")),
    bad(`src/${room}/a.ts`, use("node:process")),
    bad(`src/${room}/a.ts`, 'console.log("x");', "noConsole"),
    bad(`src/${room}/a.ts`, "export const x = process.env;", "noRestrictedGlobals"),
    bad(`src/${room}/a.ts`, 'export const x = fetch("x");', "noRestrictedGlobals"),
    bad(`src/${room}/a.ts`, 'export const x = require("node:child_process");', "noCommonJs"),
    good(`src/${room}/a.ts`, use("../errors.ts")),
    good(`src/${room}/a.ts`, use("../ports.ts")),
    good(`src/${room}/a.ts`, use("./b.ts")),
    good(`src/${room}/deep/a.ts`, use("../b.ts")),
    good(`src/${room}/a.ts`, use("node:path")),
    good("src/commands/a.ts", use(`../${room}/b.ts`)),
    bad("src/cli/a.ts", use(`../${room}/b.ts`)),
    bad("src/adapters/a.ts", use(`../${room}/b.ts`)),
  ]),
  bad("src/commands/a.ts", use("../cli/invoke.ts")),
  bad("src/commands/a.ts", use("../adapters/got.ts")),
  bad("src/commands/a.ts", use("commander")),
  bad("src/commands/a.ts", "process.exit(1);", "noRestrictedGlobals"),
  good("src/commands/a.ts", use("./b.ts")),
  good("src/cli/text/a.ts", use("../../commands/up.ts")),
  good("src/cli/a.ts", use("commander")),
  good("src/cli/a.ts", 'console.log("x", process.argv);'),
  bad("src/cli/text/a.ts", use("../../adapters/got.ts")),
  bad("src/main.ts", use("./commands/up.ts")),
  bad("src/main.ts", use("execa")),
  good("src/main.ts", use("./adapters/execa.ts")),
  bad("src/errors.ts", use("./ports.ts")),
  bad("src/ports.ts", use("zod")),

  // Who may lean on whom among the rooms.
  bad("src/notebooks/a.ts", use("../workbench/b.ts")),
  bad("src/workbench/a.ts", use("../bundle/b.ts")),
  bad("src/workbench/a.ts", use("../checks/b.ts")),
  good("src/services/kinds/a.ts", use("../../checks/b.ts")),
  bad("src/services/kinds/a.ts", use("../../vagrant/b.ts")),
  bad("src/boxes/a.ts", use("../vagrant/b.ts")),
  bad("src/jupyter/a.ts", use("../checks/b.ts")),
  bad("src/bundle/a.ts", use("../checks/b.ts")),
  bad("src/import/a.ts", use("../bundle/b.ts")),
  good("src/import/a.ts", use("../services/b.ts")),
  good("src/import/a.ts", use("yaml")),
  good("src/bundle/a.ts", use("../workbench/b.ts")),
  good("src/checks/a.ts", use("../jupyter/b.ts")),

  // A third-party package is at home in one room; an adapter has one package.
  good("src/workbench/a.ts", use("yaml")),
  bad("src/bundle/a.ts", use("yaml")),
  good("src/bundle/a.ts", use("handlebars")),
  bad("src/workbench/a.ts", use("handlebars")),
  good("src/bundle/a.ts", use("fflate")),
  bad("src/boxes/a.ts", use("zod")),
  bad("src/boxes/fetch/a.ts", use("../../vagrant/client.ts")),
  good("src/boxes/install/a.ts", use("../inspect/ovf.ts")),
  good("src/vagrant/a.ts", use("ssh-config")),
  bad("src/vagrant/a.ts", use("execa")),
  good("src/adapters/execa.ts", use("execa")),
  bad("src/adapters/execa.ts", use("got")),
  bad("src/adapters/got.ts", use("ws")),
  bad("src/adapters/clock.ts", use("execa")),
  bad("src/adapters/clack.ts", use("listr2")),
  good("src/adapters/clack.ts", use("@clack/prompts")),
  good("src/adapters/clock.ts", use("node:child_process")),

  // Cycles, inside a room too.
  bad("src/checks/ring-1.ts", 'export { b } from "./ring-2.ts"; export const a = 1;', "noImportCycles"),
  bad("src/checks/ring-2.ts", 'export { a } from "./ring-1.ts"; export const b = 1;', "noImportCycles"),
];

let copy = "";
let reported: Set<string>;

interface Placed extends Case {
  /** Folder and file of its own, relative to the copy. */
  tree: string;
  at: string;
}

// Most cases share one tree under names of their own. Where a rule looks at the file's name, a case that wants a
// name that is taken goes into a further tree.
const taken = new Set<string>();
const placed: Placed[] = cases.map((one, index) => {
  const keepsName = /^src\/(main|errors|ports)\.ts$|^src\/adapters\/|ring-/.test(one.file);
  const at = keepsName ? one.file : path.posix.join(path.posix.dirname(one.file), `case-${index}.ts`);
  let tree = 0;
  while (taken.has(`tree-${tree} ${at}`)) tree += 1;
  taken.add(`tree-${tree} ${at}`);
  return { ...one, tree: `tree-${tree}`, at };
});

beforeAll(() => {
  copy = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-rules-"));
  for (const one of placed) {
    const file = path.join(copy, one.tree, one.at);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, `${one.line}\n`);
  }
  reported = new Set(fs.readdirSync(copy).flatMap(lint));
});

/** Lints one tree and returns `tree file rule` for every diagnostic. */
function lint(tree: string): string[] {
  const config = JSON.parse(fs.readFileSync(path.join(root, "biome.json"), "utf8"));
  // A temporary folder is no git checkout.
  fs.writeFileSync(path.join(copy, tree, "biome.json"), JSON.stringify({ ...config, vcs: {}, $schema: undefined }));
  fs.copyFileSync(path.join(root, "biome.rooms.json"), path.join(copy, tree, "biome.rooms.json"));
  const biome = path.join(root, "node_modules/.bin/biome");
  const options = { cwd: path.join(copy, tree), encoding: "utf8", maxBuffer: 64 << 20 } as const;
  const run = spawnSync(biome, ["lint", "--reporter=github", "--max-diagnostics=none", "."], options);
  const found = run.stdout.matchAll(/title=lint\/\w+\/(\w+),file=([^,]+),/g);
  return [...found].map(
    ([, rule, file]) => `${tree} ${path.relative(options.cwd, path.resolve(options.cwd, file ?? ""))} ${rule}`,
  );
}

afterAll(() => fs.rmSync(copy, { recursive: true, force: true }));

describe("import rules", () => {
  test("biome found something at all", () => {
    expect(reported.size).toBeGreaterThan(50);
  });

  test.each(placed)("$file: $line", ({ tree, at, rule }) => {
    const ours = /noRestricted|noConsole|noCommonJs|noImportCycles/;
    const rules = [...reported]
      .filter((entry) => entry.startsWith(`${tree} ${at} `))
      .map((entry) => entry.split(" ").at(-1) ?? "")
      .filter((name) => ours.test(name));
    expect(rules).toEqual(rule === undefined ? [] : [rule]);
  });
});
