// What the documentation says must hold: links lead somewhere, the examples are valid, every exit code is told.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { EXIT_CODES } from "../../src/errors.ts";

const root = path.resolve(import.meta.dirname, "../..");
const read = (file: string) => fs.readFileSync(path.join(root, file), "utf8");
const pages = [
  "README.md",
  "CHANGELOG.md",
  ...fs.readdirSync(path.join(root, "docs")).map((name) => `docs/${name}`),
].filter((file) => file.endsWith(".md"));

test("the README has at most 200 lines", () => {
  expect(read("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(200);
});

test.each(pages)("%s: every link to a file of ours leads to one", (page) => {
  const links = [...read(page).matchAll(/\]\(([^)#]+)[^)]*\)/g)].map((match) => match[1] ?? "");
  // docs/trials.md and docs/bench.md are written by the tests and measurements themselves.
  const ours = links.filter((link) => !/^https?:/.test(link) && !/docs\/(trials|bench)\.md$/.test(link));
  expect(ours.filter((link) => !fs.existsSync(path.join(root, path.dirname(page), link)))).toEqual([]);
});

test("docs/errors.md tells every exit code with its meaning", () => {
  const rows = new Map(
    [...read("docs/errors.md").matchAll(/^\| (\d+) \| `([a-z-]+)` \|/gm)].map((m) => [m[2], Number(m[1])]),
  );
  expect(Object.fromEntries(rows)).toEqual(EXIT_CODES);
});

describe.each(["README.md", "docs/teachers.md"])("the workbench in %s", (page) => {
  test("is valid", () => {
    const yaml = /```yaml\n([\s\S]*?)```/.exec(read(page))?.[1] ?? "";
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-docs-"));
    try {
      fs.cpSync(path.join(root, "examples/api/api"), path.join(folder, "api"), { recursive: true });
      fs.mkdirSync(path.join(folder, "data"));
      fs.writeFileSync(path.join(folder, "workbench.yaml"), yaml);
      const run = spawnSync(process.execPath, [path.join(root, "dist/notebox.cjs"), "-C", folder, "validate"], {
        encoding: "utf8",
      });
      expect(run).toMatchObject({ status: 0 });
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
});

test("every command that the README and the pages name exists", () => {
  const help = spawnSync(process.execPath, [path.join(root, "dist/notebox.cjs"), "--help"], {
    encoding: "utf8",
  }).stdout;
  const known = new Set([...help.matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1]));
  const named = pages.flatMap((page) => [...read(page).matchAll(/notebox ([a-z]+)\b/g)].map((match) => match[1] ?? ""));
  const verbs = named.filter((word) =>
    /^(init|validate|render|up|down|destroy|status|ssh|logs|open|verify|box|config|doctor|api|backup|restore|upgrade|report)$/.test(
      word,
    ),
  );
  expect(verbs.filter((verb) => !known.has(verb))).toEqual([]);
  expect(verbs.length).toBeGreaterThan(20);
});
