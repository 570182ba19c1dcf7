/**
 * The home page: who gets to see what, states as they change, routes that are tried, hostile texts; then in a real
 * Chromium, where axe-core finds no fault on a phone and on a desk, light and dark. NOTEBOX_PICTURES=DIR keeps pictures.
 */
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import type net from "node:net";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Gateway, TOKEN as MARKS_TOKEN, startOurs } from "../gateway/start.ts";
import { withGateway } from "../gateway/with-gateway.ts";
import { CHROMIUM, type Page, startChromium } from "./fakes/chromium.ts";
import { type GuestService, startService, TOKEN } from "./fakes/guest-service.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const HOSTILE = `</h3><script>document.x = 1</script><img src=x onerror="document.x = 2"> "quoted" 'one' \u202etxet`;
const JUPYTER_TOKEN = "fedcba9876543210fedcba9876543210";
const KEY = { Authorization: `Bearer ${TOKEN}` };
interface Told {
  title: string;
  services: { name: string; state: string; words: string; remedy: string; page?: object }[];
}

withGateway("the home page", () => {
  let home: GuestService;
  let gateway: Gateway;
  let jupyter: http.Server;
  let jupyterPort = 0;

  /** What systemd says of each unit, in the form of `systemctl show`. */
  const units = (found: Record<string, Record<string, string | number>>): void => {
    const sorted = Object.entries({ "jupyter@jupyter": {}, "kernel-gateway@marks": {}, "postgres@db": {}, ...found });
    const usual = {
      ActiveState: "active",
      SubState: "running",
      Result: "success",
      NRestarts: 0,
      MemoryCurrent: 83886080,
    };
    const entered = Math.round(process.hrtime()[0] - 20) * 1e6;
    const blocks = sorted.map(([name, own]) =>
      Object.entries({ Id: `${name}.service`, ActiveEnterTimestampMonotonic: entered, ...usual, ...own })
        .map((pair) => pair.join("="))
        .join("\n"),
    );
    home.put("units", `${blocks.join("\n\n")}\n`);
  };
  const addresses = (title: string): void => {
    const told = {
      jupyter: { title, port: jupyterPort, page: "lab?token={token}" },
      marks: { title: "marks", port: gateway.port },
    };
    home.put("var/lib/notebox/addresses.json", JSON.stringify(told));
  };
  const state = async (): Promise<Told> => (await (await home.ask("/api/state", { headers: KEY })).json()) as Told;
  /** States are looked up every 0.3 seconds here. */
  const comes = async (name: string, expected: object): Promise<void> =>
    await expect
      .poll(async () => (await state()).services.find((one) => one.name === name), { timeout: 8000, interval: 100 })
      .toMatchObject(expected);

  beforeAll(async () => {
    jupyter = http.createServer((_, response) => response.end("{}"));
    await new Promise<void>((resolve) => jupyter.listen(0, "127.0.0.1", resolve));
    jupyterPort = (jupyter.address() as net.AddressInfo).port;
    gateway = await startOurs([
      "import json",
      "# GET /marks/:student\nprint(json.dumps({'student': json.loads(REQUEST)['path']['student']}))",
      "# POST /marks\nprint(json.dumps(json.loads(REQUEST)['body']))",
      "# GET /long\nprint('x' * 300000)",
      "# GET /fails\n1/0",
    ]);
    const services = `jupyter jupyter ${jupyterPort}\nkernel-gateway marks ${gateway.port}\npostgres db 0\nhome home 1\n`;
    const systemctl = path.join(gateway.folder, "systemctl");
    home = await startService("home", "home.py", {
      tokens: { jupyter: JUPYTER_TOKEN, marks: MARKS_TOKEN },
      files: { "etc/notebox/workbench/services.txt": services, "etc/notebox/workbench/title": "Learning analytics\n" },
      env: {
        NOTEBOX_FRESH: "0.3",
        NOTEBOX_SYSTEMCTL: systemctl,
        NOTEBOX_PAGE: path.join(ROOT, "provision/services/home/page"),
      },
    });
    fs.writeFileSync(systemctl, `#!/bin/sh\ncat '${home.root}/units'\n`, { mode: 0o755 });
  });
  beforeEach(() => {
    units({});
    addresses("Jupyter");
    fs.rmSync(path.join(home.root, "var/lib/notebox-marks"), { recursive: true, force: true });
  });
  afterAll(async () => {
    expect(await home?.stop()).toBeLessThan(5);
    await gateway?.stop();
    jupyter?.close();
  });

  test.each([
    ["without the token", {}],
    ["with a wrong token", { Authorization: `Bearer ${TOKEN.slice(1)}0` }],
    ["with another service's token", { Authorization: `Bearer ${JUPYTER_TOKEN}` }],
    ["with a cookie, which this page does not have", { Cookie: `notebox-home=${TOKEN}` }],
  ])("tells nothing %s", async (_, headers) => {
    for (const target of ["/api/state", `/api/state?token=${TOKEN}`, "/api/routes/marks"])
      expect((await home.ask(target, { headers: headers as Record<string, string> })).status, target).toBe(401);
    const tried = await home.ask("/api/try/marks", {
      method: "POST",
      headers: headers as Record<string, string>,
      body: "{}",
    });
    expect(tried.status).toBe(401);
  });

  test("what everybody gets holds nothing of this workbench, and leaves nothing behind", async () => {
    for (const target of ["/", "/page.css", "/colours.css", "/page.js"]) {
      const answer = await home.ask(target);
      expect([answer.status, answer.headers.get("referrer-policy")]).toEqual([200, "no-referrer"]);
      expect(answer.headers.get("content-security-policy")).toMatch(
        /^default-src 'none'; script-src 'self';(?!.*unsafe)/,
      );
      expect(answer.headers.get("set-cookie")).toBeNull();
      expect(await answer.text()).not.toMatch(/Learning analytics|[0-9a-f]{32}/);
    }
  });

  test("a page of another place, or a name that leads here, is refused", async () => {
    const ask = async (headers: Record<string, string>): Promise<number> =>
      await new Promise((resolve, reject) => {
        const options = { port: home.port, path: "/api/state", headers: { ...KEY, ...headers } };
        http.get(options, (answer) => resolve(answer.resume().statusCode ?? 0)).on("error", reject);
      });
    expect(await ask({})).toBe(200);
    expect(await ask({ Origin: home.url, Host: `127.0.0.1:${home.port}` })).toBe(200);
    for (const headers of [
      { Host: `rebound.example:${home.port}` },
      { Origin: "https://evil.example" },
      { Origin: "null" },
    ])
      expect(await ask(headers), JSON.stringify(headers)).toBe(403);
    expect(await ask({ Origin: `http://127.0.0.1:${jupyterPort}` })).toBe(403);
  });

  test("states change as systemd, the services and their problems do", async () => {
    await comes("jupyter", { state: "well", page: { port: jupyterPort, address: `lab?token=${JUPYTER_TOKEN}` } });
    await comes("db", { state: "well", memory: 80 });
    units({
      "jupyter@jupyter": { ActiveState: "activating", SubState: "auto-restart", Result: "oom-kill", NRestarts: 2 },
      "postgres@db": { ActiveState: "inactive", SubState: "dead", MemoryCurrent: "[not set]" },
    });
    home.put("var/lib/notebox-marks/problem.json", JSON.stringify({ message: "cell 3 failed", serving: true }));
    await comes("jupyter", { state: "trouble", words: expect.stringMatching(/ended twice .*\(the memory was full\)/) });
    await comes("db", { state: "stopped", memory: null });
    await comes("marks", { state: "trouble", words: "It works, but: cell 3 failed" });
    units({ "jupyter@jupyter": { ActiveState: "activating", SubState: "start" } });
    await comes("jupyter", { state: "starting" });
  });

  test("of a service whose folder is closed it says what root has laid out", async () => {
    const says = (message: string, serving: boolean): void =>
      home.put("run/notebox/problems/db.json", JSON.stringify({ message, cell: null, serving }));
    says("sql/10.sql was not loaded: line 3", true);
    const words = "It works, but: sql/10.sql was not loaded: line 3";
    await comes("db", {
      state: "trouble",
      words,
      remedy: expect.stringMatching(/^Correct it .*Stop .*Start it again/),
    });
    says("could not write: No space left on device", false);
    units({
      "postgres@db": { ActiveState: "activating", SubState: "auto-restart", Result: "exit-code", NRestarts: 4 },
    });
    const remedy = expect.stringContaining("Save-a-report");
    await comes("db", { words: "It cannot start: could not write: No space left on device", remedy });
    fs.rmSync(path.join(home.root, "run"), { recursive: true });
    await comes("db", { words: expect.stringMatching(/ended 4 times by itself/) });
  });

  test("a service that runs without answering is told apart from one that has just started", async () => {
    jupyter.closeAllConnections();
    await new Promise((resolve) => jupyter.close(resolve));
    await comes("jupyter", { state: "starting" });
    units({ "jupyter@jupyter": { ActiveEnterTimestampMonotonic: 0 } });
    await comes("jupyter", { state: "trouble", words: expect.stringMatching(/has not answered for \d+ seconds/) });
    await new Promise<void>((resolve) => jupyter.listen(jupyterPort, "127.0.0.1", resolve));
    await comes("jupyter", { state: "well" });
  });

  test("routes are told and tried, with the gateway's token; nothing but routes", async () => {
    const answer = await home.ask("/api/routes/marks", { headers: KEY });
    const told = (await answer.json()) as { routes: { method: string; path: string }[] };
    expect(told.routes.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      "GET /fails",
      "GET /long",
      "GET /marks/{student}",
      "POST /marks",
    ]);
    const attempt = async (asked: object): Promise<{ http: number } & Record<string, unknown>> => {
      const answer = await home.ask("/api/try/marks", { method: "POST", headers: KEY, body: JSON.stringify(asked) });
      return { http: answer.status, ...((await answer.json()) as object) };
    };
    const one = { method: "GET", path: "/marks/{student}" };
    const awkward = "../Zoë & co/?x=1#y";
    expect(await attempt({ ...one, parameters: { student: awkward } })).toMatchObject({
      http: 200,
      status: 200,
      text: `{"student": "${awkward.replace("ë", "\\u00eb")}"}\n`,
    });
    expect(await attempt({ method: "POST", path: "/marks", body: '{"a": 1}' })).toMatchObject({
      status: 200,
      text: '{"a": 1}\n',
    });
    expect(await attempt({ method: "GET", path: "/long" })).toMatchObject({ status: 200, bytes: 300001, cut: true });
    expect(await attempt({ method: "GET", path: "/fails" })).toMatchObject({ http: 200, status: 500 });
    for (const asked of [
      { ...one, parameters: { student: ".." } },
      { method: "GET", path: "/_api/source" },
      { method: "DELETE", path: "/marks" },
      {},
    ])
      expect((await attempt(asked)).http, JSON.stringify(asked)).toBe(502);
    expect((await home.ask("/api/routes/jupyter", { headers: KEY })).status).toBe(404);
  });

  describe.skipIf(CHROMIUM === undefined)("in Chromium", () => {
    let chromium: Awaited<ReturnType<typeof startChromium>>;
    let tab: Page;
    const asked: { url: string; headers: Record<string, string> }[] = [];
    const complaints: unknown[] = [];
    const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
    const pictures = process.env["NOTEBOX_PICTURES"];
    beforeAll(async () => {
      chromium = await startChromium();
      tab = await chromium.page();
      await Promise.all([tab.send("Network.enable"), tab.send("Log.enable")]);
      tab.on("Network.requestWillBeSent", ({ request }) => asked.push(request as never));
      tab.on("Log.entryAdded", ({ entry }) => complaints.push((entry as { text: string }).text));
    });
    afterAll(async () => await chromium?.close());

    const text = async (): Promise<string> => String(await tab.evaluate("document.body.innerText"));
    const faults = async (): Promise<unknown> => {
      await tab.evaluate(axe);
      return await tab.evaluate(
        "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map((n) => n.html).join(' | ').slice(0, 300)))",
      );
    };
    const shoot = async (name: string): Promise<void> => {
      if (pictures === undefined) return;
      const { data } = await tab.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
      fs.writeFileSync(path.join(pictures, `home-${name}.png`), Buffer.from(String(data), "base64"));
    };
    const arrive = async (): Promise<void> => {
      await tab.open("about:blank");
      await tab.open(`${home.url}/#token=${TOKEN}`);
      await tab.until("document.querySelectorAll('.routes > li').length === 4");
    };

    test.each([
      { width: 1280, scheme: "light", trouble: false },
      { width: 320, scheme: "dark", trouble: true },
      { width: 320, scheme: "light", trouble: false },
      { width: 1280, scheme: "dark", trouble: true },
    ])("$width px, $scheme: nothing overflows, no fault of accessibility", async ({ width, scheme, trouble }) => {
      if (trouble) units({ "jupyter@jupyter": { ActiveState: "failed", Result: "oom-kill" } });
      await comes("jupyter", { state: trouble ? "trouble" : "well" });
      await tab.show(width, scheme);
      await arrive();
      await tab.evaluate("document.querySelector('details').open = true");
      expect(await tab.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
      expect(await faults()).toEqual([]);
      await shoot(`${width}-${scheme}`);
    });

    test("the key leaves the address at once, and nothing is sent to anybody else", async () => {
      asked.length = complaints.length = 0;
      await arrive();
      expect(await tab.evaluate("location.href")).toBe(`${home.url}/`);
      for (const { url, headers } of asked) {
        expect(url).toMatch(new RegExp(`^(${home.url}/|data:)`));
        expect(url.replace(/#.*/, "")).not.toContain(TOKEN);
        expect(JSON.stringify(headers)).not.toContain(`Referer":"${home.url}/#`);
      }
      expect(complaints).toEqual([]);
      await tab.send("Page.reload");
      await tab.until("document.querySelectorAll('.card').length === 3");
      expect(
        await tab.evaluate("[...document.querySelectorAll('.card a')].map((a) => [a.href, a.rel])"),
      ).toContainEqual([`http://127.0.0.1:${jupyterPort}/lab?token=${JUPYTER_TOKEN}`, "noopener noreferrer"]);
    });

    test("it renews itself under the hands of who uses it", async () => {
      await arrive();
      await tab.until("document.getElementById('overall').innerText === 'All 3 services run.'");
      await tab.evaluate(
        "const input = document.querySelector('details input'); input.closest('details').open = true; input.value = 'half'; input.focus()",
      );
      units({ "postgres@db": { ActiveState: "failed" } });
      await tab.until("document.getElementById('overall').innerText === '1 of 3 services needs attention.'");
      expect(await text()).toMatch(/Needs attention[\s\S]*It has failed[\s\S]*Save-a-report/);
      expect(await tab.evaluate("document.activeElement.value")).toBe("half");
    });

    test("a route is tried by keyboard", async () => {
      await arrive();
      await tab.evaluate(
        "[...document.querySelectorAll('summary')].find((one) => one.innerText.includes('{student}')).focus()",
      );
      await tab.key("Enter", 13, "\r");
      await tab.key("Tab", 9);
      for (const letter of "ada") await tab.key(letter, letter.toUpperCase().charCodeAt(0), letter);
      await tab.key("Enter", 13, "\r");
      await tab.until(`document.body.innerText.includes('"student": "ada"')`);
      expect(await text()).toMatch(/200 fine · [\d.]+ s/);
    });

    test("without its key, or with a wrong one, it says what to do", async () => {
      await tab.send("Storage.clearDataForOrigin", { origin: home.url, storageTypes: "all" });
      await tab.evaluate("sessionStorage.clear()");
      await tab.open(`${home.url}/`);
      await tab.until("!document.getElementById('locked').hidden");
      expect(await faults()).toEqual([]);
      await shoot("locked");
      expect(await text()).not.toContain("Jupyter");
      await tab.evaluate("document.getElementById('key').focus()");
      for (const letter of "abc") await tab.key(letter, letter.toUpperCase().charCodeAt(0), letter);
      await tab.key("Enter", 13, "\r");
      await tab.until("document.getElementById('wrong').innerText.startsWith('That key is not')");
    });

    test("texts of the VM are never markup, and an address leads nowhere else", async () => {
      addresses(HOSTILE);
      home.put("etc/notebox/workbench/title", HOSTILE);
      home.put("var/lib/notebox-marks/problem.json", JSON.stringify({ message: HOSTILE, serving: true }));
      await comes("marks", { state: "trouble" });
      await arrive();
      expect(await text()).toContain("<script>document.x = 1</script>");
      expect(await tab.evaluate("[document.x, document.images.length, document.scripts.length]")).toEqual(
        [undefined, 0, 1].map((one) => one ?? null),
      );
      const hostile = { jupyter: { title: "Jupyter", port: jupyterPort, page: "//evil.example/{token}" } };
      home.put("var/lib/notebox/addresses.json", JSON.stringify(hostile));
      await arrive();
      expect(
        await tab.evaluate("[...document.querySelectorAll('a')].filter((one) => one.href.includes('evil')).length"),
      ).toBe(0);
    });
  });
});
