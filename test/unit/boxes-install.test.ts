/** `box install` on real folders and loopback servers: which box, where, and what happens when something is wrong. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chooseOffer, type Offer } from "../../src/boxes/install/offers.ts";
import { NotUnpackable, readFilePieces, unpackBox } from "../../src/boxes/install/unpack.ts";
import { parseConstraint } from "../../src/boxes/versions.ts";
import { boxLayout, boxPlace } from "../../src/vagrant/box-home.ts";
import { type BoxLab, installed, NAME, openBoxLab } from "../vagrant/box-lab.ts";

let lab: BoxLab;
beforeAll(async () => {
  lab = openBoxLab();
  await lab.publish({ version: "1.0.0", bytes: 3 << 20 });
});
afterAll(() => lab.close());

const FOLDER = "boxes/lab-VAGRANTSLASH-tiny";
/** A `vagrant` that says which it is, and does nothing else. */
function vagrantOf(version: string): NodeJS.ProcessEnv {
  const bin = fs.mkdtempSync(path.join(lab.folder, "bin-"));
  const script = `#!/bin/sh\n[ "$1" = --version ] && echo "Vagrant ${version}" || { echo "vagrant $*"; exit 9; }\n`;
  fs.writeFileSync(path.join(bin, "vagrant"), script, { mode: 0o755 });
  return { PATH: `${bin}:${process.env["PATH"]}` };
}

// biome-ignore lint/suspicious/noExplicitAny: the envelope is what is tested
async function install(home: string, args: string[] = [], version = "2.4.9", share = lab.share): Promise<any> {
  const env = { ...vagrantOf(version), VAGRANT_HOME: home };
  const { code, stdout, text } = await lab.notebox(["box", "install", NAME, "--share", share, "--json", ...args], env);
  return { code, text, ...JSON.parse(stdout) };
}

describe("the layout of the Vagrant that is there", () => {
  test.each([
    ["2.3.4", "1.0.0/virtualbox"],
    ["2.3.7", "1.0.0/virtualbox"],
    ["2.4.0", "1.0.0/arm64/virtualbox"],
    ["2.4.9", "1.0.0/arm64/virtualbox"],
  ])("%s: %s", (version, place) => {
    const layout = boxLayout(version);
    expect(layout && boxPlace(layout, { version: "1.0.0", provider: "virtualbox", arch: "arm64" })).toBe(place);
  });
  test.each(["2.3.3", "2.3.8", "2.4.10", "2.5.0", "3.0.0", "2.4.9.dev"])("%s is unknown", (version) =>
    expect(boxLayout(version)).toBeUndefined(),
  );

  test("an unknown one does the work itself, and it is said", async () => {
    const { code, error } = await install(lab.home(), [], "2.5.0");
    expect([code, error.message]).toEqual([7, expect.stringContaining("vagrant box")]);
  });

  test("one that cannot tell architectures apart gets no box for another one", async () => {
    await lab.publish({ version: "1.0.0", arch: "arm64" });
    const home = lab.home();
    const { code, error } = await install(home, ["--arch", "arm64"], "2.3.4");
    expect([code, error.code, installed(home)]).toEqual([10, "refused", {}]);
    expect((await install(home, ["--arch", "arm64"])).result.box).toMatch(/1\.0\.0\/arm64\/virtualbox$/);
  });
});

