/** `box archive` against an upstream on loopback: what it fetches, what it asks for again, what it keeps. */
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { text } from "../../src/cli/text/box-archive.ts";
import { box } from "../unit/box-bytes.ts";
import { type Archiver, openArchiver } from "./fakes/archiver.ts";
import { hashOf, openUpstream, type Upstream, type UpstreamOptions } from "./fakes/upstream.ts";

let lab: Archiver;
let opened: Upstream[];
beforeEach(() => {
  lab = openArchiver();
  opened = [];
});
afterEach(async () => {
  for (const one of opened) await one.close();
  lab.close();
});

async function upstreamWith(options?: UpstreamOptions): Promise<Upstream> {
  const upstream = await openUpstream(options);
  opened.push(upstream);
  lab.env["VAGRANT_SERVER_URL"] = upstream.url;
  return upstream;
}

const MB = 1024 * 1024;
const vbox = (bytes = 100_000, arch = "amd64"): Buffer => box("virtualbox", { arch, filling: randomBytes(bytes) });
const offer = (version: string, bytes = vbox(), arch?: string) => ({
  version,
  provider: "virtualbox",
  bytes,
  ...(arch === undefined ? {} : { arch }),
});
const leftovers = (): string[] => lab.tree().filter((name) => /\.(part|lock)/.test(name));

describe("from a registry", () => {
  test.each(["new", "old"] as const)(
    "of the %s generation: the newest version, then only what is new",
    async (generation) => {
      const upstream = await upstreamWith({ generation });
      upstream.offer(offer("1.9.0", vbox(), "amd64"), offer("1.10.0", vbox(), "amd64"), {
        version: "1.10.0",
        provider: "libvirt",
        arch: "amd64",
        bytes: box("libvirt"),
      });
      const { boxes } = await lab.archive("lab/tiny");
      expect(boxes.map((one) => [one.version, one.provider, one.status])).toEqual([
        ["1.10.0", "libvirt", "added"],
        ["1.10.0", "virtualbox", "added"],
      ]);
      const sent = upstream.sent();
      expect((await lab.archive("lab/tiny")).boxes.map(({ status }) => status)).toEqual(["present", "present"]);
      expect(upstream.sent()).toBe(sent);
      const all = await lab.archive("lab/tiny", { allVersions: true });
      expect(all.boxes.map(({ version, status }) => `${version} ${status}`)).toEqual([
        "1.9.0 added",
        "1.10.0 present",
        "1.10.0 present",
      ]);
      expect(await lab.sound()).toHaveLength(3);
      expect(leftovers()).toEqual([]);
    },
  );

  test("by constraint, provider and architecture; a box that does not say is for all", async () => {
    const upstream = await upstreamWith();
    upstream.offer(
      offer("1.0.0", vbox(1, "arm64"), "arm64"),
      offer("1.0.0", vbox(1), "amd64"),
      offer("2.0.0", vbox(1, "arm64"), "arm64"),
      offer("2004.01", box("virtualbox")),
    );
    const get = async (version: string, arch: string) =>
      (await lab.archive("lab/tiny", { version, arch: [arch] })).boxes.map((one) => `${one.version} ${one.arch}`);
    expect(await get("< 3", "amd64")).toEqual(["1.0.0 amd64"]);
    expect(await get("< 3", "arm64")).toEqual(["2.0.0 arm64"]);
    expect(await get(">= 0", "amd64")).toEqual(["2004.01 unknown"]);
    expect((await lab.refused("lab/tiny", { version: "> 3000" })).hint).toContain("2004.01");
    expect(await lab.sound()).toHaveLength(3);
  });

  test("a token goes to the registry alone, and into nothing that is kept", async () => {
    const store = await openUpstream();
    const upstream = await upstreamWith({ store });
    opened.push(store);
    const one = offer("1.0.0");
    for (const server of [store, upstream]) server.offer(one);
    lab.env["VAGRANT_CLOUD_TOKEN"] = "very-secret-token";
    await lab.archive("lab/tiny");
    expect(upstream.asked.map(({ authorization }) => authorization)).toEqual(Array(2).fill("Bearer very-secret-token"));
    expect(store.asked.map(({ authorization }) => authorization)).toEqual([undefined]);
    const [listed] = await lab.sound();
    const kept = JSON.stringify([listed, lab.events]);
    expect(kept).not.toMatch(/very-secret|eyJhb/);
    expect(listed?.record).toMatchObject({
      source: expect.stringContaining(upstream.url),
      upstream: { type: "sha256", value: hashOf("sha256", one.bytes) },
      fetched: { redirects: [expect.stringContaining(store.url)], headers: { etag: expect.any(String) } },
    });
  });

  test.each(["md5", "sha1", "sha256", "sha384", "sha512"])("a checksum of the type %s counts", async (type) => {
    const upstream = await upstreamWith();
    const one = offer("1.0.0");
    upstream.offer({ ...one, checksum: { type: type.toUpperCase(), value: hashOf(type, vbox()) } });
    const error = await lab.refused("lab/tiny");
    expect([error.code, lab.tree()]).toEqual(["integrity", []]);
    upstream.offer({ ...one, checksum: { type: type.toUpperCase(), value: hashOf(type, one.bytes) } });
    expect((await lab.archive("lab/tiny")).boxes[0]?.status).toBe("added");
  });

  test("that is asked too often is left alone as long as it says", async () => {
    const upstream = await upstreamWith();
    upstream.offer({ ...offer("1.0.0"), checksum: null });
    upstream.mood.first = [
      { status: 429, headers: { "retry-after": "7" } },
      { status: 503 },
      { status: 403, headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "90" } },
    ];
    await lab.archive("lab/tiny");
    expect(lab.waits.map((ms) => Math.floor(ms / 1000))).toEqual([7, expect.any(Number), 90]);
    upstream.mood.first = [{ status: 429, headers: { "retry-after": "7200" } }];
    const error = await lab.refused("lab/tiny");
    expect([error.code, error.message]).toEqual(["unreachable", expect.stringMatching(/12[01] minutes/)]);
  });

  test.each([401, 403, 404, 500])("that answers %i: told in words", async (status) => {
    const upstream = await upstreamWith();
    upstream.offer(offer("1.0.0"));
    upstream.mood.first = Array(20).fill({ status });
    const error = await lab.refused("lab/tiny");
    expect([error.code, error.message]).toEqual(["unreachable", expect.stringContaining(String(status))]);
    expect(lab.tree()).toEqual([]);
  });

  test("a version that upstream changes afterwards is told, and kept as it is", async () => {
    const upstream = await upstreamWith();
    upstream.offer(offer("1.0.0"));
    await lab.archive("lab/tiny");
    upstream.offer(offer("1.0.0"), offer("1.1.0"));
    const error = await lab.refused("lab/tiny", { allVersions: true });
    expect([error.code, error.hint]).toEqual(["refused", expect.stringContaining("stays as it is")]);
    expect((await lab.sound()).map(({ version }) => version)).toEqual(["1.0.0", "1.1.0"]);
  });
});

