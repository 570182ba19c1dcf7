/**
 * Who may ask our gateway: pages that are listed and whoever has the token, over HTTP against the real one. That
 * Chromium goes by these headers is in userscript.test.ts.
 */
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Gateway, ORIGIN, startOurs, TOKEN, until } from "../gateway/start.ts";
import { withGateway } from "../gateway/with-gateway.ts";

const STRANGERS = ["https://evil.example", "https://lms.example.edu.evil.example", "http://lms.example.edu", "null"];

withGateway("who may ask the gateway", () => {
  let gateway: Gateway;
  const ran = (): string[] => {
    const file = path.join(path.dirname(gateway.notebook), "ran");
    const text = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
    fs.rmSync(file, { force: true });
    return text.split("\n").filter((line) => line !== "");
  };
  beforeAll(async () => {
    gateway = await startOurs(
      [
        "import json, time\ndef note(what):\n    with open('ran', 'a') as file:\n        print(what, file=file)",
        "# GET /hello\nnote('GET')\nprint('hello')",
        "# POST /hello\nnote('POST')\nprint(REQUEST)",
        "# GET /request\nprint(REQUEST)",
        "# GET /fails\n1/0",
        "# GET /slow\ntime.sleep(60)",
        "# GET /own\nprint('x')",
        "# ResponseInfo GET /own\nprint(json.dumps({'headers': {'Access-Control-Allow-Origin': '*', 'Vary': 'Cookie', 'X-Own': 'y'}}))",
      ],
      { timeout: 3 },
    );
  });
  afterAll(async () => void (await gateway?.stop()));

  test.each(["/hello", "/none", "/_api/spec"])("a preflight from a listed page, %s", async (target) => {
    const headers = { Origin: ORIGIN, "Access-Control-Request-Method": "POST" };
    const answer = await gateway.ask(`OPTIONS ${target}`, { token: null, headers });
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "access-control-allow-origin": ORIGIN,
      "access-control-allow-methods": "GET, PUT, POST, DELETE",
      "access-control-allow-headers": "authorization, content-type",
      "access-control-max-age": "600",
      vary: "Origin",
    });
    expect(ran()).toEqual([]);
  });

  test.each(STRANGERS)("a stranger gets no header of CORS and runs nothing: %s", async (origin) => {
    const preflight = { Origin: origin, "Access-Control-Request-Method": "GET" };
    const answers = [
      await gateway.ask("OPTIONS /hello", { token: null, headers: preflight }),
      await gateway.ask("GET /hello", { token: null, headers: { Origin: origin } }),
      await gateway.ask("POST /hello", {
        token: null,
        headers: { Origin: origin, "content-type": "text/plain" },
        body: "x",
      }),
      await gateway.ask("GET /hello", { headers: { Origin: origin } }),
      await gateway.ask(`GET /hello?token=${TOKEN}`, { token: null, headers: { Origin: origin } }),
      await gateway.ask("GET /_api/spec", { headers: { Origin: origin } }),
    ];
    for (const { headers } of answers) {
      expect([...headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
      expect(headers.get("vary")).toBe("Origin");
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 403, 403, 403, 403, 403]);
    expect(ran()).toEqual([]);
  });

  test.each([
    [200, "GET /hello", TOKEN],
    [401, "GET /hello", "wrong"],
    [404, "GET /none", TOKEN],
    [405, "PUT /hello", TOKEN],
    [405, "PATCH /hello", TOKEN],
    [500, "GET /fails", TOKEN],
    [504, "GET /slow", TOKEN],
  ])("a listed page can read %i of %s", async (status, request, token) => {
    const answer = await gateway.ask(request, { token, headers: { Origin: ORIGIN } });
    expect(answer.status).toBe(status);
    expect(answer.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(answer.headers.get("vary")).toBe("Origin");
    // Only a preflight says what may be sent.
    expect(answer.headers.has("access-control-allow-methods")).toBe(false);
    if (status >= 400 && status !== 500)
      expect(await answer.json()).toMatchObject({ reason: expect.stringMatching(/^[A-Z]/) });
  });

  test("a notebook does not let other pages in by its ResponseInfo", async () => {
    // The test before has cost a kernel.
    expect(await until(async () => (await gateway.ask("GET /own")).status === 200, 15_000)).toBe(true);
    const answer = await gateway.ask("GET /own", { headers: { Origin: ORIGIN } });
    expect(answer.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(answer.headers.get("vary")).toBe("Origin");
    expect(answer.headers.get("x-own")).toBe("y");
    expect((await gateway.ask("GET /own")).headers.has("access-control-allow-origin")).toBe(false);
  });

  test.each([
    ["the word token", "", `token ${TOKEN}`, 200],
    ["the word Token", "", `Token ${TOKEN}`, 200],
    ["Bearer", "", `Bearer ${TOKEN}`, 200],
    ["the query", `?token=${TOKEN}`, undefined, 200],
    ["the query, its name percent-encoded", `?%74oke%6E=${TOKEN}`, undefined, 200],
    ["the query, beside a wrong one", `?token=x&token=${TOKEN}`, undefined, 200],
    ["a header, beside a wrong query", "?token=x", `token ${TOKEN}`, 200],
    ["none", "", undefined, 401],
    ["an empty one", "?token=", "token ", 401],
    ["half of it", "", `token ${TOKEN.slice(1)}`, 401],
    ["more than it", "", `token ${TOKEN}0`, 401],
    ["no word", "", TOKEN, 401],
    ["another word", "", `Basic ${TOKEN}`, 401],
  ])("the token as %s", async (_, query, authorization, status) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    for (const target of ["/request", "/_api/spec", "/_api/spec/swagger.json"]) {
      const answer = await gateway.ask(`GET ${target}${query}`, { token: null, headers });
      expect(answer.status, target).toBe(status);
      const body = await answer.text();
      if (target !== "/request" || status !== 200) continue;
      const request = JSON.parse(body);
      expect(request.args).toEqual({});
      expect(Object.keys(request.headers)).not.toContain("Authorization");
      expect(body).not.toContain(TOKEN);
    }
  });

  test("a script manager's own origin and the gateway's own pages are no strangers; the token counts", async () => {
    for (const origin of ["moz-extension://0b9c", "chrome-extension://abc", gateway.url]) {
      expect((await gateway.ask("GET /hello", { headers: { Origin: origin } })).status, origin).toBe(200);
      expect((await gateway.ask("GET /hello", { token: null, headers: { Origin: origin } })).status, origin).toBe(401);
    }
  });

  test("no token comes into the log", () => {
    expect(gateway.log()).toContain("/request?token=[hidden]");
    expect(gateway.log()).not.toContain(TOKEN);
  });
});