describe("which box", () => {
  const offer = (version: string, arch: string, provider = "virtualbox"): Offer => {
    return { name: NAME, version, provider, arch, address: "x", sha256: "x" };
  };
  const choose = (constraint: string, offers: Offer[], provider?: string) =>
    chooseOffer("share", NAME, offers, {
      clauses: parseConstraint(constraint) ?? [],
      arch: "amd64",
      ...(provider === undefined ? {} : { provider }),
    });
  const offers = [
    offer("1.9.0", "amd64"),
    offer("1.10.0", "amd64"),
    offer("1.11.0", "arm64"),
    offer("1.2.0", "unknown"),
  ];

  test("the newest for this computer, never a newer one for another", () =>
    expect(choose("", offers).version).toBe("1.10.0"));
  test("by constraint", () => expect(choose("~> 1.9.0", offers).version).toBe("1.9.0"));
  test("one of unknown architecture only where there is no other", () => {
    expect(choose("", [offer("1.2.0", "unknown"), offer("1.1.0", "arm64")]).version).toBe("1.2.0");
    expect(() => choose("< 1.5", offers)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/not in a version that fits/),
        hint: "It has: 1.10.0, 1.9.0.",
      }),
    );
  });
  test("none for this computer", () => expect(() => choose("", [offer("1.0.0", "arm64")])).toThrow(/not for amd64/));
  test("two providers: one must be named", () => {
    const both = [offer("1.0.0", "amd64"), offer("1.0.0", "amd64", "libvirt")];
    expect(() => choose("", both)).toThrow(/virtualbox and libvirt/);
    expect(choose("", both, "libvirt").provider).toBe("libvirt");
  });
});

describe("what goes wrong leaves no trace", () => {
  test("a damaged box: exit 6", async () => {
    const file = path.join(lab.share, "boxes/lab/tiny/1.0.0/virtualbox-amd64.box");
    const whole = fs.readFileSync(file);
    const home = lab.home();
    for (const damage of [
      (bytes: Buffer) => bytes.fill(0, 2 << 20, (2 << 20) + 1),
      (bytes: Buffer) => bytes.subarray(0, 1 << 20),
      (bytes: Buffer) => bytes.fill(7, 0, 512),
    ]) {
      fs.writeFileSync(file, damage(Buffer.from(whole)));
      const { code, error } = await install(home);
      expect([code, error.code, fs.readdirSync(path.join(home, "boxes"))]).toEqual([6, "integrity", []]);
    }
    fs.writeFileSync(file, whole);
  });

  test("no such box, no share: exit 5, with what there is", async () => {
    const env = { ...vagrantOf("2.4.9"), VAGRANT_HOME: lab.home() };
    const wrong = await lab.notebox(["box", "install", "lab/tinny", "--share", lab.share], env);
    expect([wrong.code, wrong.text]).toEqual([5, expect.stringContaining("Did you mean lab/tiny?")]);
    expect((await install(lab.home(), [], "2.4.9", lab.folder)).code).toBe(5);
    expect((await install(lab.home(), ["--version", "^1"])).code).toBe(2);
  });

  test("an account that may not write there: exit 7, VAGRANT_HOME is named", async () => {
    const home = lab.home();
    fs.writeFileSync(path.join(home, "boxes"), "a file");
    const { code, error } = await install(home);
    expect([code, error.hint]).toEqual([7, expect.stringContaining("VAGRANT_HOME")]);
  });
});

describe("where Vagrant is to ask for updates", () => {
  test("a path that is no door: the share's door for others, and if there is none, that is said", async () => {
    const link = path.join(lab.folder, "mounted");
    fs.symlinkSync(lab.share, link);
    const home = lab.home();
    const without = await lab.notebox(["box", "install", NAME, "--share", link], {
      ...vagrantOf("2.4.9"),
      VAGRANT_HOME: home,
    });
    expect([without.code, without.text]).toEqual([0, expect.stringMatching(/will not hear of newer versions/)]);
    expect(installed(home)[`lab-VAGRANTSLASH-tiny/metadata_url`]).toBeUndefined();
    const settings = path.join(lab.share, "notebox-share.json");
    const before = fs.readFileSync(settings, "utf8");
    const data = JSON.parse(before);
    data.doors.push("//files.example.edu/boxes", "https://boxes.example.edu/b");
    fs.writeFileSync(settings, JSON.stringify(data));
    const { result } = await install(lab.home(), [], "2.4.9", link);
    fs.writeFileSync(settings, before);
    expect(result.catalog).toMatch(/^https:\/\/boxes\.example\.edu\/b\/catalogs\/[^/]+\/lab\/tiny\.json$/);
  });
});

