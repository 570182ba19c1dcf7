/** What a backup may be: damaged, foreign and hostile files are refused before anything is done with them. */
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { createArchive } from "../../src/keep/archive.ts";
import { checkBackup } from "../../src/keep/check.ts";
import { encodeHeader, filling } from "../../src/keep/tar-header.ts";

let folder = "";
let count = 0;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-keep-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

type Entry = [name: string, content?: string | Buffer, type?: string, link?: string];

/** One header of a tar, with a type and a link's target of one's choice. */
function header(name: string, size: number, type = "0", link = ""): Buffer {
  const head = encodeHeader({ name: "x", size }, 0);
  head.fill(0, 0, 100);
  head.write(name, 0);
  head.write(type, 156);
  head.write(link, 157);
  head.fill(32, 148, 156);
  const sum = head.reduce((all, byte) => all + byte, 0);
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return head;
}

function tar(...entries: Entry[]): Buffer {
  const parts = entries.flatMap(([name, content = "", type, link]) => {
    const bytes = Buffer.from(content);
    return [header(name, bytes.length, type, link), bytes, Buffer.alloc(filling(bytes.length))];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

interface Made {
  home?: Buffer;
  service?: Buffer;
  tokens?: string;
  /** Beside those that are always there. */
  more?: [name: string, bytes: Buffer][];
  // biome-ignore lint/suspicious/noExplicitAny: manifests are spoilt here
  spoil?: (manifest: any) => void;
  tail?: Entry[];
}

const HOME = tar(
  ["./"],
  ["./a.txt", "work"],
  ["./l", "", "2", "/usr/bin/python3"],
  ["./d/", "", "5"],
  ["./d/b", "x".repeat(3000)],
);

function make({
  home = HOME,
  service = tar(["./dump", "rows"]),
  tokens = `jupyter ${"1".repeat(48)}\n`,
  ...rest
}: Made): string {
  const packed = (name: string, bytes: Buffer) => ({ name, bytes: gzipSync(bytes), unpacked: bytes.length, files: 1 });
  const members: { name: string; bytes: Buffer; unpacked?: number }[] = [
    { name: "tokens.txt", bytes: Buffer.from(tokens) },
    packed("home.tar.gz", home),
    packed("services/ledger.tar.gz", service),
    ...(rest.more ?? []).map(([name, bytes]) => ({ name, bytes })),
  ];
  const manifest = {
    ...{ format: "notebox-backup", version: 1, made: "2026-11-20T09:00:00Z", by: "0.1.0" },
    workbench: { name: "hello", title: "Hello" },
    guest: { python: "3.13", machine: "x86_64" },
    services: [],
    without: [],
    members: members.map(({ name, bytes, ...told }) => ({
      name,
      size: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      ...told,
    })),
  };
  rest.spoil?.(manifest);
  return write(
    tar(
      ...members.map(({ name, bytes }): Entry => [name, bytes]),
      ["manifest.json", JSON.stringify(manifest)],
      ...(rest.tail ?? []),
    ),
  );
}

function write(bytes: Buffer): string {
  const file = path.join(folder, `${++count}.tar`);
  fs.writeFileSync(file, bytes);
  return file;
}

const { signal } = new AbortController();

async function fault(file: string): Promise<string> {
  const outcome = await checkBackup(file, signal).catch((error: unknown) => error);
  if (outcome instanceof UserError) return `${outcome.code}: ${outcome.message}`;
  throw outcome instanceof Error ? outcome : new Error("it was not refused");
}

test("a sound one is read: its tokens, its sizes, the tops of the home folder", async () => {
  const checked = await checkBackup(make({}), signal);
  expect([...checked.tokens]).toEqual([["jupyter", "1".repeat(48)]]);
  expect([...checked.tops]).toEqual(["", "a.txt", "l", "d"]);
  const home = checked.manifest.members[1];
  const pieces: Buffer[] = [];
  if (home !== undefined) for await (const piece of checked.read(home)) pieces.push(piece);
  expect(Buffer.concat(pieces).equals(HOME)).toBe(true);
});

test("cut anywhere, it is refused", async () => {
  const bytes = fs.readFileSync(make({}));
  for (let at = 0; at < bytes.length - 1024; at += 97)
    expect(await fault(write(bytes.subarray(0, at))), `cut at ${at}`).toMatch(/^integrity: /);
});

test("one bit turned anywhere: refused, or it was one that fills up", async () => {
  const bytes = fs.readFileSync(make({}));
  const sound = await checkBackup(make({}), signal);
  for (let at = 0; at < bytes.length - 1024; at += 13) {
    const turned = Buffer.from(bytes);
    turned[at] = (turned[at] ?? 0) ^ (1 << (at % 8));
    const outcome = await checkBackup(write(turned), signal).catch((error: unknown) => error);
    if (outcome instanceof UserError) expect(outcome.code).toBe("integrity");
    else
      expect(JSON.stringify(outcome, ["manifest", "members", "sha256"])).toBe(
        JSON.stringify(sound, ["manifest", "members", "sha256"]),
      );
  }
}, 60_000);

describe("refused:", () => {
  const inHome = (...entries: Entry[]): Made => ({ home: tar(...entries) });
  const inService = (...entries: Entry[]): Made => ({ service: tar(...entries) });
  test.each<[string, Made, RegExp]>([
    // GNU tar takes such content for further members: what is hidden there nobody would have looked at.
    [
      "a folder with content",
      inService(["./d/", header("hidden", 0, "2", "/etc/shadow"), "5"]),
      /"\.\/d\/" is a folder/,
    ],
    ["a file that is a folder", inService(["./d/", header("hidden", 0, "2", "/etc/shadow")]), /"\.\/d\/" is a folder/],
    ["a link with content", inHome(["./l", header("hidden", 0, "1", "x"), "2", "x"]), /"\.\/l" is a folder or a link/],
    ["a name of all members", inService(["g", "20 path=../etc/evil\n", "g"], ["./dump", "x"]), /sets the path of all/],
    ["a size of all members", inService(["g", "10 size=0\n", "g"], ["./dump", "x"]), /sets the size of all/],
    ["a name that leads out", inHome(["../../etc/passwd", "x"]), /"\.\.\/\.\.\/etc\/passwd" would be unpacked outside/],
    ["an absolute name", inHome(["/etc/passwd", "x"]), /has an absolute path/],
    ["a hard link", inHome(["./p", "", "1", "/etc/shadow"]), /no file, folder or link that belongs there/],
    ["a device", inHome(["./p", "", "3"]), /no file, folder or link/],
    ["a pipe", inHome(["./p", "", "6"]), /no file, folder or link/],
    ["a way through a link", inHome(["./l", "", "2", "/etc"], ["./l/passwd", "x"]), /leads through a link/],
    [
      "the same by another spelling",
      inHome(["./a/./l", "", "2", "/etc"], ["a//l/./passwd", "x"]),
      /leads through a link/,
    ],
    ["any link in what root unpacks", inService(["./dump", "", "2", "../../etc/shadow"]), /no file, folder or link/],
    [
      "a bomb that says that it is small",
      { home: tar(["./z", Buffer.alloc(5_000_000)]), spoil: (m) => (m.members[1].unpacked = 4096) },
      /unpacks to more than it says/,
    ],
    [
      "a bomb that says what it is",
      { spoil: (m) => (m.members[1].unpacked = 2 ** 48) },
      /its manifest is wrong at members\.1\.unpacked/,
    ],
    ["less than it says", { spoil: (m) => (m.members[1].unpacked += 512) }, /unpacks to less than it says/],
    ["a tar that is none", { home: Buffer.from("hello".repeat(300)) }, /in home\.tar\.gz, a header in it is damaged/],
    ["a tar without its end", { home: HOME.subarray(0, 2048) }, /it ends before its end/],
    ["a member twice", { tail: [["tokens.txt", "x"]] }, /tokens\.txt is in it twice/],
    ["a member without an entry", { tail: [["more.txt", "x"]] }, /its manifest does not name/],
    ["a member of no known kind", { more: [["run.sh", Buffer.from("x")]] }, /run\.sh is nothing that a backup holds/],
    [
      "an entry without a member",
      { spoil: (m) => m.members.push({ ...m.members[0], name: "lost" }) },
      /lost is missing/,
    ],
    ["a wrong checksum", { spoil: (m) => (m.members[0].sha256 = "0".repeat(64)) }, /checksum of tokens\.txt is wrong/],
    ["tokens that are commands", { tokens: "jupyter $(reboot)\n" }, /something else than tokens/],
    ["a member that is nothing", { more: [["python.tar.gz", Buffer.alloc(0)]] }, /python\.tar\.gz is empty/],
    ["a newer format", { spoil: (m) => (m.version = 2) }, /made by a newer notebox/],
    ["a time that is words", { spoil: (m) => (m.made = "\u001b[2Jnow") }, /its manifest is wrong at made/],
    ["another format", { spoil: (m) => (m.format = "x") }, /its manifest is wrong at format/],
  ])("%s", async (_what, made, words) => {
    const told = await fault(make(made));
    expect(told).toMatch(/^integrity: /);
    expect(told).toMatch(words);
  });

  test("something else altogether", async () => {
    expect(await fault(write(Buffer.from("PK\x03\x04".repeat(400))))).toMatch(/integrity: .*it is something else/);
    expect(await fault(write(Buffer.alloc(0)))).toMatch(/integrity: /);
    expect(await fault(folder)).toMatch(/^(integrity|usage): /);
    expect(await fault(path.join(folder, "not-there"))).toMatch(/^usage: .*cannot be read \(ENOENT\)/);
  });
});

test("what the VM sends is looked into while it is written: a hostile VM makes no backup", async () => {
  const file = path.join(folder, "from-vm.tar");
  const archive = await createArchive(file, 0);
  const pieces = async function* () {
    yield tar(["../x", "y"]);
  };
  await expect(archive.addTar("home.tar.gz", pieces(), "account", () => {})).rejects.toThrow("outside its folder");
  await archive.drop();
  expect(fs.readdirSync(folder).filter((name) => name.startsWith("from-vm"))).toEqual([]);
});

test("a member of 9 GiB has a header that says so", () => {
  const head = encodeHeader({ name: "home.tar.gz", size: 9 * 1024 ** 3 }, 0);
  expect(head.subarray(124, 136).toString("hex")).toBe("800000000000000240000000");
});