describe("a broken connection", () => {
  const one = offer("1.0.0", vbox(5 * MB));

  test("is taken up where it broke", async () => {
    const upstream = await upstreamWith();
    upstream.offer({ ...one, checksum: null });
    upstream.mood.cutAfter = 1.5 * MB;
    await lab.archive("lab/tiny");
    expect(upstream.sent()).toBeLessThan(one.bytes.length + MB);
    expect(upstream.asked.filter(({ range }) => range !== undefined).length).toBeGreaterThanOrEqual(3);
    expect((await lab.sound())[0]?.record.sha256).toBe(hashOf("sha256", one.bytes));
  });

  test("is given up after a while; the next run goes on", async () => {
    const upstream = await upstreamWith();
    upstream.offer(one);
    upstream.mood.cutAfter = 3 * MB;
    upstream.mood.noRanges = true;
    const error = await lab.refused("lab/tiny");
    expect([error.code, error.hint]).toEqual(["unreachable", expect.stringContaining("goes on from there")]);
    expect(await lab.sound()).toEqual([]);
    upstream.mood = {};
    const before = upstream.sent();
    await lab.archive("lab/tiny");
    expect(upstream.sent() - before).toBeLessThanOrEqual(one.bytes.length - 3 * MB + 65536);
    expect(leftovers()).toEqual([]);
  });

  test("of a server without ETags and checksums begins again: nobody could tell that it is the same box", async () => {
    const upstream = await upstreamWith();
    upstream.offer({ ...one, checksum: null });
    upstream.mood = { cutAfter: 4 * MB, noEtag: true };
    await lab.refused("lab/tiny");
    expect(upstream.asked.every(({ range }) => range === undefined)).toBe(true);
    upstream.mood = { cutAfter: 4 * MB, noEtag: true };
    upstream.offer(one);
    await lab.archive("lab/tiny");
    expect((await lab.sound())[0]?.record.sha256).toBe(hashOf("sha256", one.bytes));
  });

  test.each([
    ["that has changed", { cutAfter: 3 * MB }],
    ["that has changed and has no ETag", { cutAfter: 3 * MB, noEtag: true }],
  ])("to a box %s in between never yields a mixture", async (_, mood) => {
    const upstream = await upstreamWith();
    const other = offer("1.0.0", vbox(5 * MB));
    upstream.offer({ ...one, checksum: null });
    upstream.mood = { ...mood, first: [] };
    const abort = setInterval(() => {
      if (upstream.sent() >= 3 * MB) {
        upstream.offer({ ...other, checksum: null });
        upstream.mood = {};
      }
    }, 1);
    try {
      await lab.archive("lab/tiny");
    } finally {
      clearInterval(abort);
    }
    const [found] = await lab.sound();
    expect([one, other].map(({ bytes }) => hashOf("sha256", bytes))).toContain(found?.record.sha256);
  });

  test("with new ETags each time ends well once an answer is whole", async () => {
    const upstream = await upstreamWith();
    upstream.offer(one);
    upstream.mood = { cutAfter: 3 * MB, newEtags: true };
    setTimeout(() => (upstream.mood = { newEtags: true }), 100);
    await lab.archive("lab/tiny").catch(async () => await lab.archive("lab/tiny"));
    expect(await lab.sound()).toHaveLength(1);
  });

  test("without a length, with a length, and a part that is whole already", async () => {
    const upstream = await upstreamWith();
    upstream.offer({ ...one, checksum: null });
    upstream.mood.noLength = true;
    await lab.archive("lab/tiny");
    expect(await lab.sound()).toHaveLength(1);
  });
});

