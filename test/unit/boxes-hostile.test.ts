/** Boxes that are made to do harm, or broken by chance: refused with exit code 6, in little time and memory. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inspectBox } from "../../src/boxes/inspect/inspect.ts";
import { readOvf } from "../../src/boxes/inspect/ovf.ts";
import { receiveBox } from "../../src/boxes/receive.ts";
import { UserError } from "../../src/errors.ts";
import { archive, box, type Member, QCOW2, VMDK } from "./box-bytes.ts";

let folder = "";
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-hostile-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

async function inspect(bytes: Buffer, piece = bytes.length) {
  const inspector = inspectBox("some.box");
  for (let at = 0; at < bytes.length; at += piece) await inspector.write(bytes.subarray(at, at + piece));
  return await inspector.finish();
}

async function fault(bytes: Buffer): Promise<string> {
  const error = await inspect(bytes).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).code).toBe("integrity");
  return (error as UserError).message;
}

const json = (data: object): Member => ({ name: "metadata.json", body: JSON.stringify(data) });
const ovf = (body: string): Member => ({ name: "box.ovf", body });
const names = (href: string) => ovf(`<Envelope><References><File ovf:href="${href}"/></References></Envelope>`);
const vb = json({ provider: "virtualbox" });
const lv = json({ provider: "libvirt" });
const image = (change: (head: Buffer) => void, name = "box.img"): Member => {
  const body = Buffer.from(QCOW2);
  change(body);
  return { name, body };
};

describe("disks and OVFs", () => {
  test.each<[string, Buffer, RegExp]>([
    ["an OVF that is no XML", archive(vb, ovf("<Envelope><a></Envelope>")), /not well-formed/],
    ["an OVF that is cut short", archive(vb, ovf("<Envelope><a/>")), /not well-formed/],
    ["an OVF with another root", archive(vb, ovf("<html></html>")), /no Envelope/],
    [
      "an OVF with entities",
      archive(vb, ovf('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Envelope/>')),
      /DOCTYPE/,
    ],
    ["an OVF of megabytes", archive(vb, ovf(`<Envelope>${" ".repeat(5e6)}</Envelope>`)), /larger than 4 MiB/],
    ["a disk that is not there", archive(vb, names("disk.vmdk")), /names "disk.vmdk", which is not in it/],
    ["a disk elsewhere", archive(vb, names("../disk.vmdk")), /not in the box's folder/],
    ["a disk on the web", archive(vb, names("http://example.test/disk.vmdk")), /not in the box's folder/],
    ["a VMDK that is none", archive(vb, names("d.vmdk"), { name: "d.vmdk", body: "x".repeat(600) }), /is no VMDK/],
    [
      "a VMDK that points elsewhere",
      archive(vb, names("d.vmdk"), { name: "d.vmdk", body: "# Disk DescriptorFile\n" }),
      /elsewhere/,
    ],
    ["no image", archive(lv), /holds no "box.img"/],
    ["an image that is none", archive(lv, { name: "box.img", body: "x".repeat(600) }), /no qcow2/],
    [
      "a backing file",
      archive(
        lv,
        image((head) => head.writeBigUInt64BE(104n, 8)),
      ),
      /backing file/,
    ],
    [
      "data elsewhere",
      archive(
        lv,
        image((head) => {
          head[7] = 3;
          head.writeBigUInt64BE(4n, 72);
        }),
      ),
      /in another file/,
    ],
    ["disks elsewhere", archive(json({ provider: "libvirt", disks: [{ path: "../x" }] })), /not in the box's folder/],
    ["a raw image", archive(json({ provider: "libvirt", format: "raw" })), /other than qcow2/],
  ])("%s", async (_, bytes, why) => {
    expect(await fault(bytes)).toMatch(why);
    expect(await fault(gzipSync(bytes))).toMatch(why);
  });

  test("sound ones, several disks, and the OVF that we write ourselves", async () => {
    const disks = json({ provider: "libvirt", disks: [{ path: "a.img" }, { path: "b.img" }] });
    const both = archive(
      disks,
      image(() => {}, "a.img"),
      image(() => {}, "b.img"),
    );
    expect((await inspect(both)).files).toEqual(["metadata.json", "a.img", "b.img"]);
    const own = fs.readFileSync(
      path.resolve(import.meta.dirname, "../../boxes/debian-13/providers/virtualbox/box.ovf"),
      "utf8",
    );
    expect(readOvf(own)).toEqual([{ href: expect.stringMatching(/\.vmdk$/) }]);
  });
});

describe("bombs", () => {
  test("files that would fill a disk are refused by what their headers say", async () => {
    const huge = archive(vb, ovf("<Envelope/>"), { name: "disk", size: 2 ** 40 });
    expect(await fault(huge)).toMatch(/fill 1024 GiB/);
    expect(await fault(gzipSync(huge))).toMatch(/fill 1024 GiB/);
  });

  test("zeros without end after the archive take little memory and time", async () => {
    const bomb = gzipSync(Buffer.concat([box("virtualbox"), Buffer.alloc(100_000_000)]));
    const before = process.memoryUsage().rss;
    expect(await fault(bomb)).toMatch(/follows its end/);
    expect(process.memoryUsage().rss - before).toBeLessThan(60_000_000);
  });

  test("a disk of zeros is a disk", async () => {
    const zeros = gzipSync(box("libvirt", { filling: Buffer.alloc(60_000_000) }));
    expect((await inspect(zeros)).unpacked).toBeGreaterThan(60_000_000);
  });

  test("names and headers without end", async () => {
    expect(await fault(archive(vb, { name: "x", type: "L", size: 2 ** 33 }))).toMatch(/longer than any/);
    const many = Array.from({ length: 10_100 }, (_, index) => ({ name: `f${index}` }));
    expect(await fault(archive(vb, ...many))).toMatch(/more than 10,000/);
  });
});

test.each(["gnu", "posix"])("a sparse image as `tar -S --format=%s` packs it", async (format) => {
  const place = fs.mkdtempSync(path.join(folder, "sparse-"));
  fs.writeFileSync(path.join(place, "metadata.json"), '{"provider":"libvirt"}');
  fs.writeFileSync(path.join(place, "box.img"), QCOW2);
  const handle = fs.openSync(path.join(place, "box.img"), "r+");
  // More pieces than fit into one header.
  for (let at = 1; at < 60; at++) fs.writeSync(handle, "data", at * 1_000_000);
  fs.closeSync(handle);
  const file = path.join(place, "x.box");
  execFileSync("tar", ["-C", place, "-S", `--format=${format}`, "-cf", file, "metadata.json", "box.img"]);
  expect(fs.statSync(file).size).toBeLessThan(2_000_000);
  const facts = await inspect(fs.readFileSync(file), 777);
  expect([facts.files, facts.unpacked > 59_000_000]).toEqual([["metadata.json", "box.img"], true]);
});

test("in whatever pieces it comes, the same is found", async () => {
  const bytes = box("virtualbox", { arch: "amd64", filling: Buffer.alloc(5000, "x") });
  const whole = await inspect(bytes);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3000 }), async (piece) => {
      expect(await inspect(bytes, piece)).toEqual(whole);
      expect((await inspect(gzipSync(bytes), piece)).files).toEqual(whole.files);
    }),
    { numRuns: 20 },
  );
});

test("changed or cut at random: sound, or refused in words", async () => {
  const sound = archive(vb, names("d.vmdk"), { name: "d.vmdk", body: VMDK }, { name: "Vagrantfile", body: "x" });
  for (const bytes of [sound, gzipSync(sound)])
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 4 }),
        fc.option(fc.nat(bytes.length)),
        async (changes, cut) => {
          const broken = Buffer.from(bytes);
          for (const [at, value] of changes) broken[at] = value;
          const error = await inspect(broken.subarray(0, cut ?? broken.length)).catch((thrown: unknown) => thrown);
          if (!(error instanceof UserError)) expect(error).toMatchObject({ provider: expect.any(String) });
        },
      ),
      { numRuns: 150 },
    );
});

describe("the packing", () => {
  const store = async (bytes: Buffer) => {
    const [source, part] = [path.join(folder, "in.box"), path.join(folder, "out.part")];
    fs.writeFileSync(source, bytes);
    const received = await receiveBox({ source, part, signal: new AbortController().signal });
    return { ...received, stored: fs.readFileSync(part) };
  };
  const random = box("virtualbox", {
    filling: execFileSync("head", ["-c", "3000000", "/dev/urandom"], { maxBuffer: 1e7 }),
  });

  test("goes where it saves nothing, whatever its last bytes say", async () => {
    const packed = gzipSync(random);
    const { stored, original } = await store(packed);
    expect([stored.equals(random), original?.size]).toEqual([true, packed.length]);
  });

  test("stays where it is worth it, or lies about itself", async () => {
    const packed = gzipSync(box("virtualbox", { filling: Buffer.alloc(3_000_000, "text") }));
    expect((await store(packed)).stored.equals(packed)).toBe(true);
    // Two pieces, the second one small: the last bytes tell of that one only.
    const half = random.length >> 1;
    const pieces = Buffer.concat([gzipSync(random.subarray(0, half)), gzipSync(random.subarray(half))]);
    expect((await store(pieces)).digest.size).toBe(pieces.length);
  });
});
