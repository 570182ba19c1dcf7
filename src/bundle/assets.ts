/**
 * Reads what the bundle is made from: the package's own templates/ and provision/. The one effect that comes
 * before planning; plan.ts turns the contents into files.
 */
import fs from "node:fs";
import path from "node:path";

/** Contents by path below the package's folder, with forward slashes: "templates/vagrant/faults.json". Sorted. */
export type Assets = ReadonlyMap<string, Buffer>;

const ROOMS = ["provision", "templates/read-me", "templates/vagrant"];
const SINGLE = ["schema/workbench.schema.json"];

// What editors, Python and file managers leave behind.
const LITTER = /^(?:\..*|__pycache__|.*\.pyc|.*~|Thumbs\.db|desktop\.ini)$/i;

/** `folder` is the package's own, absolute. At once: so many small files are read sooner than other threads are asked. */
export function readAssets(folder: string): Assets {
  const names = [...ROOMS.flatMap((room) => list(folder, room)), ...SINGLE].sort();
  return new Map(names.map((name) => [name, withLineFeeds(fs.readFileSync(path.join(folder, name)))]));
}

function list(folder: string, below: string): string[] {
  return fs.readdirSync(path.join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const name = `${below}/${entry.name}`;
    if (LITTER.test(entry.name)) return [];
    if (entry.isDirectory()) return list(folder, name);
    return entry.isFile() ? [name] : [];
  });
}

/** A checkout on Windows may have changed line ends; the guest reads LF only. Files with a NUL are left alone. */
function withLineFeeds(content: Buffer): Buffer {
  if (content.includes(0) || !content.includes("\r\n")) return content;
  return Buffer.from(content.toString("latin1").replaceAll("\r\n", "\n"), "latin1");
}
