/** `box serve` as its clients see it, over real connections: what it gives out, what it never does, how it ends. */
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BoxLab, NAME, openBoxLab, type Running } from "../vagrant/box-lab.ts";

let lab: BoxLab;
let server: Running;
let bytes: Buffer;
const BOX = "/boxes/lab/tiny/1.0.0/virtualbox-amd64.box";

beforeAll(async () => {
  lab = openBoxLab("Übungen #1 & 100%");
  await lab.publish({ version: "1.0.0", doors: ["https://boxes.example.edu/"] });
  await lab.publish({ version: "1.0.0", arch: "arm64" });
  bytes = fs.readFileSync(path.join(lab.share, BOX));
  server = await lab.serve();
});
afterAll(() => lab.close());

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

/** The path goes out as it is: no client tidies it first. */
async function ask(
  target: string,
  options: { method?: string; headers?: http.OutgoingHttpHeaders } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(server.url);
  return await new Promise((resolve, reject) => {
    const request = http.request({ host: hostname, port, path: target, agent: false, ...options }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
      );
      response.on("error", reject);
    });
    request.on("error", reject).end();
  });
}

const urlsIn = ({ body }: Answer): string[] =>
  [...body.toString().matchAll(/"url": "([^"]*)"/g)].map(([, url = ""]) => url);