describe("what is stored", () => {
  const unpackable = gzipSync(vbox(3 * MB));

  test("a gzip that saves nothing goes, and its checksums stay", async () => {
    const upstream = await upstreamWith();
    upstream.offer(offer("1.0.0", unpackable));
    await lab.archive("lab/tiny");
    const [found] = await lab.sound();
    expect(found?.record.original).toMatchObject({ packed: "gzip", sha256: hashOf("sha256", unpackable) });
    expect(leftovers()).toEqual([]);
    expect((await lab.archive("lab/tiny")).boxes[0]).toMatchObject({ status: "present", fetched: 0 });
  });

  test("a gzip that is worth it stays", async () => {
    const upstream = await upstreamWith();
    const bytes = gzipSync(box("virtualbox", { filling: Buffer.alloc(3 * MB, "text") }));
    upstream.offer(offer("1.0.0", bytes));
    await lab.archive("lab/tiny");
    expect((await lab.sound())[0]?.record).toMatchObject({ sha256: hashOf("sha256", bytes) });
  });

  test("a box that is none, or of another provider or architecture, is refused and not kept", async () => {
    const upstream = await upstreamWith();
    upstream.offer({ ...offer("1.0.0", Buffer.from("<html>Please log in</html>".repeat(500))), checksum: null });
    expect((await lab.refused("lab/tiny")).code).toBe("integrity");
    upstream.offer(offer("1.0.0", box("libvirt")));
    expect((await lab.refused("lab/tiny")).message).toContain("for libvirt, not for virtualbox");
    upstream.offer(offer("1.0.0", vbox(1, "arm64"), "amd64"));
    expect((await lab.refused("lab/tiny", { arch: ["amd64"] })).message).toContain("arm64");
    expect(lab.tree()).toEqual([]);
  });

  test("behind a link in the place of its folder nothing is written", async () => {
    const upstream = await upstreamWith();
    upstream.offer(offer("1.0.0"));
    const away = path.join(lab.folder, "away");
    fs.mkdirSync(away);
    fs.mkdirSync(path.join(lab.share, "boxes"));
    fs.symlinkSync(away, path.join(lab.share, "boxes/lab"));
    const { code, message } = await lab.refused("lab/tiny");
    expect([code, message]).toEqual(["integrity", expect.stringContaining(`is a link to ${away}`)]);
    expect(fs.readdirSync(away)).toEqual([]);
  });

  test("one that cannot be had does not keep the others away", async () => {
    const upstream = await upstreamWith();
    upstream.offer(offer("1.0.0", Buffer.from("no box")), offer("1.1.0"));
    const error = await lab.refused("lab/tiny", { allVersions: true });
    expect(error.result).toMatchObject({ boxes: [{ status: "failed" }, { status: "added" }] });
    expect((await lab.sound()).map(({ version }) => version)).toEqual(["1.1.0"]);
  });
});

