/** Bodies of requests to our gateway: nobody's is kept before the token is right, and none without a bound. */
import net from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Gateway, ORIGIN, startOurs, TOKEN } from "../gateway/start.ts";
import { withGateway } from "../gateway/with-gateway.ts";

const MiB = 1024 * 1024;
const CELLS = ["import json", "# POST /size\nprint(len(json.loads(REQUEST)['body']))", "# GET /hello\nprint('hello')"];

withGateway("a request's body", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startOurs(CELLS, { timeout: 20 });
  });
  afterAll(async () => void (await gateway?.stop()));

  /** Sends these pieces as they are and gives back what comes, up to a text or the end of the connection. */
  async function raw(pieces: readonly (string | Buffer)[], until?: string): Promise<string> {
    const socket = net.connect(gateway.port, "127.0.0.1");
    let got = "";
    const done = new Promise<void>((resolve) => {
      socket.on("close", resolve).on("error", resolve);
      socket.on("data", (data) => {
        got += data;
        if (until !== undefined && got.includes(until)) resolve();
      });
    });
    for (const piece of pieces) socket.write(piece);
    await done;
    socket.destroy();
    return got;
  }
  const head = (token: string, ...more: string[]): string =>
    ["POST /size HTTP/1.1", "Host: 127.0.0.1", `Authorization: token ${token}`, ...more, "", ""].join("\r\n");
  const post = (body: string | Buffer, token = TOKEN) =>
    gateway.ask("POST /size", { token, headers: { "content-type": "text/plain" }, body });

  test("is not waited for when the token is wrong, or when it is announced as too large", async () => {
    const wrong = await raw([head("wrong", `Content-Length: ${100 * MiB}`, `Origin: ${ORIGIN}`)]);
    expect(wrong).toMatch(/^HTTP\/1\.1 401 [\s\S]*\r\nConnection: close\r\n[\s\S]*"fault": "token"/);
    expect(wrong).toContain(`Access-Control-Allow-Origin: ${ORIGIN}`);
    const large = await raw([head(TOKEN, `Content-Length: ${4 * MiB + 1}`)]);
    expect(large).toMatch(/^HTTP\/1\.1 413 [\s\S]*larger than 4 MiB, the most that is taken/);
    // curl asks before it sends; who is let in is told to go on.
    const asks = [`Content-Length: ${MiB}`, "Expect: 100-continue"];
    expect(await raw([head("wrong", ...asks)])).toMatch(/^HTTP\/1\.1 401 /);
    expect(await raw([head(TOKEN, ...asks)], "\r\n\r\n")).toMatch(/^HTTP\/1\.1 100 /);
  });

  test("of unknown length is taken up to the bound, whoever sends it", async () => {
    const chunk = Buffer.concat([Buffer.from(`${MiB.toString(16)}\r\n`), Buffer.alloc(MiB, "x"), Buffer.from("\r\n")]);
    const chunks = Array<Buffer>(5).fill(chunk);
    expect(await raw([head(TOKEN, "Transfer-Encoding: chunked"), ...chunks])).toMatch(/^HTTP\/1\.1 413 /);
    expect(await raw([head("wrong", "Transfer-Encoding: chunked"), ...chunks])).toMatch(/^HTTP\/1\.1 401 /);
    const few = [head(TOKEN, "Transfer-Encoding: chunked"), chunk, chunk, "0\r\n\r\n"];
    expect(await raw(few, String(2 * MiB))).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("with a wrong token is thrown away, and the connection goes on", async () => {
    const small = "x".repeat(300_000);
    const again = "GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    const text = await raw([head("wrong", `Content-Length: ${small.length}`), small, again]);
    expect(text.match(/HTTP\/1\.1 401 /g)).toHaveLength(2);
    expect((await post(small, "wrong")).status).toBe(401);
  });

  test("up to the bound reaches the notebook; a form that is none is told so", async () => {
    const answer = await post(Buffer.alloc(4 * MiB, "x"));
    expect([answer.status, (await answer.text()).trim()]).toEqual([200, String(4 * MiB)]);
    const headers = { "content-type": "multipart/form-data" };
    const form = await gateway.ask("POST /size", { headers, body: "x" });
    expect([form.status, await form.text()]).toEqual([400, expect.stringContaining("Invalid body")]);
  });

  test("that breaks off leaves nothing behind", async () => {
    const socket = net.connect(gateway.port, "127.0.0.1");
    socket.write(head(TOKEN, `Content-Length: ${MiB}`));
    socket.write("x".repeat(1000));
    await new Promise((resolve) => setTimeout(resolve, 200));
    socket.destroy();
    expect((await gateway.ask("GET /hello")).status).toBe(200);
    expect(gateway.log()).not.toMatch(/Traceback|Uncaught/);
  });
});
