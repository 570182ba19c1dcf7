/** The bundle as it lies in the workbench folder, kept elsewhere whole or not at all, and put back from there. */
import fs from "node:fs";
import path from "node:path";
import { parseRendered, RENDERED } from "./rendered.ts";

/** `place` must not be there yet. */
export function keepBundle(folder: string, place: string): void {
  const part = `${place}.part`;
  fs.rmSync(part, { recursive: true, force: true });
  for (const name of namesIn(folder)) copy(path.join(folder, name), path.join(part, name));
  fs.renameSync(part, place);
}

/** Can be done again after a kill. The record comes last: until then what is there counts as pending or changed. */
export function putBundleBack(folder: string, place: string): void {
  if (!fs.existsSync(place)) return;
  for (const name of namesIn(place)) copy(path.join(place, name), path.join(folder, name));
}

function namesIn(folder: string): string[] {
  const record = path.join(folder, RENDERED);
  const { files } = parseRendered(fs.existsSync(record) ? fs.readFileSync(record, "utf8") : undefined);
  return [...files.keys(), RENDERED].filter((name) =>
    fs.lstatSync(path.join(folder, name), { throwIfNoEntry: false })?.isFile(),
  );
}

function copy(from: string, to: string): void {
  fs.mkdirSync(path.dirname(to), { recursive: true });
  const part = `${to}.part`;
  fs.copyFileSync(from, part);
  fs.renameSync(part, to);
}
