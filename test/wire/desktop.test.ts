/**
 * The desktop behind its door, with programs that stand for the display and the session: who gets to the display, what
 * passes, what a frame is told as, what starts with the session, and how all of it ends.
 */
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import WebSocket from "ws";
import { until } from "../gateway/start.ts";
import { withGateway } from "../gateway/with-gateway.ts";
import { type GuestService, startService, TOKEN } from "./fakes/guest-service.ts";

const KEY = { Authorization: `Bearer ${TOKEN}` };
const STANDINS = path.join(import.meta.dirname, "fakes/desktop-bin");

withGateway("the desktop", () => {
  let service: GuestService;
  let cookie = "";
  const start = async (): Promise<GuestService> => {
    const one = await startService("desktop", "desktop.py", {
      settings: { width: 320, height: 200, autostart: ["tool", "sh", "nothing-such", "../../etc/passwd"] },
      env: { PATH: `${STANDINS}:${process.env["PATH"]}` },
      files: {
        "usr/share/novnc/vnc.html": "<title>noVNC</title>",
        "usr/share/applications/tool.desktop": "[Desktop Entry]\nExec=tool --all\n",
      },
    });
    if (!(await until(async () => (await one.ask("/vnc.html", { headers: KEY })).ok, 10_000)))
      throw new Error(one.log());
    // The door opens when the session was started, not when it has begun.
    expect(await until(() => fs.existsSync(path.join(one.root, "runtime/environment")), 10_000)).toBe(true);
    return one;
  };
  beforeAll(async () => {
    service = await start();
    const answer = await service.ask(`/?token=${TOKEN}`);
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/"]);
    cookie = (answer.headers.get("set-cookie") ?? "").replace(/;.*/, "");
  });
  afterAll(async () => void (await service?.stop()));

  /** What the display has sent so far. */
  const pieces: Buffer[] = [];
  /** The status of the refusal, or the connection. */
  const connect = async (headers: Record<string, string>): Promise<number | WebSocket> =>
    await new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${service.port}/websockify`, "binary", { headers });
      socket.on("message", (data: Buffer) => pieces.push(data));
      socket.on("open", () => resolve(socket));
      socket.on("unexpected-response", (request, response) => {
        request.destroy();
        resolve(response.statusCode ?? 0);
      });
      socket.on("error", reject);
    });

  test("nothing is shown without the token", async () => {
    for (const target of ["/", "/vnc.html", "/frame", "/websockify", `/vnc.html?token=${TOKEN}0`])
      expect((await service.ask(target)).status, target).toBe(401);
    expect((await service.ask("/vnc.html", { headers: { Cookie: cookie } })).status).toBe(200);
    expect((await service.ask("/", { headers: { Cookie: cookie } })).headers.get("location")).toMatch(
      /^vnc\.html\?autoconnect=true&/,
    );
  });

  test("the display is reached by this page with its cookie, and by no other", async () => {
    const own = { Origin: service.url, Cookie: cookie };
    const cases: [Record<string, string>, number][] = [
      [{ Origin: service.url }, 401],
      [{ Origin: service.url, Cookie: `notebox-desktop=${TOKEN}` }, 401],
      [{ ...own, Origin: "https://evil.example" }, 403],
      [{ ...own, Origin: `http://127.0.0.1:${service.port + 1}` }, 403],
      [{ ...own, Host: "rebound.example" }, 403],
    ];
    for (const [headers, status] of cases) expect(await connect(headers), JSON.stringify(headers)).toBe(status);
    const socket = await connect(own);
    if (typeof socket === "number") throw new Error(`refused with ${socket}`);
    const text = (): string => Buffer.concat(pieces).toString("latin1");
    await until(() => text().length >= 12, 3000);
    expect([text(), socket.protocol]).toEqual(["RFB 003.008\n", "binary"]);
    socket.send(Buffer.from("E-----------"));
    const sent = Buffer.alloc(3_000_000, "\0\xff notebox", "latin1");
    socket.send(sent);
    await until(() => text().length >= 12 + sent.length, 10_000);
    expect(Buffer.concat(pieces).subarray(12).equals(sent)).toBe(true);
    socket.close();
  });

  test("a frame is told in numbers", async () => {
    const told = await (await service.ask("/frame", { headers: KEY })).json();
    // 320 colours in the stripe, one of which may be that of all the rest.
    expect(told).toEqual({ width: 320, height: 200, colours: 321, commonest: 0.995 });
  });

  test("the display has no port of its own, and its key is the account's alone", async () => {
    const given = JSON.parse(fs.readFileSync(path.join(service.root, "runtime/arguments.json"), "utf8"));
    for (const pair of [
      ["-rfbport", "-1"],
      ["-nolisten", "tcp"],
      ["-geometry", "320x200"],
    ])
      expect(given.slice(given.indexOf(pair[0])).slice(0, 2)).toEqual(pair);
    const key = path.join(service.root, "runtime/xauthority");
    expect(given).toContain(key);
    expect(fs.statSync(key).mode & 0o777).toBe(0o600);
    const environment = fs.readFileSync(path.join(service.root, "runtime/environment"), "utf8");
    expect(environment).toContain(`XAUTHORITY=${key}\n`);
    expect(environment).not.toMatch(new RegExp(`CREDENTIALS_DIRECTORY|${TOKEN}`));
  });

  test("entries and programs start with the session by their names; what is not there is told", () => {
    const place = path.join(service.root, "runtime/xdg/autostart");
    expect(fs.readdirSync(place).sort()).toEqual(["sh.desktop", "tool.desktop"]);
    expect(fs.readFileSync(path.join(place, "tool.desktop"), "utf8")).toContain("Exec=tool --all\n");
    expect(fs.readFileSync(path.join(place, "sh.desktop"), "utf8")).toContain("Exec=sh\n");
    expect(service.log()).toContain("autostart: there is no program nothing-such");
  });

  test("asked to end, the session ends before the display; a session that ends takes the service along", async () => {
    const one = await start();
    one.child.kill("SIGTERM");
    expect(await until(() => one.child.exitCode !== null, 8000)).toBe(true);
    expect([one.child.exitCode, fs.readFileSync(path.join(one.root, "ended"), "utf8")]).toEqual([
      0,
      "the display was there\n",
    ]);
    await one.stop();
    const other = await start();
    other.put("runtime/leave", "");
    expect(await until(() => other.child.exitCode !== null, 8000)).toBe(true);
    expect([other.child.exitCode, other.log()]).toEqual([1, expect.stringContaining("the session has ended (0)")]);
    await other.stop();
  });
});
