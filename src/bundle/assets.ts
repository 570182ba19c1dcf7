/**
 * Reads what the bundle is made from: the package's own templates/ and provision/. The one effect that comes
 * before planning; plan.ts turns the contents into files.
 */
import fs from "node:fs/promises";
import path from "node:path";

/** Contents by path below the package's folder, with forward slashes: "templates/Vagrantfile.hbs". Sorted. */
export type Assets = ReadonlyMap<string, Buffer>;

const ROOMS = ["provision", "templates/launchers", "templates/read-me", "templates/vagrant"];
const SINGLE = ["schema/workbench.schema.json", "templates/Vagrantfile.hbs"];

// What editors, Python and file managers leave behind.
const LITTER = /^(?:\..*|__pycache__|.*\.pyc|.*~|Thumbs\.db|desktop\.ini)$/i;

/** `folder` is the package's own, absolute. */
export async function readAssets(folder: string): Promise<Assets> {
  const files = (await Promise.all(ROOMS.map((room) => list(folder, room)))).flat();
  const names = [...files, ...SINGLE].sort();
  return new Map(
    await Promise.all(
      names.map(
        async (name): Promise<[string, Buffer]> => [name, withLineFeeds(await fs.readFile(path.join(folder, name)))],
      ),
    ),
  );
}

async function list(folder: string, below: string): Promise<string[]> {
  const entries = await fs.readdir(path.join(folder, below), { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const name = `${below}/${entry.name}`;
      if (LITTER.test(entry.name)) return [];
      if (entry.isDirectory()) return await list(folder, name);
      return entry.isFile() ? [name] : [];
    }),
  );
  return found.flat();
}

/** A checkout on Windows may have changed line ends; the guest reads LF only. Files with a NUL are left alone. */
function withLineFeeds(content: Buffer): Buffer {
  if (content.includes(0) || !content.includes("\r\n")) return content;
  return Buffer.from(content.toString("latin1").replaceAll("\r\n", "\n"), "latin1");
}
