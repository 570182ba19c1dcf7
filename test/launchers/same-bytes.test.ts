/** notebox under Windows' node.exe writes what it writes on Linux, byte for byte. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { program, Workspace } from "./workspace.ts";

let workspace: Workspace;
beforeAll(() => {
  workspace = new Workspace();
});
afterAll(() => workspace.remove());

/** Every file below a folder with its hash; logs and what names this computer are left out. */
function hashes(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const at = path.join(entry.parentPath, entry.name);
    const name = path.relative(folder, at);
    if (!entry.isFile() || name.startsWith(".notebox/logs")) continue;
    files[name] = createHash("sha256").update(fs.readFileSync(at)).digest("hex");
  }
  return files;
}

test("render and its zip", async () => {
  const linux = workspace.workbench("linux", "Übung");
  const windows = path.join(workspace.folder, "windows");
  fs.cpSync(linux, windows, { recursive: true });
  for (const name of Object.keys(hashes(windows)))
    if (!/^(workbench\.yaml|notebooks\/|api\/|\.gitignore)/.test(name)) fs.rmSync(path.join(windows, name));
  const ran = await workspace.notebox(windows, "render");
  expect(ran).toMatchObject({ code: 0 });
  expect(hashes(windows)).toEqual(hashes(linux));

  execFileSync(process.execPath, [program, "render", "-C", linux, "--zip", path.join(workspace.folder, "l.zip")]);
  expect(await workspace.notebox(windows, "render", "--zip", "Z:\\w\\w.zip")).toMatchObject({ code: 0 });
  expect(
    fs.readFileSync(path.join(workspace.folder, "w.zip")).equals(fs.readFileSync(path.join(workspace.folder, "l.zip"))),
  ).toBe(true);
});

test("validate reports the same problems", async () => {
  const folder = workspace.workbench("broken", "Broken");
  fs.appendFileSync(path.join(folder, "workbench.yaml"), "colour: red\nfolders: [../up, 7]\n");
  const ran = await workspace.notebox(folder, "validate", "--json");
  let linux = "";
  try {
    execFileSync(process.execPath, [program, "validate", "--json", "-C", folder], { stdio: "pipe" });
  } catch (error) {
    linux = String((error as { stdout: Buffer }).stdout);
  }
  expect(ran.code).toBe(3);
  const problems = (text: string) =>
    JSON.parse(text).error.problems.map(({ file: _, ...rest }: { file?: string }) => rest);
  expect(problems(ran.output)).toEqual(problems(linux));
  expect(problems(linux).length).toBeGreaterThan(1);
});

test("api lint reports the same faults", async () => {
  const folder = workspace.workbench("lint", "Lint");
  const cells = ["#GET /a", "# GET /b/:bad-name", "# Get /c\nprint(1)"].map((source) => ({
    ...{ cell_type: "code", metadata: {}, execution_count: null, outputs: [] },
    source: source.replaceAll("\n", "\r\n"),
  }));
  const metadata = { kernelspec: { name: "python3", display_name: "Python 3", language: "python" } };
  const notebook = path.join("api", "übel.ipynb");
  fs.writeFileSync(path.join(folder, notebook), JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata, cells }));
  const ran = await workspace.notebox(folder, "api", "lint", "api/übel.ipynb", "--json");
  let linux = "";
  try {
    execFileSync(process.execPath, [program, "api", "lint", notebook, "--json", "-C", folder], { stdio: "pipe" });
  } catch (error) {
    linux = String((error as { stdout: Buffer }).stdout);
  }
  expect(ran.code).toBe(3);
  const faults = (text: string) =>
    JSON.parse(text).error.problems.map(({ file: _, ...rest }: { file?: string }) => rest);
  expect(faults(linux).length).toBeGreaterThan(2);
  expect(faults(ran.output)).toEqual(faults(linux));
});
