/** A share on disk, laid down as notebox would, and the built program on it. For the tests of what keeps a share. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type BoxRecord, catalogText } from "../../src/boxes/catalog.ts";
import { doorSlug } from "../../src/boxes/doors.ts";

// The counted trials are bundled elsewhere, and say where the checkout is.
const checkout = process.env["NOTEBOX_CHECKOUT"] ?? path.resolve(import.meta.dirname, "../..");
export const program = path.join(checkout, "dist", "notebox.cjs");

export interface Outcome {
  code: number | null;
  // biome-ignore lint/suspicious/noExplicitAny: the envelope is what is tested
  json: any;
}

export interface Run {
  child: ChildProcess;
  done: Promise<Outcome>;
}

/** Starts a program that prints one JSON document; `home` is its HOME. */
export function startJson(words: readonly string[], home: string): Run {
  const child = spawn(words[0] ?? "", words.slice(1), {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, HOME: home },
  });
  let out = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
  const done = new Promise<Outcome>((resolve) =>
    child.once("close", (code) => resolve({ code, json: out === "" ? undefined : JSON.parse(out) })),
  );
  return { child, done };
}

export interface ShareFolder {
  /** What holds the share and all else. */
  folder: string;
  share: string;
  /** Lays a box and its record down: lab/tiny 1.0.0 for virtualbox and amd64, unless told otherwise. */
  add(box?: Partial<BoxRecord> & { content?: string | Buffer }): BoxRecord;
  /** `notebox --json box …`; with a host's name, as if on that computer. */
  start(args: readonly string[], host?: string): Run;
  run(args: readonly string[], host?: string): Promise<Outcome>;
  /** Absolute. */
  at(name: string): string;
  tree(): string[];
  catalog(name: string, door?: string): string;
  remove(): void;
}

export function openShare(): ShareFolder {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-keep-"));
  const share = path.join(folder, "share");
  fs.mkdirSync(share);
  fs.writeFileSync(path.join(share, "notebox-share.json"), JSON.stringify({ layout: 1, doors: [share] }));
  const at = (name: string): string => path.join(share, name);
  const catalog = (name: string, door = share): string => `catalogs/${doorSlug(door)}/${name}.json`;
  const records: BoxRecord[] = [];

  const start: ShareFolder["start"] = (args, host) => {
    const words = [process.execPath, program, "--json", "box", ...args, "--share", share];
    // A host name of its own, where this user may have one.
    const all =
      host === undefined ? words : ["unshare", "-ur", "sh", "-c", `hostname ${host} && exec "$@"`, "sh", ...words];
    return startJson(all, folder);
  };

  return {
    folder,
    share,
    at,
    catalog,
    start,
    run: (args, host) => start(args, host).done,
    add({ content, ...more } = {}) {
      const id = { name: "lab/tiny", version: "1.0.0", provider: "virtualbox", arch: "amd64", ...more };
      const bytes = Buffer.from((content ?? JSON.stringify(id)) as string);
      const hash = (type: string): string => createHash(type).update(bytes).digest("hex");
      const hashes = { sha256: hash("sha256"), sha1: hash("sha1"), md5: hash("md5") };
      const published = new Date(Date.now() - 1000).toISOString();
      const record: BoxRecord = {
        ...hashes,
        size: bytes.length,
        source: "tiny.box",
        published,
        by: "notebox 0",
        ...id,
      };
      const stem = at(`boxes/${id.name}/${id.version}/${id.provider}-${id.arch}`);
      fs.mkdirSync(path.dirname(stem), { recursive: true });
      fs.writeFileSync(`${stem}.box`, bytes);
      fs.writeFileSync(`${stem}.json`, `${JSON.stringify(record, null, 2)}\n`);
      records.push(record);
      const text = catalogText(
        id.name,
        share,
        records.filter(({ name }) => name === id.name),
      );
      fs.mkdirSync(path.dirname(at(catalog(id.name))), { recursive: true });
      fs.writeFileSync(at(catalog(id.name)), text);
      return record;
    },
    tree: () =>
      (fs.readdirSync(share, { recursive: true, withFileTypes: true }) as fs.Dirent[])
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(share, path.join(entry.parentPath, entry.name)))
        .sort(),
    remove: () => fs.rmSync(folder, { recursive: true, force: true }),
  };
}

/** Makes files look as if nobody had touched them for so long. */
export function age(file: string, seconds: number): void {
  const then = Date.now() / 1000 - seconds;
  fs.utimesSync(file, then, then);
}
