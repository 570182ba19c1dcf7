/** Boxes on their way into a share: sound ones are understood, hostile and broken ones refused with exit code 6. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { receiveBox } from "../../src/boxes/receive.ts";
import { archive, QCOW2 } from "./box-bytes.ts";

let folder = "";
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-inspect-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const metadata = (provider = "virtualbox", more: object = {}) => ({
  name: "metadata.json",
  body: JSON.stringify({ provider, ...more }),
});
const ovf = { name: "box.ovf", body: "<Envelope/>" };
const disk = { name: "box-disk001.vmdk", body: "d".repeat(100_000) };

async function receive(bytes: Buffer) {
  const source = path.join(folder, "some.box");
  const part = path.join(folder, "place.part");
  fs.writeFileSync(source, bytes);
  try {
    const received = await receiveBox({ source, part, signal: new AbortController().signal });
    expect(fs.readFileSync(part).equals(bytes)).toBe(true);
    return received;
  } catch (error) {
    expect(fs.existsSync(part)).toBe(false);
    throw error;
  } finally {
    fs.rmSync(part, { force: true });
  }
}

function pack(program: string, args: string[], bytes: Buffer): Buffer {
  return execFileSync(program, args, { input: bytes, maxBuffer: 1e8 });
}

describe("sound boxes", () => {
  test("plain and gzipped, with size and hashes of the file as it is", async () => {
    const plain = archive(metadata("virtualbox", { architecture: "amd64" }), ovf, disk);
    for (const bytes of [plain, pack("gzip", ["-c"], plain)]) {
      const { digest, facts } = await receive(bytes);
      expect(facts).toMatchObject({
        provider: "virtualbox",
        architecture: "amd64",
        files: ["metadata.json", "box.ovf", "box-disk001.vmdk"],
      });
      const hash = (name: string): string => createHash(name).update(bytes).digest("hex");
      expect(digest).toEqual({ size: bytes.length, sha256: hash("sha256"), sha1: hash("sha1"), md5: hash("md5") });
    }
  });

  test("with ./ before the names, folders, and metadata.json at the end", async () => {
    const { facts } = await receive(
      archive(
        { name: "./", type: "5" },
        { name: "./box.img", body: QCOW2 },
        { ...metadata("libvirt"), name: "./metadata.json" },
      ),
    );
    expect(facts).toMatchObject({ provider: "libvirt", files: ["box.img", "metadata.json"] });
  });

  test("of gigabytes of zeros in a few kilobytes", async () => {
    const zeros = { name: "box.img", body: Buffer.concat([QCOW2, Buffer.alloc(10_000_000)]) };
    const bytes = pack("gzip", ["-9c"], archive(metadata("libvirt"), zeros));
    expect(bytes.length * 500).toBeLessThan(10_000_000);
    expect((await receive(bytes)).facts.files).toContain("box.img");
  });
});

describe("refused", () => {
  const sound = [metadata(), ovf];
  const cases: [string, Buffer, RegExp][] = [
    ["a link", archive(...sound, { name: "disk", type: "2", link: "/etc/passwd" }), /neither a file nor a folder/],
    ["a hard link", archive(...sound, { name: "disk", type: "1", link: "/etc/passwd" }), /neither a file nor a folder/],
    ["a character device", archive(...sound, { name: "null", type: "3" }), /neither a file nor a folder/],
    ["a block device", archive(...sound, { name: "sda", type: "4" }), /neither a file nor a folder/],
    ["a pipe", archive(...sound, { name: "pipe", type: "6" }), /neither a file nor a folder/],
    ["a way out", archive(...sound, { name: "a/../../evil" }), /outside the box/],
    [
      "a way out for Vagrant, which turns backslashes round",
      archive(...sound, { name: "..\\evil" }),
      /outside the box/,
    ],
    ["an absolute path", archive(...sound, { name: "/etc/cron.d/evil" }), /absolute path/],
    ["a drive", archive(...sound, { name: "C:evil" }), /absolute path/],
    ["one file twice", archive(...sound, { name: "BOX.OVF" }), /twice/],
    ["one file twice for macOS", archive(...sound, { name: "\u00e4" }, { name: "a\u0308" }), /twice/],
    ["a file, then a folder of its name", archive(...sound, { name: "a" }, { name: "A/b" }), /lies in a folder/],
    [
      "a folder, then a file of its name",
      archive(...sound, { name: "a/b" }, { name: "a" }),
      /as a file and as a folder/,
    ],
    ["a folder with content", archive(...sound, { name: "a", type: "5", body: "x" }), /folder with content/],
    ["a file called like a folder", archive(...sound, { name: "a/", body: "x" }), /folder with content/],
    ["another called like a folder", archive(...sound, { name: "a/", type: "7" }), /called like a folder/],
    ["a file without a name", archive(...sound, { name: "" }), /without a name/],
    ["folders without end", archive(...sound, { name: "a/".repeat(40) }), /folders deep/],
    [
      "a name of slashes, at once",
      archive(...sound, { name: "x", type: "L", body: `a${"/".repeat(1_000_000)}b` }, { name: "n" }),
      /folders deep/,
    ],
    ...["include/nul.txt", "con/a", "a./b", "a ", "ab:c", 'a"b'].map((name): [string, Buffer, RegExp] => [
      `${name}, which Windows cannot have`,
      archive(...sound, { name }),
      /Windows cannot have/,
    ]),
    ["a control character", archive(...sound, { name: "a\nb" }), /control character/],
    ["no metadata.json", archive(ovf), /no metadata\.json/],
    [
      "metadata.json that is a folder down",
      archive({ ...metadata(), name: "a/metadata.json" }, ovf),
      /no metadata\.json/,
    ],
    ["metadata.json that is no JSON", archive({ name: "metadata.json", body: "provider: x" }, ovf), /not JSON/],
    ["metadata.json without provider", archive({ name: "metadata.json", body: "{}" }, ovf), /no provider/],
    ["metadata.json that is null", archive({ name: "metadata.json", body: "null" }, ovf), /no provider/],
    ["a provider that is a path", archive(metadata("../../x"), ovf), /no provider/],
    ["a provider that every object has", archive(metadata("__proto__"), ovf), /no provider/],
    [
      "a name that no disk takes",
      archive(...sound, { name: "././@LongLink", type: "L", body: "n".repeat(300) }, { name: "n" }),
      /too long a name/,
    ],
    [
      "far too many files",
      archive(...sound, ...Array.from({ length: 10_100 }, (_, index) => ({ name: `f${index}` }))),
      /sound box: it holds more than 10,000 files\.$/,
    ],
    ["a huge metadata.json", archive({ name: "metadata.json", body: " ".repeat(1_100_000) }), /larger than 1 MiB/],
    ["virtualbox without box.ovf", archive(metadata(), disk), /no box\.ovf/],
    ["an empty file", Buffer.alloc(0), /not a sound box/],
    ["text", Buffer.from("<html>404 not found</html>".repeat(100)), /no whole tar/],
    ["the first half of a box", archive(...sound, disk).subarray(0, 50_000), /no whole tar/],
    [
      "a gzip cut short",
      pack("gzip", ["-c"], archive(...sound, { name: "r", body: String(Math.random()).repeat(9999) })).subarray(0, 300),
      /no whole tar/,
    ],
    ["xz", pack("xz", ["-c"], archive(...sound)), /compressed in a way/],
  ];

  test.each(cases)("%s", async (_, bytes, why) => {
    const error = await receive(bytes).then(
      () => expect.unreachable(),
      (failure: unknown) => failure,
    );
    expect(error).toMatchObject({ code: "integrity", message: expect.stringMatching(why) });
  });

  test("a zip", async () => {
    const zip = Buffer.concat([Buffer.from("504b030414000000", "hex"), Buffer.alloc(2000)]);
    await expect(receive(zip)).rejects.toMatchObject({ code: "integrity", message: expect.stringMatching(/a zip/) });
  });

  test("every fault is told", async () => {
    const bytes = archive({ name: "../a" }, { name: "/b" }, { name: "c", type: "2", link: "x" });
    await expect(receive(bytes)).rejects.toMatchObject({ problems: { length: 3 } });
  });
});
