/**
 * Makes the prepared boxes that the trials start from, with notebox's own `box build --with`, and keeps them under
 * a hash of all that goes into them. What the stand-in needs of a box is left to box-copy.ts.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { copyForStandIn } from "./box-copy.ts";
import { cache, checkout, program, standin } from "./places.ts";
import { run, told } from "./programs.ts";

export type ProviderName = "virtualbox" | "libvirt";

const BUILD_SECONDS = 1500;

/** A folder with `virtualbox.box` (the copy for the stand-in), `libvirt.box` and `version`. */
export interface PreparedBoxes {
  folder: string;
  /** Of its own for each content, because vagrant-libvirt keeps images by name and version. */
  version: string;
  /** False when they came from the cache. */
  built: boolean;
}

const underWay = new Map<string, Promise<PreparedBoxes>>();

/** Builds the boxes for the workbench in `workbench`, unless the cache has them or they are being built. */
export async function prepareBoxes(workbench: string): Promise<PreparedBoxes> {
  const key = keyOf(workbench);
  const boxes = underWay.get(key) ?? build(workbench, key);
  underWay.set(key, boxes);
  return await boxes;
}

async function build(workbench: string, key: string): Promise<PreparedBoxes> {
  const folder = path.join(cache, key);
  const version = `13.${Number.parseInt(key.slice(0, 6), 16)}.0`;
  if (fs.existsSync(folder)) return { folder, version, built: false };
  const part = `${folder}.part`;
  fs.rmSync(part, { recursive: true, force: true });
  fs.mkdirSync(part, { recursive: true });
  const args = [program, "box", "build", "debian-13", "--out", part, "--with", workbench];
  const outcome = await run(process.execPath, args, { seconds: BUILD_SECONDS });
  if (outcome.code !== 0) throw new Error(told("notebox box build", outcome));
  const original = boxIn(part, "virtualbox");
  await copyForStandIn(original, path.join(part, "virtualbox.box"));
  fs.rmSync(original);
  fs.renameSync(boxIn(part, "libvirt"), path.join(part, "libvirt.box"));
  fs.rmSync(folder, { recursive: true, force: true });
  fs.renameSync(part, folder);
  forgetOthers(key);
  return { folder, version, built: true };
}

function boxIn(folder: string, provider: ProviderName): string {
  const found = fs.readdirSync(folder).filter((name) => name.endsWith(".box") && name.includes(provider));
  if (found.length !== 1) throw new Error(`box build left ${found.length} ${provider} boxes in ${folder}`);
  return path.join(folder, found[0] ?? "");
}

/** What goes into a box: the recipe, provisioning with its locks, the workbench, the helper of the stand-in. */
function keyOf(workbench: string): string {
  const hash = createHash("sha256");
  const add = (root: string, relative: string): void => {
    const file = path.join(root, relative);
    if (fs.statSync(file).isDirectory()) {
      for (const name of fs.readdirSync(file).sort()) add(root, path.join(relative, name));
    } else {
      hash
        .update(`${relative}\0${fs.statSync(file).mode & 0o111}\0`)
        .update(fs.readFileSync(file))
        .update("\0");
    }
  };
  for (const folder of ["boxes", "provision"]) add(checkout, folder);
  add(workbench, "workbench.yaml");
  add(standin, "mount.vboxsf");
  add(path.join(checkout, "test", "vm"), "box-copy.ts");
  return hash.digest("hex").slice(0, 16);
}

/** Boxes are big: only the newest set is kept. */
function forgetOthers(key: string): void {
  for (const name of fs.readdirSync(cache))
    if (name !== key && /^[0-9a-f]{16}(\.part)?$/.test(name)) fs.rmSync(path.join(cache, name), { recursive: true });
}