describe("catalogs", () => {
  test.each([`/${NAME}`, `/api/v2/vagrant/${NAME}`, `/catalogs/any-door/${NAME}.json`])("%s", async (target) => {
    const head = await ask(target, { method: "HEAD" });
    expect([head.status, head.headers["content-type"], head.body.length]).toEqual([200, "application/json", 0]);
    const got = await ask(target);
    expect(got.headers["content-length"]).toBe(head.headers["content-length"]);
    expect(JSON.parse(got.body.toString()).name).toBe(NAME);
    expect(urlsIn(got)).toEqual([
      `${server.url}/boxes/lab/tiny/1.0.0/virtualbox-arm64.box`,
      `${server.url}/boxes/lab/tiny/1.0.0/virtualbox-amd64.box`,
    ]);
  });

  test("show an old Vagrant no version that it cannot use, unless there is no other", async () => {
    const agent = (version: string) => ({
      headers: { "user-agent": `Vagrant/${version} (+https://www.vagrantup.com)` },
    });
    await lab.publish({ version: "2.0.0", arch: "arm64" });
    const [old, newer] = [await ask(`/${NAME}`, agent("2.3.7")), await ask(`/${NAME}`, agent("2.4.0"))];
    expect(urlsIn(old)).toEqual([`${server.url}/boxes/lab/tiny/1.0.0/virtualbox-amd64.box`]);
    expect(urlsIn(newer).filter((url) => url.includes("/2.0.0/"))).toEqual([
      `${server.url}/boxes/lab/tiny/2.0.0/virtualbox-arm64.box`,
      expect.stringMatching(/\/2\.0\.0\/only-for-arm64--needs-vagrant-2\.4/),
    ]);
    expect(old.headers["vary"]).toBe("user-agent");
    for (const target of [
      "/lab/boxes/tiny/versions/2.0.0/providers/virtualbox.box",
      new URL(urlsIn(newer).at(-1) ?? "").pathname,
    ])
      expect((await ask(target)).status).toBe(404);
    fs.rmSync(path.join(lab.share, "boxes/lab/tiny/2.0.0"), { recursive: true });
  });

  test("are for the host that was asked", async () => {
    const [url] = urlsIn(await ask(`/${NAME}`, { headers: { host: "pool-3.example.edu:81" } }));
    expect(url).toMatch(/^http:\/\/pool-3\.example\.edu:81\/boxes\//);
  });

  test.each(['a"b', "a/b", "a b", "[::1", "x:99999", "@evil"])("refuse the host %j", async (host) => {
    expect((await ask(`/${NAME}`, { headers: { host } })).status).toBe(400);
  });

  test("follow what is published meanwhile", async () => {
    await lab.publish({ version: "1.1.0" });
    expect(urlsIn(await ask(`/${NAME}`)).some((url) => url.includes("/1.1.0/"))).toBe(true);
  });
});

describe("boxes", () => {
  test("come whole, under the registry's own addresses too", async () => {
    for (const target of [
      BOX,
      "/lab/boxes/tiny/versions/1.0.0/providers/virtualbox.box",
      "/lab/boxes/tiny/versions/1.0.0/providers/virtualbox/amd64/vagrant.box",
    ]) {
      const { status, headers, body } = await ask(target);
      expect([status, headers["content-type"], headers["accept-ranges"]]).toEqual([
        200,
        "application/octet-stream",
        "bytes",
      ]);
      expect(body.equals(bytes)).toBe(true);
    }
  });

  test.each([
    ["bytes=0-0", 0, 1],
    ["bytes=100-299", 100, 300],
    ["bytes=9000-", 9000, undefined],
    ["bytes=-7", -7, undefined],
    ["bytes=10-99999999", 10, undefined],
  ])("%s", async (range, start, end) => {
    const { status, headers, body } = await ask(BOX, { headers: { range } });
    const wanted = bytes.subarray(start, end);
    const first = start < 0 ? bytes.length + start : start;
    expect([status, headers["content-range"], body.equals(wanted)]).toEqual([
      206,
      `bytes ${first}-${first + wanted.length - 1}/${bytes.length}`,
      true,
    ]);
  });

  // RFC 9110 §14.2: a server may ignore a range. For Vagrant it must: see byte-ranges.ts.
  test.each(["bytes=SIZE-", "bytes=999999999-", "bytes=5-2", "bytes=0-1,4-5", "bytes=-0", "lines=1-2", "bytes=-"])(
    "%s is answered with the whole box, never with 416",
    async (range) => {
      const { status, headers, body } = await ask(BOX, {
        headers: { range: range.replace("SIZE", String(bytes.length)) },
      });
      expect([status, headers["content-range"], headers["content-length"]]).toEqual([
        200,
        undefined,
        String(bytes.length),
      ]);
      expect(body.equals(bytes)).toBe(true);
    },
  );

  test("If-Range takes the version it names, and no other", async () => {
    const { headers } = await ask(BOX, { method: "HEAD" });
    const part = async (ifRange: string) =>
      (await ask(BOX, { headers: { range: "bytes=5-9", "if-range": ifRange } })).status;
    expect(await part(String(headers.etag))).toBe(206);
    expect(await part(String(headers["last-modified"]))).toBe(206);
    expect(await part('"other"')).toBe(200);
    expect(await part("Tue, 01 Jan 2019 00:00:00 GMT")).toBe(200);
  });

  test("the entity tag changes with the file", async () => {
    const before = (await ask(BOX, { method: "HEAD" })).headers.etag;
    expect((await ask(BOX, { headers: { "if-none-match": `"x", ${before}` } })).status).toBe(304);
    const now = new Date();
    fs.utimesSync(path.join(lab.share, BOX), now, now);
    const after = await ask(BOX, { headers: { "if-none-match": String(before) } });
    expect([after.status, after.headers.etag === before]).toEqual([200, false]);
  });

  test("a box without its record was never finished, and is not there", async () => {
    const folder = path.join(lab.share, "boxes/lab/tiny/1.0.0");
    fs.writeFileSync(path.join(folder, "libvirt-amd64.box"), "x");
    expect((await ask("/boxes/lab/tiny/1.0.0/libvirt-amd64.box")).status).toBe(404);
    fs.rmSync(path.join(folder, "libvirt-amd64.box"));
  });
});

describe("no path leaves the share", () => {
  test.each([
    "/../secret.txt",
    "/boxes/../../secret.txt",
    "/boxes/lab/tiny/1.0.0/../../../../../secret.txt",
    "/boxes/%2e%2e/%2e%2e/secret.txt/x",
    "/boxes/lab/tiny/%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e/virtualbox-amd64.box",
    "/boxes/lab/tiny/..%5c..%5c..%5c../virtualbox-amd64.box",
    "/boxes/lab/tiny/1.0.0/virtualbox-amd64.box%00.json",
    "/boxes/lab/tiny/1.0.0/link-amd64.box",
    "/boxes/lab/out/1.0.0/virtualbox-amd64.box",
    "/catalogs/x/../../secret.json",
    "/catalogs/x/%2e%2e/%2e%2e.json",
    "/notebox-share.lock",
    "/boxes",
    "/boxes/",
    "//boxes/lab/tiny/1.0.0/virtualbox-amd64.box",
    "/boxes/lab/tiny/1.0.0/virtualbox-amd64.box/",
    "/%",
    "/%ff/%fe",
    "/con/nul",
    "/..;/..;/secret.txt",
  ])("%s", async (target) => {
    const link = path.join(lab.share, "boxes/lab/tiny/1.0.0/link-amd64");
    fs.writeFileSync(path.join(lab.folder, "secret.txt"), "secret");
    if (!fs.existsSync(`${link}.json`)) {
      fs.symlinkSync(path.join(lab.folder, "secret.txt"), `${link}.box`);
      fs.copyFileSync(path.join(lab.share, BOX.replace(/box$/, "json")), `${link}.json`);
      const out = path.join(lab.folder, "out/1.0.0");
      fs.mkdirSync(out, { recursive: true });
      fs.cpSync(path.join(lab.share, "boxes/lab/tiny/1.0.0"), out, { recursive: true, dereference: true });
      fs.symlinkSync(path.dirname(out), path.join(lab.share, "boxes/lab/out"));
    }
    const { status, body } = await ask(target);
    expect([status, body.includes("secret")]).toEqual([404, false]);
  });

  test.each(["PUT", "POST", "DELETE", "OPTIONS"])("%s changes nothing", async (method) => {
    const { status, headers } = await ask(BOX, { method });
    expect([status, headers.allow]).toEqual([405, "GET, HEAD"]);
  });
});

describe("the server itself", () => {
  test("writes an access log that a log reader knows, and listens to this computer only", async () => {
    await ask(`${BOX}?x="y"`, { headers: { "user-agent": 'Vagrant/2.3.4 "\u00fc' } });
    const line = (): string => server.log().trim().split("\n").at(-1) ?? "";
    await expect
      .poll(line)
      .toMatch(
        /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \S+virtualbox-amd64\.box\S+ HTTP\/1\.1" 200 \d+ "-" "Vagrant\/2\.3\.4 \?\?"$/,
      );
    expect(server.log()).not.toContain("can read");
  });

  test("tells whoever runs it of a damaged record, and the network only that there is trouble", async () => {
    const record = path.join(lab.share, "boxes/lab/tiny/1.1.0/virtualbox-amd64.json");
    const text = fs.readFileSync(record, "utf8");
    fs.writeFileSync(record, text.slice(0, 40));
    const { status, body } = await ask(`/${NAME}`);
    fs.writeFileSync(record, text);
    expect([status, body.toString()]).toEqual([503, "The share cannot be read just now.\n"]);
    await expect.poll(server.log).toContain(`The record ${record} cannot be read`);
    expect((await ask(`/${NAME}`)).status).toBe(200);
  });

  test("says it when the network can read along, and refuses a port that is taken", async () => {
    const open = await lab.serve("--host", "0.0.0.0");
    expect(open.log()).toMatch(/over the network can read/);
    const taken = await lab.notebox(["box", "serve", "--share", lab.share, "--port", new URL(server.url).port]);
    expect([taken.code, taken.text]).toEqual([9, expect.stringMatching(/is taken/)]);
    await open.stop();
  });

  test("holds clients that take nothing in little memory, and cuts them off when it is stopped", async () => {
    const release = layLarge(400 << 20);
    const own = await lab.serve();
    const sockets: net.Socket[] = [];
    for (let count = 0; count < 20; count++) {
      const socket = net.connect(Number(new URL(own.url).port), "127.0.0.1").on("error", () => {});
      socket.write(`GET ${LARGE} HTTP/1.1\r\nHost: x\r\n\r\n`);
      socket.pause();
      sockets.push(socket);
    }
    await new Promise((resolve) => setTimeout(resolve, 800));
    const rss = Number(/^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${own.pid}/status`, "utf8"))?.[1]) / 1024;
    for (const socket of sockets) socket.destroy();
    expect(rss).toBeLessThan(150);
    release();
  });

  test("finishes what is under way when it is stopped, and ends as a success", async () => {
    const release = layLarge(64 << 20);
    const own = await lab.serve();
    let received = 0;
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get(new URL(LARGE, own.url), { agent: false }, resolve).on("error", reject);
    });
    const ended = own.stop("SIGINT");
    // Stopped, but not gone before this one has what it came for.
    await new Promise((resolve) => setTimeout(resolve, 300));
    for await (const part of response) received += (part as Buffer).length;
    const { code, stdout } = await ended;
    expect([code, stdout]).toEqual([0, expect.stringMatching(/is no longer served: 1 requests, 64\.0 MiB/)]);
    expect([received, response.complete]).toEqual([64 << 20, true]);
    release();
  });
});

const LARGE = "/boxes/lab/tiny/1.0.0/large-amd64.box";

/** A box of that size which takes no room; gives back what removes it. */
function layLarge(size: number): () => void {
  const box = path.join(lab.share, LARGE);
  const record = box.replace(/box$/, "json");
  fs.copyFileSync(path.join(lab.share, BOX.replace(/box$/, "json")), record);
  fs.writeFileSync(box, "");
  fs.truncateSync(box, size);
  return () => [box, record].forEach((file) => void fs.rmSync(file));
}
