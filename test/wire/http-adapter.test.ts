/** The HTTP adapter at the wire: who is asked directly and who through a proxy, and that one request is one request. */
import { randomBytes } from "node:crypto";
import http from "node:http";
import net from "node:net";
import { Readable } from "node:stream";
import zlib from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createDownloads } from "../../src/adapters/download.ts";
import { createHttp } from "../../src/adapters/got.ts";
import { UserError } from "../../src/errors.ts";

let server: http.Server;
let proxy: http.Server;
let url: string;
let proxyUrl: string;
let seen: string[];
let proxied: string[];

async function listen(made: http.Server): Promise<string> {
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(made.address() as net.AddressInfo).port}`;
}

beforeAll(async () => {
  server = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    if (request.url === "/moved") response.writeHead(302, { location: "/elsewhere" });
    else if (request.url === "/busy") response.writeHead(503);
    else if (request.url?.startsWith("/hangs")) return;
    else if (request.url === "/endless") {
      const chunk = Buffer.alloc(1024 * 1024, 97);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", more);
      return more();
    } else if (request.url === "/bomb") {
      response.setHeader("content-encoding", "gzip");
      const zeros = Readable.from(Array.from({ length: 400 }, () => Buffer.alloc(1024 * 1024)));
      return void zeros.pipe(zlib.createGzip()).pipe(response);
    } else if (request.url === "/stalls") return void response.write("first");
    else if (request.url === "/cut") {
      response.writeHead(200, { "content-length": 10 }).write("first");
      setTimeout(() => response.destroy(), 20);
      return;
    }
    response.end("hello");
  });
  // A proxy that answers by itself, as far as it is asked to fetch something, and refuses tunnels.
  proxy = http.createServer((request, response) => {
    proxied.push(
      `${request.method} ${request.url} ${request.headers.host} ${request.headers["proxy-authorization"] ?? ""}`.trim(),
    );
    response.end("from the proxy");
  });
  proxy.on("connect", (request, socket) => {
    proxied.push(`CONNECT ${request.url}`);
    socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
  });
  [url, proxyUrl] = await Promise.all([listen(server), listen(proxy)]);
});
afterAll(() => {
  for (const one of [server, proxy]) {
    one.closeAllConnections();
    one.close();
  }
});
beforeEach(() => {
  seen = [];
  proxied = [];
});

const ask = async (address: string, env: Record<string, string> = {}, more: object = {}) =>
  await createHttp(env).request({ url: address, timeoutMs: 3000, ...more });
const problem = async (work: Promise<unknown>): Promise<UserError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
};

describe("proxies", () => {
  test("this computer is never asked through one", async () => {
    const env = { http_proxy: proxyUrl, HTTP_PROXY: proxyUrl, all_proxy: proxyUrl };
    expect((await ask(`${url}/`, env)).body).toBe("hello");
    expect((await ask(`${url.replace("127.0.0.1", "localhost")}/`, env)).body).toBe("hello");
    expect(proxied).toEqual([]);
  });

  test("a plain address goes to the proxy whole, as proxies expect it, with its password", async () => {
    const withPassword = proxyUrl.replace("//", "//me:p%40ss@");
    const answer = await ask("http://files.example.test/boxes?x=1", { http_proxy: withPassword });
    expect(answer.body).toBe("from the proxy");
    const secret = Buffer.from("me:p@ss").toString("base64");
    expect(proxied).toEqual([`GET http://files.example.test/boxes?x=1 files.example.test Basic ${secret}`]);
  });

  test("https goes through a tunnel; what the proxy says is passed on", async () => {
    const error = await problem(ask("https://files.example.test/", { https_proxy: proxyUrl }));
    expect(proxied).toEqual(["CONNECT files.example.test:443"]);
    expect(error.message).toMatch(/through the proxy 127\.0\.0\.1:\d+: .*407/);
  });

  test.each([
    ["example.test", true],
    [".example.test", true],
    ["other.test, files.example.test:80", true],
    ["*", true],
    ["ample.test", false],
    ["files.example.test:8080", false],
  ])("no_proxy=%s", async (noProxy, direct) => {
    const env = { http_proxy: proxyUrl, no_proxy: noProxy };
    const through = await ask("http://files.example.test/", env).then(
      ({ body }) => body === "from the proxy",
      () => false,
    );
    expect(through).toBe(!direct);
  });

  test("`direct` is stronger than the variables", async () => {
    await problem(ask("http://files.example.test/", { http_proxy: proxyUrl }, { direct: true }));
    expect(proxied).toEqual([]);
  });
});

describe("one request", () => {
  test.each([
    ["/moved", 302],
    ["/busy", 503],
    ["/", 200],
  ])("%s is asked once and answered with %i", async (path, status) => {
    expect((await ask(url + path)).status).toBe(status);
    expect(seen).toEqual([`GET ${path}`]);
  });

  test("no answer in time, in words and without the query, where a token may stand", async () => {
    const error = await problem(ask(`${url}/hangs?token=secret`, {}, { timeoutMs: 200 }));
    expect(error.code).toBe("unreachable");
    expect(error.message).toContain("no answer within 0.2 s");
    expect(error.message).not.toContain("secret");
  });

  // A VM that has been taken over must not fill this computer's memory.
  test.each(["/endless", "/bomb"])("%s is broken off", async (path) => {
    const before = process.memoryUsage().rss;
    const error = await problem(ask(url + path, {}, { timeoutMs: 60_000 }));
    expect(error.code).toBe("unreachable");
    expect(error.message).toContain("its answer is larger than 256 MB");
    expect(process.memoryUsage().rss - before).toBeLessThan(1024 * 1024 * 1024);
  });

  test("nothing listens", async () => {
    const free = http.createServer();
    const address = await listen(free);
    await new Promise((resolve) => free.close(resolve));
    expect((await problem(ask(address))).message).toContain("connection refused");
  });

  test("Ctrl-C ends it", async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    const error = await problem(ask(`${url}/hangs`, {}, { signal: abort.signal }));
    expect(error.code).toBe("interrupted");
  });
});

