/** `api call` against a VM made of servers on loopback: the token by SSH, the address from endpoints.json. */
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { makeWorld, run, TOKENS, type World } from "./fakes/world.ts";

let world: World;
let commands: string[];

beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.heal();
  commands = [];
  world.ssh.reply = ({ command }) => {
    commands.push(command);
    return command.endsWith("/hello") ? { stdout: `${TOKENS.hello}\n` } : { code: 1, stdout: "", stderr: "no" };
  };
});

const call = async (...args: string[]) =>
  await run(["-C", world.folder, "--json", "api", "call", "api/hello.ipynb", ...args]);

test("the answer, and nothing of the token", async () => {
  const { code, stdout, stderr, json } = await call("GET /hello/Ada");
  expect(code).toBe(0);
  expect(json).toMatchObject({
    ok: true,
    command: "api call",
    result: { method: "GET", status: 200, body: '{"message": "Hello, Ada"}' },
  });
  expect(commands).toEqual(["sudo -n cat /var/lib/notebox/tokens/hello"]);
  expect(stdout + stderr).not.toContain(TOKENS.hello);
});

test("for people the body alone", async () => {
  const { stdout } = await run([
    "-C",
    world.folder,
    "api",
    "call",
    path.join(world.folder, "api/hello.ipynb"),
    "/hello",
  ]);
  expect(stdout).toBe('{"message": "Hello, world"}\n');
});

test("a status of 400 and more is exit 8, with the answer", async () => {
  world.gateway.routes["GET /hello"] = { status: 500, body: "Error KeyError: 'x' " };
  const { code, json, stdout } = await call("GET /hello");
  expect(code).toBe(8);
  expect(json.error?.code).toBe("check-failed");
  expect(JSON.parse(stdout).result).toMatchObject({ status: 500, body: "Error KeyError: 'x' " });
  const missing = await call("GET /nothing");
  expect(missing.json.error?.hint).toContain("GET /hello, GET /hello/:name");
});

test.each<[string, number, object | string, RegExp, RegExp]>([
  [
    "a request that took too long",
    504,
    {
      reason: "Gateway Timeout",
      message: "The cells of GET /hello (cell 2) took longer than the 30 s.",
      fault: "timeout",
    },
    /was answered with 504: The cells of GET \/hello \(cell 2\) took longer than the 30 s\.$/,
    /larger timeout in workbench\.yaml \(it is 30 s\)/,
  ],
  [
    "a broken ResponseInfo",
    500,
    { reason: "Internal Server Error", message: "ResponseInfo (cell 3) printed nothing.", fault: "response-info" },
    /with 500: ResponseInfo \(cell 3\) printed nothing\.$/,
    /must print one JSON object/,
  ],
  ["a cell's own error", 500, "Error KeyError: 'x' \n", /the cell failed: KeyError: 'x'\.$/, /notebox logs hello/],
])("%s is told in words", async (_name, status, body, message, hint) => {
  world.gateway.routes["GET /hello"] = { status, body: typeof body === "string" ? body : JSON.stringify(body) };
  const { code, json } = await call("GET /hello");
  expect(code).toBe(8);
  expect(json.error?.message).toMatch(message);
  expect(json.error?.hint).toMatch(hint);
});

test("a body is sent, as JSON when it is JSON", async () => {
  world.gateway.routes["POST /hello"] = { status: 200, body: "{}" };
  expect((await call("POST /hello", "--body", '{"a": 1}')).code).toBe(0);
  expect(world.gateway.requests).toEqual(["POST /hello"]);
});

test("no token in the VM, no request, no service: each in words", async () => {
  world.ssh.reply = () => ({ code: 1, stdout: "", stderr: "cat: no such file" });
  expect((await call("GET /hello")).json.error).toMatchObject({
    code: "check-failed",
    message: expect.stringContaining("no token"),
  });
  expect((await call("hello")).code).toBe(2);
  const other = await run(["-C", world.folder, "--json", "api", "call", "notebooks/welcome.ipynb", "GET /"]);
  expect(other.json.error?.message).toContain("No service of a workbench serves");
});