describe("from elsewhere", () => {
  test("a catalog's address, and the same catalog as a file with files beside it", async () => {
    const upstream = await upstreamWith();
    upstream.offer(offer("1.0.0"));
    expect((await lab.archive(`${upstream.url}/catalog.json`)).boxes).toHaveLength(1);
    const file = path.join(lab.folder, "my box.box");
    fs.writeFileSync(file, vbox());
    const catalog = (url: string) =>
      JSON.stringify({ name: "lab/tiny", versions: [{ version: "2.0.0", providers: [{ name: "virtualbox", url }] }] });
    fs.writeFileSync(path.join(lab.folder, "catalog.json"), catalog("my%20box.box"));
    expect((await lab.archive("catalog.json")).boxes[0]).toMatchObject({ version: "2.0.0", status: "added" });
    expect(await lab.sound()).toHaveLength(2);
  });

  test("a catalog that comes gzipped, though nobody said that it may", async () => {
    const upstream = await upstreamWith();
    upstream.offer(offer("1.0.0"));
    upstream.mood.packed = true;
    expect((await lab.archive(`${upstream.url}/catalog.json`)).boxes).toMatchObject([{ status: "added" }]);
    expect((await lab.archive("lab/tiny")).boxes).toMatchObject([{ status: "present" }]);
  });

  test("what a catalog offers and nobody can use is told, and the rest archived", async () => {
    const upstream = await upstreamWith();
    upstream.offer(offer("1.0.0-rc1"), offer("1.0.0-RC1"), offer("1.0.0"));
    const error = await lab.refused("lab/tiny", { allVersions: true });
    expect(error.code).toBe("integrity");
    const result = error.result as { unusable: string[] };
    expect(result.unusable).toEqual([expect.stringContaining("is listed twice")]);
    expect(text(error.result as never)).toMatch(/^not usable: 1\.0\.0-rc1.* is listed twice$/m);
    expect((await lab.sound()).map(({ version }) => version)).toEqual(["1.0.0-rc1", "1.0.0"]);
  });

  test.each(["./missing.json", "sub/missing.json", "owner/name.box"])(
    "the file %s, which is not there",
    async (file) => {
      expect(await lab.refused(file)).toMatchObject({ code: "usage", message: `"${file}" is no file that is there.` });
    },
  );

  test("a bare box, once it is said what it is", async () => {
    const upstream = await upstreamWith();
    upstream.offer(offer("1.0.0"));
    const url = `${upstream.url}/lab/boxes/tiny/versions/1.0.0/providers/virtualbox/unknown/vagrant.box`;
    expect((await lab.refused(url)).code).toBe("usage");
    const named = { name: "lab/bare", version: "1.2.3" };
    expect((await lab.archive(url, named)).boxes[0]).toMatchObject({ status: "added", arch: "amd64" });
    expect(leftovers()).toEqual([]);
    expect((await lab.archive(url, named)).boxes[0]).toMatchObject({ status: "present" });
  });

  test("a box that killed runs left without its record is taken up", async () => {
    const upstream = await upstreamWith();
    upstream.offer(offer("1.0.0"));
    await lab.archive("lab/tiny");
    const place = path.join(lab.share, "boxes/lab/tiny/1.0.0/virtualbox-unknown");
    const record = JSON.parse(fs.readFileSync(`${place}.json`, "utf8"));
    fs.renameSync(`${place}.json`, `${place}.kept`);
    fs.writeFileSync(`${place}.box.part.json`, JSON.stringify({ layout: 1, source: "", synced: 0, boot: "", record }));
    fs.rmSync(`${place}.kept`);
    const sent = upstream.sent();
    await lab.archive("lab/tiny");
    expect(upstream.sent()).toBe(sent);
    expect(leftovers()).toEqual([]);
    expect(await lab.sound()).toHaveLength(1);
  });
});
