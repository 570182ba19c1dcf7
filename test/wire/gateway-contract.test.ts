/**
 * The kernel gateway's documented behaviour in its notebook mode, asked of the gateway as it comes and of ours, with the
 * same requests to the same notebook. Each difference stands in DIFFERENT, and is on purpose.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gatewayPython } from "../../scripts/lib/gateway-python.mjs";
import { type Cell, type Gateway, startOurs, startStock } from "../gateway/start.ts";

const CELLS: readonly Cell[] = [
  { markdown: "# GET /heading\nA heading that looks like a route." },
  "import json, sys\nCOUNT = 0\nINFO = {}",
  "# GET /request/:name\nprint(REQUEST)",
  "# POST /request/:name\nprint(REQUEST)",
  "# PUT /request/:name\nprint(REQUEST)",
  "# DELETE /request/:name\nprint(REQUEST)",
  "# GET /text\nprint('plain')",
  "# GET /umlaut\nprint('grün')",
  "# GET /json\nprint(json.dumps({'a': [1, None]}))",
  "# GET /result\n{'a': 1}",
  "# GET /both\nprint('printed')\n2",
  "# GET /nothing\nx = 1",
  "# GET /stderr\nprint('no', file=sys.stderr)",
  "# GET /display\nfrom IPython.display import display\ndisplay('shown')",
  "# GET /error\nprint('partial')\n1/0",
  "# GET /syntax\nthis is no Python",
  "# GET /twice\nprint('one')",
  "# GET /twice\nprint('two')",
  "# GET /info\nprint('<b>x</b>')",
  "# ResponseInfo GET /info\nprint(json.dumps({'status': 201, 'headers': {'Content-Type': 'text/html', 'X-Own': 'yes'}}))",
  "# GET /no-content\nx = 1",
  "# ResponseInfo GET /no-content\nprint(json.dumps({'status': 204}))",
  "# GET /info-error\nprint('x')",
  "# ResponseInfo GET /info-error\n1/0",
  "# GET /info-expression\nprint('x')",
  "# ResponseInfo GET /info-expression\n{'status': 418}",
  "# GET /info-unpaired/:a\nprint('x')",
  "# ResponseInfo GET /info-unpaired/:b\nprint('{\"status\": 418}')",
  "# GET /info-broken\nprint('x')",
  "# ResponseInfo GET /info-broken\nprint('not JSON')",
  "# GET /info-twice\nprint('x')",
  "# ResponseInfo GET /info-twice\nprint('{}')",
  "# ResponseInfo GET /info-twice\nprint('{}')",
  "# GET /user/me\nprint('me')",
  "# POST /user/:id\nprint('id')",
  "# GET /a/:x/b\nprint('first')",
  "# GET /a/b/:y\nprint('second')",
  "# GET /t/12:unit\nprint(json.loads(REQUEST)['path']['unit'])",
  "# GET /caf%C3%A9\nprint('coffee')",
  "# GET /count\nCOUNT += 1\nprint(COUNT)",
  "# GET /large\nprint('x' * 5_000_000)",
  "# GET /environment\nimport os\nprint(os.environ.get('KERNEL_GATEWAY'), 'KG_AUTH_TOKEN' in os.environ)",
];

const JSON_BODY = { body: '{"a": [1, "é"]}', headers: { "content-type": "application/json" } };
const FORM = { body: "a=1&a=2&b=%C3%A9", headers: { "content-type": "application/x-www-form-urlencoded" } };
const BOUNDARY = "xyz";
const MULTIPART = {
  body: `--${BOUNDARY}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--${BOUNDARY}--\r\n`,
  headers: { "content-type": `multipart/form-data; boundary=${BOUNDARY}` },
};

const NO_TOKEN = { headers: { authorization: "none" } };

const REQUESTS: readonly [name: string, request: string, init?: RequestInit][] = [
  ["GET", "GET /request/ada?a=1&a=2&b="],
  ["a parameter with an escaped slash, blank and letter", "GET /request/a%2Fb%20%C3%A9"],
  ["a header", "GET /request/x", { headers: { "X-Own": "yes" } }],
  ["POST of JSON", "POST /request/x", JSON_BODY],
  [
    "POST of JSON with a charset",
    "POST /request/x",
    { ...JSON_BODY, headers: { "content-type": "application/json; charset=utf-8" } },
  ],
  ["POST of what is not JSON", "POST /request/x", { ...JSON_BODY, body: "{" }],
  ["POST of a form", "POST /request/x", FORM],
  ["POST of a multipart form", "POST /request/x", MULTIPART],
  ["POST of text", "POST /request/x", { body: "é", headers: { "content-type": "text/plain" } }],
  ["PUT", "PUT /request/x", JSON_BODY],
  ["DELETE", "DELETE /request/x"],
  ["text", "GET /text"],
  ["text beyond ASCII", "GET /umlaut"],
  ["JSON", "GET /json"],
  ["a result", "GET /result"],
  ["stdout before a result", "GET /both"],
  ["nothing", "GET /nothing"],
  ["stderr", "GET /stderr"],
  ["display", "GET /display"],
  ["an error", "GET /error"],
  ["a syntax error", "GET /syntax"],
  ["cells of the same route", "GET /twice"],
  ["ResponseInfo", "GET /info"],
  ["204", "GET /no-content"],
  ["an error in ResponseInfo", "GET /info-error"],
  ["an expression as ResponseInfo", "GET /info-expression"],
  ["a ResponseInfo with another path", "GET /info-unpaired/1"],
  ["a ResponseInfo that is not JSON", "GET /info-broken"],
  ["two ResponseInfo cells", "GET /info-twice"],
  ["a path before a parameter", "GET /user/me"],
  ["the first path that matches decides", "POST /user/me"],
  ["a parameter", "POST /user/7"],
  ["the deeper parameter first", "GET /a/b/b"],
  ["a parameter that begins within a segment", "GET /t/12h"],
  ["an escaped letter in a path", "GET /caf%C3%A9"],
  ["a slash at the end", "GET /text/"],
  ["no such path", "GET /none"],
  ["a markdown heading", "GET /heading"],
  ["no such method", "DELETE /text"],
  ["PATCH", "PATCH /text"],
  ["HEAD", "HEAD /text"],
  ["OPTIONS", "OPTIONS /text"],
  ["OPTIONS of no such path", "OPTIONS /none"],
  ["a wrong token", "GET /text", { headers: { authorization: "token wrong" } }],
  ["a Bearer token", "GET /text", { headers: { authorization: "Bearer 0123456789abcdef0123456789abcdef" } }],
  ["variables stay", "GET /count"],
  ["variables stay, once more", "GET /count"],
  ["five megabytes", "GET /large"],
  ["the kernel's environment", "GET /environment"],
  ["a static file", "GET /public/page.txt"],
  ["a static file that is not there", "GET /public/none.txt"],
  ["the notebook's source", "GET /_api/source"],
  ["a static file without the token", "GET /public/page.txt", NO_TOKEN],
  ["no such path without the token", "GET /none", NO_TOKEN],
];

interface Seen {
  status: number;
  type: string | null;
  own: string | null;
  body: string;
}

const JSON_TYPE = "application/json; charset=utf-8";
const TEXT_TYPE = "text/plain; charset=utf-8";

/** What ours makes of every answer of the stock gateway: types have a charset, JSON says so, and no token is in REQUEST. */
function withTypes({ type, body, ...rest }: Seen): Seen {
  const told = body.replace(/\\"Authorization\\": \\"[^"]*\\", |"Authorization": "[^"]*", /g, "");
  if (type === "application/json") return { ...rest, type: JSON_TYPE, body: told };
  return { ...rest, type: type !== "text/plain" ? type : isJson(body) ? JSON_TYPE : TEXT_TYPE, body: told };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const fault = (status: number, told: object) => ({ status, type: JSON_TYPE, body: JSON.stringify(told) });
const NOT_ALLOWED = fault(405, { reason: "Method Not Allowed", message: "" });
const indices = (begin: string): number[] =>
  CELLS.flatMap((cell, index) => (typeof cell === "string" && cell.startsWith(begin) ? [index] : []));
const BROKEN = indices("# ResponseInfo GET /info-broken");
const TWICE = indices("# ResponseInfo GET /info-twice");
const notJson = (cells: string, printed: string) =>
  `ResponseInfo (${cells}) printed what is not one JSON object: ${printed}`;

const brokenInfo = (cells: number[], message: string) =>
  fault(500, { reason: "Internal Server Error", message, fault: "response-info", cells });

/** Further differences, each on purpose: what stock answers there, and what ours does. */
const DIFFERENT: Record<string, [theirs: Partial<Seen>, ours: Partial<Seen>]> = {
  // An answer that silently is empty helps nobody.
  "a ResponseInfo that is not JSON": [
    { status: 200, body: "" },
    brokenInfo(BROKEN, `${notJson(`cell ${BROKEN}`, "not JSON")}.`),
  ],
  "two ResponseInfo cells": [
    { status: 200, body: "" },
    brokenInfo(
      TWICE,
      `${notJson(`cells ${TWICE.join(", ")}`, "{} {}")}; join them to one cell that prints one object.`,
    ),
  ],
  // Errors of the gateway are JSON, all of them.
  "no such method": [{ status: 405, type: "text/html; charset=UTF-8", body: "" }, NOT_ALLOWED],
  "the first path that matches decides": [{ status: 405, type: "text/html; charset=UTF-8", body: "" }, NOT_ALLOWED],
  "a static file that is not there": [
    { status: 404, type: "text/html; charset=UTF-8" },
    fault(404, { reason: "Not Found", message: "" }),
  ],
  "a wrong token": [
    { body: '{"reason": "Unauthorized", "message": ""}' },
    fault(401, { reason: "Unauthorized", message: "The token is missing or wrong.", fault: "token" }),
  ],
  // A file has the type that its name gives it.
  "a static file": [{ type: "text/plain" }, { type: "text/plain" }],
  // Every route, so these two as well.
  "a static file without the token": [
    { status: 200, body: "a page" },
    fault(401, { reason: "Unauthorized", message: "The token is missing or wrong.", fault: "token" }),
  ],
  "no such path without the token": [
    { status: 404 },
    fault(401, { reason: "Unauthorized", message: "The token is missing or wrong.", fault: "token" }),
  ],
  // What other programs send.
  "a Bearer token": [{ status: 401 }, { status: 200, type: TEXT_TYPE, body: "plain\n" }],
};

describe.skipIf(gatewayPython() === undefined)("the gateway as it comes and ours", () => {
  let stock: Gateway;
  let ours: Gateway;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-static-"));
  beforeAll(async () => {
    fs.writeFileSync(path.join(folder, "page.txt"), "a page");
    const env = { KG_STATIC_PATH: folder, KG_ALLOW_NOTEBOOK_DOWNLOAD: "True" };
    [stock, ours] = await Promise.all([startStock(CELLS, { env }), startOurs(CELLS, { env, timeout: 30 })]);
  });
  afterAll(async () => {
    await Promise.all([stock?.stop(), ours?.stop()]);
    fs.rmSync(folder, { recursive: true, force: true });
  });

  test.each(REQUESTS)("%s", async (name, request, init) => {
    const [theirs, own] = await Promise.all([seen(stock, request, init), seen(ours, request, init)]);
    const [there, here] = DIFFERENT[name] ?? [{}, {}];
    expect(theirs, "stock").toMatchObject(there);
    expect(asText(own), "ours").toEqual(asText({ ...withTypes(theirs), ...here }));
  });

  test("the stock description, of code cells alone", async () => {
    const [theirs, own] = await Promise.all([seen(stock, SWAGGER), seen(ours, SWAGGER)]);
    const { paths, ...rest } = JSON.parse(theirs.body);
    expect(paths["/heading"]).toBeDefined();
    delete paths["/heading"];
    expect(JSON.parse(own.body)).toEqual({ ...rest, paths });
  });

  test("every difference was seen", () => {
    expect(Object.keys(DIFFERENT).filter((name) => !REQUESTS.some(([each]) => each === name))).toEqual([]);
  });
});

const SWAGGER = "GET /_api/spec/swagger.json";

/** JSON may be spaced as it likes. */
function asText(seen: Seen): Seen {
  return seen.type === JSON_TYPE && isJson(seen.body) ? { ...seen, body: JSON.stringify(JSON.parse(seen.body)) } : seen;
}

async function seen(gateway: Gateway, request: string, init?: RequestInit): Promise<Seen> {
  const answer = await gateway.ask(request, { ...init, signal: AbortSignal.timeout(20_000) });
  const text = (await answer.text()).replaceAll(String(gateway.port), "PORT");
  const { status, headers } = answer;
  return { status, type: headers.get("content-type"), own: headers.get("x-own"), body: text };
}
