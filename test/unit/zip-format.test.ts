/** Zips beyond 4 GiB, read by another program; sparse files, so that no disk is filled. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { centralDirectory, localHeader, type Member, pack } from "../../src/bundle/zip-format.ts";

let file = "";
beforeEach(() => {
  file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "notebox-zip-")), "large.zip");
});
afterEach(() => fs.rmSync(path.dirname(file), { recursive: true, force: true }));

const GIB = 1024 ** 3;

test("a member of 5 GiB and one that begins after it", () => {
  const large: Member = {
    name: "x/box.box",
    mode: 0o100644,
    crc: 0,
    packed: 5 * GIB,
    size: 5 * GIB,
    deflated: false,
    offset: 0,
  };
  const at = localHeader(large).length + large.packed;
  const text = Buffer.from("after the large one");
  const after: Member = {
    ...large,
    name: "x/ü.txt",
    crc: crc32(text),
    packed: text.length,
    size: text.length,
    offset: at,
  };
  const output = fs.openSync(file, "w");
  fs.writeSync(output, localHeader(large), 0, undefined, 0);
  const small = Buffer.concat([localHeader(after), text]);
  fs.writeSync(output, small, 0, undefined, at);
  fs.writeSync(output, centralDirectory([large, after], at + small.length), 0, undefined, at + small.length);
  fs.closeSync(output);
  const program = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    for i in z.infolist(): print(i.filename, i.file_size, i.header_offset)
    print(z.read("x/ü.txt").decode())
    print(len(z.open("x/box.box").read(1000)))`;
  const run = spawnSync("python3", ["-c", program, file], {
    encoding: "utf8",
    env: { ...process.env, PYTHONUTF8: "1" },
  });
  expect([run.stderr, run.stdout]).toEqual([
    "",
    `x/box.box ${5 * GIB} 0\nx/ü.txt 19 ${at}\nafter the large one\n1000\n`,
  ]);
  const listed = spawnSync("bsdtar", ["-tvf", file], { encoding: "utf8" });
  expect(listed.stdout).toMatch(new RegExp(` ${5 * GIB} .*x/box\\.box`));
});

test("more than 65535 members", () => {
  const { data, crc, deflated } = pack(Buffer.alloc(0));
  const parts: Buffer[] = [];
  const members: Member[] = [];
  let offset = 0;
  for (let at = 0; at < 65_540; at++) {
    const member = { name: String(at), mode: 0o100644, crc, packed: data.length, size: 0, deflated, offset };
    members.push(member);
    parts.push(localHeader(member), data);
    offset += localHeader(member).length + data.length;
  }
  fs.writeFileSync(file, Buffer.concat([...parts, centralDirectory(members, offset)]));
  const program = "import sys, zipfile; print(len(zipfile.ZipFile(sys.argv[1]).namelist()))";
  expect(spawnSync("python3", ["-c", program, file], { encoding: "utf8" }).stdout).toBe("65540\n");
});
