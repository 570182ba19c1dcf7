/**
 * Recipes of base boxes: what stands in boxes/<name>/recipe.json of the package, and what this computer lacks for
 * one. Running it is build.ts's.
 */

import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import { UserError } from "../../errors.ts";
import type { Deps } from "../../ports.ts";
import { exists } from "../durable.ts";

export interface Recipe {
  name: string;
  title: string;
  suite: string;
  arch: string;
  diskGiB: number;
  providers: string[];
  /** What the scripts call, and the Debian package that has it. */
  programs: { program: string; package: string }[];
  files: { file: string; package: string }[];
  /** Absolute folder of the scripts. */
  folder: string;
  /** What comes after the base root and so does not change it: files and folders of the recipe. */
  afterRoot: string[];
  /** SHA-256 over all other files of the recipe: another hash, another base root. */
  rootHash: string;
}

/** Throws UserError `usage` for a name that no recipe has. */
export async function loadRecipe(assets: string, name: string): Promise<Recipe> {
  const all = path.join(assets, "boxes");
  const entries = await fs.readdir(all, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  if (!names.includes(name))
    throw new UserError({
      code: "usage",
      message: `There is no recipe called ${JSON.stringify(name)}.`,
      hint: `Take one of: ${names.sort().join(", ")}.`,
    });
  const folder = path.join(all, name);
  const data = JSON.parse(await fs.readFile(path.join(folder, "recipe.json"), "utf8")) as Omit<
    Recipe,
    "folder" | "hash"
  >;
  return { ...data, folder, rootHash: await hashFolder(folder, data.afterRoot) };
}

/** Over names and contents, each with its length before it; modes and times do not count. */
async function hashFolder(folder: string, but: readonly string[]): Promise<string> {
  const entries = await fs.readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
  const hash = createHash("sha256");
  for (const file of files.sort()) {
    if (but.some((name) => file === name || file.startsWith(`${name}${path.sep}`))) continue;
    const content = await fs.readFile(path.join(folder, file));
    hash.update(`${file.length} ${content.length}\n${file}\n`).update(content);
  }
  return hash.digest("hex");
}

/** `uid` is the user's. Throws UserError `usage` without root, `missing-program` when something has to be installed. */
export async function checkBuilder(deps: Deps, recipe: Recipe, uid: number): Promise<void> {
  if (deps.platform !== "linux" || deps.arch !== "x64")
    throw new UserError({
      code: "missing-program",
      message: `${recipe.title} can only be built on Linux with an x86-64 processor, and this is ${deps.platform} on ${deps.arch}.`,
      hint: "Build it on such a machine (a virtual one will do) and publish the boxes into a share that this computer reaches.",
    });
  const missing: string[] = [];
  const packages = new Set<string>();
  for (const { program, package: name } of recipe.programs) {
    if (await hasProgram(deps, program)) continue;
    missing.push(program);
    packages.add(name);
  }
  for (const { file, package: name } of recipe.files) {
    if (await exists(file)) continue;
    missing.push(file);
    packages.add(name);
  }
  const install = `apt-get install --no-install-recommends ${[...packages].sort().join(" ")}`;
  if (missing.length > 0)
    throw new UserError({
      code: "missing-program",
      message: `Building ${recipe.name} needs what is not on this computer: ${missing.join(", ")}.`,
      hint: `On Debian or Ubuntu, install it with: ${uid === 0 ? "" : "sudo "}${install}`,
      problems: missing.map((what) => ({ id: "missing-program", message: `${what} is missing`, value: what })),
    });
  if (uid !== 0)
    throw new UserError({
      code: "usage",
      message: "A box can only be built as root: installing a system needs its owners, devices and mounts.",
      hint: `Run it with sudo: sudo notebox box build ${recipe.name}`,
    });
}

/** Root's PATH may lack the folders of system programs when sudo or su keeps the user's. */
async function hasProgram(deps: Deps, program: string): Promise<boolean> {
  if (await deps.processes.which(program)) return true;
  return (await exists(`/usr/sbin/${program}`)) || (await exists(`/sbin/${program}`));
}