describe("others at the same time", () => {
  test("two installs at once: one does it, the other one finds it", async () => {
    const home = lab.home();
    const both = await Promise.all([install(home), install(home)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.map(({ result }) => result.installed).sort()).toEqual([false, true]);
    expect(fs.readdirSync(path.join(home, FOLDER)).sort()).toEqual(["1.0.0", "metadata_url"]);
  });

  test("what a killed Vagrant left in the box's place is replaced, once it is no longer at work", async () => {
    const home = lab.home();
    const place = path.join(home, FOLDER, "1.0.0/amd64/virtualbox");
    fs.mkdirSync(place, { recursive: true });
    fs.writeFileSync(path.join(place, "box.ovf"), "half");
    const old = new Date(Date.now() - 600_000);
    fs.utimesSync(place, old, old);
    expect((await install(home)).result.installed).toBe(true);
    expect(fs.readFileSync(path.join(place, "box.ovf"), "utf8")).toBe("<Envelope/>");
    expect(Object.keys(installed(home)).filter((name) => name.includes(".notebox"))).toEqual([]);
  });
});

describe("over HTTP", () => {
  /** Serves the share as any web server does, but badly: each connection breaks after so many bytes. */
  async function weak(options: { limit: number; ranges: boolean }) {
    const asked: string[] = [];
    const server = http.createServer((request, response) => {
      const url = new URL(request.url ?? "", "http://x");
      if (url.pathname.startsWith("/catalogs/")) {
        const record = JSON.parse(
          fs.readFileSync(path.join(lab.share, "boxes/lab/tiny/1.0.0/virtualbox-amd64.json"), "utf8"),
        );
        const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/box`;
        const provider = {
          name: "virtualbox",
          url: address,
          checksum_type: "sha256",
          checksum: record.sha256,
          architecture: "amd64",
        };
        response.setHeader("content-type", "application/json");
        return void response.end(
          JSON.stringify({ name: NAME, versions: [{ version: "1.0.0", providers: [provider] }] }),
        );
      }
      const bytes = fs.readFileSync(path.join(lab.share, "boxes/lab/tiny/1.0.0/virtualbox-amd64.box"));
      const range = options.ranges ? /^bytes=(\d+)-$/.exec(request.headers.range ?? "") : null;
      asked.push(request.headers.range ?? "all");
      const start = Number(range?.[1] ?? 0);
      response.writeHead(range ? 206 : 200, {
        "content-length": bytes.length - start,
        etag: '"one"',
        ...(range ? { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
      });
      const limit = options.limit * asked.length;
      const end = options.ranges ? start + options.limit : limit;
      response.write(bytes.subarray(start, end), () => (end >= bytes.length ? response.end() : response.destroy()));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
  }

  test.each([
    ["with ranges it goes on where it was cut off", true],
    ["without ranges it takes what is new of each answer", false],
  ])("a connection that breaks: %s", async (_name, ranges) => {
    const server = await weak({ limit: 1_300_000, ranges });
    const [home, other] = [lab.home(), lab.home()];
    const { code, text } = await install(home, [], "2.4.9", server.url);
    expect(code, text).toBe(0);
    expect(server.asked).toHaveLength(3);
    expect(server.asked[2]).toMatch(/^bytes=[12]\d{6}-$/);
    await install(other);
    const noted = `lab-VAGRANTSLASH-tiny/metadata_url`;
    const [here, there] = [installed(home), installed(other)];
    expect(here[noted]).toMatch(`${server.url}/catalogs/`);
    expect({ ...here, [noted]: "" }).toEqual({ ...there, [noted]: "" });
    server.close();
  });
});

describe("hostile archives", () => {
  /** Made by Python's tarfile, which writes any name and kind. */
  function hostile(python: string, mode = "w"): string {
    const file = path.join(fs.mkdtempSync(path.join(lab.folder, "hostile-")), "x.box");
    const script = `import io, sys, tarfile
t = tarfile.open(sys.argv[1], "${mode}")
def add(name, data=b"x", **more):
    i = tarfile.TarInfo(name); i.size = len(data)
    for k, v in more.items(): setattr(i, k, v)
    t.addfile(i, io.BytesIO(data))
add("metadata.json", b'{"provider":"virtualbox"}')
${python}
t.close()`;
    execFileSync("python3", ["-c", script, file]);
    return file;
  }
  async function unpack(file: string): Promise<{ folder: string; sha256: string; unpacked: number }> {
    const folder = fs.mkdtempSync(path.join(lab.folder, "unpacked-"));
    const inner = path.join(folder, "box");
    fs.mkdirSync(inner);
    const pieces = readFilePieces(file, () => {}, new AbortController().signal);
    return { folder: inner, ...(await unpackBox(pieces, inner, file)) };
  }
  /** All that lies in the lab beside what was unpacked. */
  const outside = (): string[] =>
    fs.readdirSync(lab.folder).filter((name) => !/^(?:hostile|unpacked|home|bin)-/.test(name));

  test.each([
    ["an absolute path", 'add("/tmp/notebox-escaped")', /absolute path/],
    ["..", 'add("../../escaped")', /outside/],
    ["a backslash ..", 'add("..\\\\..\\\\escaped")', /outside/],
    ["a link out", 'add("disk", b"", type=tarfile.SYMTYPE, linkname="/etc")', /neither a file nor a folder/],
    ["a hard link", 'add("disk", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd")', /neither a file nor a folder/],
    ["a device", 'add("disk", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3)', /neither a file nor a folder/],
    ["a name twice", 'add("disk"); add("disk")', /twice/],
    ["a file where a folder is", 'add("a/b"); add("a")', /twice/],
  ])("%s", async (_name, python, fault) => {
    const before = outside();
    await expect(unpack(hostile(python))).rejects.toMatchObject({
      code: "integrity",
      message: expect.stringMatching(fault),
    });
    expect(outside()).toEqual(before);
    expect(fs.existsSync("/tmp/notebox-escaped")).toBe(false);
  });

  test.each(["gnu", "posix"])("a sparse one, which only bsdtar unpacks (%s): Vagrant does it", async (format) => {
    const folder = fs.mkdtempSync(path.join(lab.folder, "hostile-"));
    fs.writeFileSync(path.join(folder, "metadata.json"), '{"provider":"libvirt"}');
    fs.writeFileSync(path.join(folder, "box.img"), "x");
    fs.truncateSync(path.join(folder, "box.img"), 5 << 20);
    const file = path.join(folder, "x.box");
    execFileSync("tar", ["-C", folder, "-S", `--format=${format}`, "-cf", file, "metadata.json", "box.img"]);
    await expect(unpack(file)).rejects.toThrow(NotUnpackable);
    const place = "boxes/lab/tiny/3.0.0/libvirt-amd64";
    fs.mkdirSync(path.join(lab.share, path.dirname(place)), { recursive: true });
    fs.copyFileSync(file, path.join(lab.share, `${place}.box`));
    const sha256 = createHash("sha256").update(fs.readFileSync(file)).digest("hex");
    const record = { sha256, size: fs.statSync(file).size };
    fs.writeFileSync(path.join(lab.share, `${place}.json`), JSON.stringify(record));
    const { code, error } = await install(lab.home(), ["--provider", "libvirt"]);
    expect([code, error.message]).toEqual([7, expect.stringContaining("vagrant box")]);
    fs.rmSync(path.join(lab.share, path.dirname(place)), { recursive: true });
  });

  test.each(["w", "w:gz"])("a sound one with folders, long names and rights: %s", async (mode) => {
    const file = hostile(
      'add("a/b/" + "n" * 150, b"long" * 300000, mode=0o755); add("a\\\\c.txt", mode=0); add("./d"); add("e", b"", type=tarfile.DIRTYPE)',
      mode,
    );
    const { folder, sha256 } = await unpack(file);
    expect(sha256).toBe(createHash("sha256").update(fs.readFileSync(file)).digest("hex"));
    expect(fs.readFileSync(path.join(folder, "a/b", "n".repeat(150)), "utf8")).toBe("long".repeat(300_000));
    expect(fs.statSync(path.join(folder, "a/b", "n".repeat(150))).mode & 0o700).toBe(0o700);
    // Nothing that its owner could not read or delete again.
    expect(fs.statSync(path.join(folder, "a/c.txt")).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(folder).sort()).toEqual(["a", "d", "e", "metadata.json"]);
  });
});