describe("a download", () => {
  const open = async (path: string, env = {}, address = url, idleMs = 200) =>
    await createDownloads(env).open({ url: address + path, idleMs });
  const read = async (path: string, env = {}, address = url): Promise<string> => {
    const { body, headers } = await open(path, env, address);
    let text = "";
    for await (const chunk of body) text += Buffer.from(chunk).toString();
    return `${headers["connection"] ?? ""} ${text}`;
  };

  test("is the bytes as they are sent", async () => {
    expect(await read("/")).toMatch(/ hello$/);
  });

  test.each([
    ["/hangs", "no answer within 0.2 s"],
    ["/stalls", "no answer within 0.2 s"],
    ["/cut", "the connection was cut"],
  ])("%s: %s", async (path, why) => {
    const error = await problem(read(path));
    expect([error.code, error.message]).toEqual(["unreachable", expect.stringContaining(why)]);
  });

  test("goes through the proxy that the environment names", async () => {
    expect(await read("/x.box", { http_proxy: proxyUrl }, "http://files.example.test")).toContain("from the proxy");
  });

  test("a tunnel that the proxy refuses is told", async () => {
    const error = await problem(read("/x.box", { https_proxy: proxyUrl }, "https://files.example.test"));
    expect(error.message).toMatch(/through the proxy 127\.0\.0\.1:\d+: .*407/);
  });

  test("Ctrl-C ends it before the answer and within the body", async () => {
    for (const path of ["/hangs", "/stalls"]) {
      const abort = new AbortController();
      setTimeout(() => abort.abort(), 50);
      const asked = createDownloads({}).open({ url: url + path, idleMs: 3000, signal: abort.signal });
      const drained = asked.then(async ({ body }) => {
        for await (const _ of body);
      });
      expect((await problem(drained)).code).toBe("interrupted");
    }
  });

  describe("from a server that sends these very bytes", () => {
    const large = randomBytes(5 * 1024 * 1024 + 7);
    const ok = (...headers: string[]) => ["HTTP/1.1 200 OK", ...headers, "", ""].join("\r\n");
    const withServer = async <T>(sent: (string | Buffer)[], work: (address: string) => Promise<T>): Promise<T> => {
      const raw = net.createServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", async () => {
          for (const one of sent) {
            if (one === "END") socket.end();
            else socket.write(one);
            // So that each arrives alone.
            await new Promise((resolve) => setTimeout(resolve, 15));
          }
        });
      });
      await new Promise<void>((resolve) => raw.listen(0, "127.0.0.1", resolve));
      try {
        return await work(`http://127.0.0.1:${(raw.address() as net.AddressInfo).port}`);
      } finally {
        raw.close();
      }
    };
    const all = async (sent: (string | Buffer)[], idleMs = 20_000): Promise<Buffer> =>
      await withServer(sent, async (address) => {
        const parts: Buffer[] = [];
        for await (const piece of (await open("/", {}, address, idleMs)).body) parts.push(Buffer.from(piece));
        return Buffer.concat(parts);
      });

    test.each<[string, (string | Buffer)[]]>([
      ["head and body at once", [`${ok("content-length: 5")}hello`]],
      ["the head cut within its end", ["HTTP/1.1 200 OK\r\ncontent-length: 5\r", "\n\r", "\nhel", "lo"]],
      [
        "a hint before the answer",
        [`HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n${ok("content-length: 5")}hel`, "lo"],
      ],
      ["more bytes than it said", [`${ok("content-length: 5")}hello again`]],
      ["in chunks", [`${ok("transfer-encoding: chunked")}2\r\nhe\r\n`, "3\r\nllo\r\n0\r\n\r\n"]],
      ["without a length", [`${ok("connection: close")}hel`, "lo", "END"]],
    ])("%s", async (_, sent) => {
      expect((await all(sent)).toString()).toBe("hello");
    });

    test("nothing at all, which ends without waiting", async () => {
      expect(await all([ok("content-length: 0")])).toHaveLength(0);
    });

    test("a large one is whole, and in one piece of memory: past the parser", async () => {
      const head = ok(`content-length: ${large.length}`);
      await withServer([head.slice(0, -3), head.slice(-3), large], async (address) => {
        const memory = new Set<ArrayBufferLike>();
        const parts: Buffer[] = [];
        for await (const piece of (await open("/", {}, address, 20_000)).body) {
          memory.add(piece.buffer);
          parts.push(Buffer.from(piece));
          // Whoever takes his time is waited for.
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        expect(Buffer.concat(parts).equals(large)).toBe(true);
        expect(memory.size).toBe(1);
      });
    });

    test.each<[string, (string | Buffer)[], string]>([
      ["cut off", [`${ok("content-length: 10")}hello`, "END"], "the connection was cut"],
      ["silent", [`${ok("content-length: 10")}hello`], "no answer within 0.2 s"],
      ["no HTTP", ["SSH-2.0-OpenSSH_9.2\r\n"], "Parse Error"],
    ])("%s", async (_, sent, why) => {
      const error = await problem(all(sent, why.includes("0.2 s") ? 200 : 20_000));
      expect([error.code, error.message]).toEqual(["unreachable", expect.stringContaining(why)]);
    });
  });
});
