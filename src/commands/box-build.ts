/** `box build`: a recipe → .box files, made from the distribution's signed packages; prepared for a workbench if asked. */
import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { digestFile } from "../boxes/digest.ts";
import { type BuildOutcome, runBuild } from "../boxes/recipes/build.ts";
import { hostCertificates, pipSettings } from "../boxes/recipes/host-settings.ts";
import { checkBuilder, loadRecipe, type Recipe } from "../boxes/recipes/recipe.ts";
import { withWorkFolder } from "../boxes/recipes/work-folder.ts";
import { readAssets } from "../bundle/assets.ts";
import { readBrought, readLock } from "../bundle/own-file.ts";
import { planBundle } from "../bundle/plan.ts";
import { asDiskFull, systemErrorCode, UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { loadWorkbench } from "../workbench/load.ts";
import type { Workbench } from "../workbench/model.ts";
import { type BoxFromVmResult, boxFromVm } from "./box-from-vm.ts";

export type { BoxFromVmResult } from "./box-from-vm.ts";

export interface BoxBuildOptions {
  folder: string;
  recipe?: string;
  out?: string;
  provider?: string[];
  /** Of the workbench's running VM instead of a recipe. */
  fromVm?: boolean;
  /** Folder of a workbench. */
  with?: string;
}

export interface BoxBuildResult {
  recipe: string;
  arch: string;
  /** The distribution's own version, such as 13.2. */
  system: string;
  /** Name of the workbench that the boxes are prepared for. */
  preparedFor?: string;
  files: { provider: string; file: string; size: number; sha256: string }[];
  steps: BuildOutcome["steps"];
}

/** Base roots are kept this long; after that the distribution's updates are worth the two minutes. */
const FRESH_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Throws UserError `usage` (not root, an unknown recipe or provider), `missing-program`, `invalid`, `unreachable`
 * (the distribution's archive), `disk-full`, `interrupted`.
 */
export async function boxBuild(deps: Deps, options: BoxBuildOptions): Promise<BoxBuildResult | BoxFromVmResult> {
  if (options.fromVm) {
    if (options.recipe !== undefined || options.provider !== undefined || options.with !== undefined)
      throw oneOrOther();
    return await boxFromVm(deps, options);
  }
  if (options.recipe === undefined) throw oneOrOther();
  const recipe = await loadRecipe(deps.assets, options.recipe);
  const providers = chooseProviders(recipe, options.provider);
  const workbench = options.with === undefined ? undefined : await loadWorkbench(path.resolve(options.with));
  await checkBuilder(deps, recipe, os.userInfo().uid);
  // A box belongs to no workbench folder, and what a build prints is long.
  deps.log.open(deps.homeDir);
  const out = path.resolve(options.out ?? ".");
  const cache = path.join(deps.env["XDG_CACHE_HOME"] || path.join(deps.homeDir, ".cache"), "notebox", "box-build");
  await makeFolders([out, cache]);
  const rootKey = rootName(deps, recipe);
  await dropOldRoots(cache, recipe, rootKey, deps.clock.now());

  const parent = deps.env["TMPDIR"] || "/var/tmp";
  const name = workbench ? `${recipe.name}-${workbench.name}` : recipe.name;
  const outcome = await withWorkFolder(deps.processes, parent, deps.clock.now(), async (work) => {
    const certificates = await writeCertificates(deps, work);
    const prepare = workbench && (await writeBundle(deps, workbench, path.join(work, "bundle")));
    try {
      return await runBuild(deps, {
        recipe,
        providers,
        work,
        out,
        cache,
        name,
        rootKey,
        env: await pipSettings(deps),
        ...(certificates === undefined ? {} : { certificates }),
        ...(prepare === undefined ? {} : { prepare }),
      });
    } finally {
      for (const provider of providers)
        await fs.rm(path.join(out, `${name}-${provider}-${recipe.arch}.box.part`), { force: true });
    }
  });

  const files = await Promise.all(
    outcome.boxes.map(async ({ provider, file }) => {
      const { size, sha256 } = await digestFile(file, deps.signal);
      return { provider, file, size, sha256 };
    }),
  );
  const { system, steps } = outcome;
  return {
    recipe: recipe.name,
    arch: recipe.arch,
    system,
    ...(workbench ? { preparedFor: workbench.name } : {}),
    files,
    steps,
  };
}

function oneOrOther(): UserError {
  return new UserError({
    code: "usage",
    message: "A box is made either of a recipe or of a VM.",
    hint: "`notebox box build debian-13`, or `notebox box build --from-vm -C WORKBENCH`, which takes neither --provider nor --with.",
  });
}

function chooseProviders(recipe: Recipe, wanted: readonly string[] = recipe.providers): string[] {
  for (const provider of wanted) {
    if (!recipe.providers.includes(provider))
      throw new UserError({
        code: "usage",
        message: `${recipe.name} cannot be built for the provider ${JSON.stringify(provider)}.`,
        hint: `Take one of: ${recipe.providers.join(", ")}.`,
      });
  }
  return recipe.providers.filter((provider) => wanted.includes(provider));
}

/** The same scripts and the same source of packages give the same root. */
function rootName(deps: Deps, recipe: Recipe): string {
  const mirror = deps.env["NOTEBOX_MIRROR"] ?? "";
  const hash = createHash("sha256").update(`${recipe.rootHash}\n${mirror}`).digest("hex");
  return `${recipe.name}-${hash.slice(0, 16)}`;
}

/** Forgets this recipe's roots that are of another state of it or too old, and what a killed run left half-written. */
async function dropOldRoots(cache: string, recipe: Recipe, rootKey: string, now: number): Promise<void> {
  const folder = path.join(cache, "roots");
  await makeFolders([folder]);
  for (const file of await fs.readdir(folder)) {
    if (!file.startsWith(`${recipe.name}-`)) continue;
    const { mtimeMs } = await fs.stat(path.join(folder, file));
    const age = now - mtimeMs;
    // Another build may be writing a part just now.
    const keep = file === `${rootKey}.tar.zst` ? age < FRESH_MS : age < FRESH_MS / 7;
    if (!keep) await fs.rm(path.join(folder, file), { force: true });
  }
}

async function writeCertificates(deps: Deps, work: string): Promise<string | undefined> {
  const pem = await hostCertificates(deps.env);
  if (pem === undefined) return undefined;
  const file = path.join(work, "certificates.pem");
  await fs.writeFile(file, pem);
  return file;
}

/** provision/ as `render` would write it, and the workbench's own wheels. */
async function writeBundle(deps: Deps, workbench: Workbench, folder: string): Promise<string> {
  const lock = await readLock(workbench.folder);
  const planned = planBundle({
    workbench,
    assets: readAssets(deps.assets),
    lock,
    files: await readBrought(workbench),
  });
  for (const { path: name, content, executable } of planned) {
    if (!name.startsWith("provision/")) continue;
    await fs.mkdir(path.join(folder, path.dirname(name)), { recursive: true });
    await fs.writeFile(path.join(folder, name), content, { mode: executable ? 0o755 : 0o644 });
  }
  const wheels = path.join(workbench.folder, "wheels");
  await fs.cp(wheels, path.join(folder, "wheels"), { recursive: true, dereference: true }).catch((error: unknown) => {
    if (systemErrorCode(error) !== "ENOENT") throw asDiskFull(error, folder);
  });
  return folder;
}

async function makeFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    try {
      await fs.mkdir(folder, { recursive: true });
    } catch (error) {
      throw new UserError({
        code: "usage",
        message: `The folder ${folder} cannot be made: ${error instanceof Error ? error.message : String(error)}`,
        hint: "Name another one with --out (or XDG_CACHE_HOME for the cache).",
        cause: error,
      });
    }
  }
}
