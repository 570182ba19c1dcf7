/** `init` as people and scripts run it: what it writes, what it refuses, and that what it writes is sound. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadWorkbench } from "../../src/workbench/load.ts";

const root = path.resolve(import.meta.dirname, "../..");
const program = path.join(root, "dist", "notebox.cjs");
let folder: string;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-init-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function notebox(...args: string[]) {
  const options = { cwd: folder, encoding: "utf8", input: "" } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], options);
  return { status, stdout, stderr };
}

const tree = (name: string): string[] =>
  fs
    .readdirSync(path.join(folder, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(path.join(folder, name), path.join(entry.parentPath, entry.name)))
    .sort();

test.each([
  ["hello", "api/hello.ipynb", "notebooks/welcome.ipynb"],
  ["api", "api/marks.ipynb", "notebooks/explore.ipynb"],
])("--template %s writes a sound workbench", async (template, api, notebook) => {
  const { status, stdout, stderr } = notebox(
    "init",
    `from-${template}`,
    "--template",
    template,
    "--share",
    "//files/boxes",
  );
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(stdout).toContain("up");
  const files = [".gitignore", ".notebox/workbench.schema.json", api, notebook, "workbench.yaml"];
  expect(tree(`from-${template}`)).toEqual(files);
  const workbench = await loadWorkbench(path.join(folder, `from-${template}`));
  expect(workbench).toMatchObject({
    name: `from-${template}`,
    title: `From ${template}`,
    box: { name: "notebox/debian-13", shares: ["//files/boxes"], registry: false },
  });
  const text = fs.readFileSync(workbench.file, "utf8");
  expect(text.split("\n")[0]).toBe("# yaml-language-server: $schema=./.notebox/workbench.schema.json");
  expect(text).toContain("# for people");
});

test("--template tm351: four services in at most 25 lines, a notebook that tries them, and what is missing is said", async () => {
  const { status, stdout } = notebox("init", "course", "--template", "tm351", "--share", "//files/boxes");
  expect([status, stdout]).toEqual([0, expect.stringMatching(/Before it can start, mongodb: .*source[\s\S]*Next: /)]);
  const workbench = await loadWorkbench(path.join(folder, "course"), { lint: true });
  expect(workbench.services.map(({ kind }) => kind)).toEqual(["jupyter", "openrefine", "postgres", "mongodb"]);
  expect(workbench.services[0]).toMatchObject({ check: "notebooks/install-test.ipynb" });
  expect(fs.readFileSync(workbench.file, "utf8").trim().split("\n").length).toBeLessThanOrEqual(25);
  // Python reads every cell of it; that they run is a counted trial (test/vm/template-trials.ts).
  const notebook = path.join(folder, "course/notebooks/install-test.ipynb");
  const cells =
    "[compile(''.join(c['source']), 'cell', 'exec') for c in json.load(open(sys.argv[1]))['cells'] if c['cell_type'] == 'code']";
  const read = spawnSync("python3", ["-c", `import json, sys; print(len(${cells}))`, notebook], { encoding: "utf8" });
  expect([read.stdout, read.stderr]).toEqual(["6\n", ""]);
});

test("without a share a public box is taken, and the day is named on which that ends", async () => {
  const { status, stdout } = notebox("init", "public");
  expect(status).toBe(0);
  expect(stdout).toContain("2027-06-07");
  const { box } = await loadWorkbench(path.join(folder, "public"));
  expect(box).toMatchObject({ name: "bento/ubuntu-24.04", shares: [], registry: true });
  expect(box.version).toMatch(/^\d/);
});

test("what comes next is told as it is typed from here", () => {
  expect(notebox("init", "there").stdout).toMatch(/\nNext: notebox -C there up\n$/);
  expect(notebox("init", "two words").stdout).toMatch(/\nNext: notebox -C "two words" up\n$/);
  const cwd = path.join(folder, "inside");
  fs.mkdirSync(cwd);
  const { stdout } = spawnSync(process.execPath, [program, "init"], { cwd, encoding: "utf8" });
  expect(stdout).toMatch(/\nNext: notebox up\n$/);
});

test("every answer is a flag, doors keep their order, a folder's name is made fit", async () => {
  const title = 'Ä: "quoted" #{x} $(id) \u202e';
  const doors = ["--share", "https://boxes.example.edu/", "--share", "/srv/my boxes"];
  const args = ["init", "Größe 2", "--title", title, ...doors, "--template", "hello"];
  const { status, stdout } = notebox(...args, "--json");
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, command: "init", result: { name: "grosse-2", title } });
  const workbench = await loadWorkbench(path.join(folder, "Größe 2"));
  expect(workbench.title).toBe(title);
  expect(workbench.box.shares).toEqual(["https://boxes.example.edu/", "/srv/my boxes"]);
  expect(notebox("init", "named", "--name", "other-name").status).toBe(0);
  expect((await loadWorkbench(path.join(folder, "named"))).name).toBe("other-name");
});

test("a share written ./like/this is the folder there", async () => {
  expect(notebox("init", "near", "--share", "./boxes").status).toBe(0);
  const { box } = await loadWorkbench(path.join(folder, "near"));
  expect(box.shares).toEqual([path.join(fs.realpathSync(folder), "boxes")]);
});

test("-C and no folder: the workbench is written right there", () => {
  fs.mkdirSync(path.join(folder, "here"));
  fs.writeFileSync(path.join(folder, "here", "other.txt"), "mine");
  expect(notebox("-C", path.join(folder, "here"), "init").status).toBe(0);
  expect(tree("here")).toContain("other.txt");
  expect(tree("here")).toContain("workbench.yaml");
});

test("a folder's name with spaces around it makes a title without them", () => {
  expect(notebox("init", " Week 3 ", "--template", "hello").status).toBe(0);
  expect(fs.readFileSync(path.join(folder, " Week 3 ", "workbench.yaml"), "utf8")).toContain("title: Week 3 #");
});

test("unfit answers: exit 2, all at once, nothing written", () => {
  const { status, stderr } = notebox(
    "init",
    "unfit",
    "--name",
    "A b",
    "--title",
    " ",
    "--share",
    "https://me:geheim@x/",
  );
  expect(status).toBe(2);
  for (const words of ["--name", "Did you mean a-b?", "--title", "--share"]) expect(stderr).toContain(words);
  expect(stderr).not.toContain("geheim");
  expect(fs.existsSync(path.join(folder, "unfit"))).toBe(false);
  expect(notebox("init", "unfit", "--template", "nothing").status).toBe(2);
  expect(fs.existsSync(path.join(folder, "unfit"))).toBe(false);
});

test("a workbench that is there: exit 10; with --force the author's notebooks are kept", async () => {
  expect(notebox("init", "twice", "--share", "/srv/a").status).toBe(0);
  const mine = path.join(folder, "twice", "api", "hello.ipynb");
  fs.writeFileSync(mine, "mine");
  fs.rmSync(path.join(folder, "twice", "notebooks", "welcome.ipynb"));
  const before = fs.readFileSync(path.join(folder, "twice", "workbench.yaml"), "utf8");
  const refused = notebox("init", "twice", "--share", "/srv/b");
  expect(refused.status).toBe(10);
  expect(refused.stderr).toContain("--force");
  expect(fs.readFileSync(path.join(folder, "twice", "workbench.yaml"), "utf8")).toBe(before);
  const forced = notebox("init", "twice", "--share", "/srv/b", "--force");
  expect(forced.status).toBe(0);
  expect(forced.stdout).toContain("api/hello.ipynb (was there already; kept)");
  expect(fs.readFileSync(mine, "utf8")).toBe("mine");
  expect((await loadWorkbench(path.join(folder, "twice"), { files: false })).box.shares).toEqual(["/srv/b"]);
  expect(tree("twice")).toContain("notebooks/welcome.ipynb");
});

test("a file in the way: exit 2, and nothing else is left behind", () => {
  fs.writeFileSync(path.join(folder, "a-file"), "");
  expect(notebox("init", "a-file").status).toBe(2);
  expect(notebox("init", "a-file/below").status).toBe(2);
  fs.mkdirSync(path.join(folder, "half"));
  fs.writeFileSync(path.join(folder, "half", "api"), "a file where a folder must be");
  expect(notebox("init", "half").status).toBe(2);
  expect(tree("half")).toEqual(["api"]);
  expect(fs.readdirSync(path.join(folder, "half"))).toEqual(["api"]);
});
