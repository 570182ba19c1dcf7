// What the documentation says must hold: links lead somewhere, the examples are valid, every exit code is told.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { EXIT_CODES } from "../../src/errors.ts";

const root = path.resolve(import.meta.dirname, "../..");
const read = (file: string) => fs.readFileSync(path.join(root, file), "utf8");
const pages = [
  "README.md",
  "CHANGELOG.md",
  ...fs.readdirSync(path.join(root, "docs")).map((name) => `docs/${name}`),
].filter((file) => file.endsWith(".md"));

const HEAD = "version: 1\nname: docs\nbox: { name: notebox/debian-13, shares: [/srv/boxes] }\n";

/** One service of each kind, with what gives it all of its checks. */
const SERVICES = `services:
  jupyter: { check: notebooks/explore.ipynb }
  marks: { kind: kernel-gateway, notebook: api/marks.ipynb }
  home: {}
  openrefine: {}
  desktop: {}
  postgres: {}
  mongodb: {}
`;

const notebox = (...args: string[]) =>
  spawnSync(process.execPath, [path.join(root, "dist/notebox.cjs"), ...args], { encoding: "utf8" });

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

/** The workbenches of the pages, whole or in part; adding-a-service.md's is tested with the kind that it adds. */
const examples = pages
  .filter((page) => page !== "docs/adding-a-service.md")
  .flatMap((page) =>
    [...read(page).matchAll(/```yaml\n([\s\S]*?)```/g)].map((match, at) => ({
      page,
      at: at + 1,
      yaml: match[1] ?? "",
    })),
  );

test.each(examples)("the workbench $at of $page is valid", ({ yaml }) => {
  const service = `services:\n  jupyter: {}\n${yaml.replace(/^/gm, "  ")}`;
  const whole = yaml.startsWith("version:") ? yaml : `${HEAD}${/^services:/m.test(yaml) ? yaml : service}`;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-docs-"));
  try {
    fs.cpSync(path.join(root, "examples/api/api"), path.join(folder, "api"), { recursive: true });
    fs.mkdirSync(path.join(folder, "data"));
    fs.writeFileSync(path.join(folder, "mongodb.asc"), "");
    fs.writeFileSync(path.join(folder, "workbench.yaml"), whole.replace('sha256: "…"', `sha256: "${"0".repeat(64)}"`));
    expect(notebox("-C", folder, "validate")).toMatchObject({ status: 0, stderr: "" });
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

test("docs/errors.md tells every check that verify has, and no other", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-docs-"));
  try {
    fs.cpSync(path.join(root, "examples/api"), folder, { recursive: true });
    fs.writeFileSync(path.join(folder, "workbench.yaml"), `${HEAD}machine: { memory: 8 GiB }\n${SERVICES}`);
    const { checks } = JSON.parse(notebox("-C", folder, "verify", "--json").stdout).result;
    const ids = checks.map(({ id }: { id: string }) => id.replace(/\..*/, ".NAME"));
    const table = /## What verify checks([\s\S]*?)\n\n`/.exec(read("docs/errors.md"))?.[1] ?? "";
    const told = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap((row) => [...(row[1] ?? "").matchAll(/`(.*?)`/g)]);
    expect(told.map((match) => match[1]).sort()).toEqual([...new Set(ids)].sort());
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

test("every command that the README and the pages name exists", () => {
  const help = notebox("--help").stdout;
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
