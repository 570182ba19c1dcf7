/**
 * The user script and the page of `api openapi --html` in a real Chromium, against the real kernel gateway with our
 * personality, which serves notebooks of the examples. The course page comes over HTTPS from another origin, with a
 * security policy. The script manager is a shim, because no package that could be had ships one as an extension:
 * requests that it makes leave from the test, where neither CORS nor the page's policy have a say.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import https from "node:https";
import type net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gatewayPython } from "../../scripts/lib/gateway-python.mjs";
import { TOKEN } from "../gateway/start.ts";
import { CHROMIUM, type Page, startChromium } from "./fakes/chromium.ts";
import { type ServedExample, serveExample } from "./fakes/served-example.ts";

const root = path.resolve(import.meta.dirname, "../..");
/** Where pictures go, for whoever wants to look at them. */
const PICTURES = process.env["NOTEBOX_SCREENSHOTS"];

const notebox = (...args: string[]): string =>
  execFileSync(process.execPath, [path.join(root, "dist/notebox.cjs"), ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });

describe.skipIf(CHROMIUM === undefined || gatewayPython() === undefined)("in Chromium", () => {
  let folder: string;
  let chromium: Awaited<ReturnType<typeof startChromium>>;
  let site: https.Server;
  let origin: string;
  let policy = "";
  let served = new Map<string, string>();
  const gateways: ServedExample[] = [];

  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-userscript-"));
    const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
    const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    execFileSync("openssl", [...args, "-keyout", key, "-out", cert], { stdio: "ignore" });
    const answer: Parameters<typeof https.createServer>[1] = (request, response) => {
      const page = served.get((request.url ?? "").replace(/\?.*/, ""));
      if (page === undefined) return void response.writeHead(404).end();
      response.writeHead(200, {
        "content-type": "text/html; charset=utf-8",
        ...(policy === "" ? {} : { "content-security-policy": policy }),
      });
      response.end(page);
    };
    site = https.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert) }, answer);
    await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
    origin = `https://localhost:${(site.address() as net.AddressInfo).port}`;
    served = new Map([
      ["/course/view.php", fs.readFileSync(path.join(root, "examples/activity/page/course.html"), "utf8")],
    ]);
    chromium = await startChromium();
  });
  afterAll(async () => {
    await chromium?.close();
    await Promise.all(gateways.map((gateway) => gateway.close()));
    site?.closeAllConnections();
    site?.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const gateway = async (example: string, origins: readonly string[]): Promise<ServedExample> => {
    const made = await serveExample(example, { origins });
    gateways.push(made);
    return made;
  };
  const script = (url: string, ...args: string[]): string =>
    notebox(
      "api",
      "userscript",
      path.join(root, "examples/activity/api/activity.ipynb"),
      "--origin",
      "https://lms.example.edu",
      "--template",
      "activity",
      ...args,
    ).replace("http://127.0.0.1:8889", url.replace(/\/$/, ""));

  async function coursePage({
    shim = false,
    token = TOKEN,
  } = {}): Promise<{ page: Page; asked: string[]; stored: Map<string, string> }> {
    const page = await chromium.page();
    const asked: string[] = [];
    const stored = new Map<string, string>();
    page.on("Page.javascriptDialogOpening", ({ message }) => {
      asked.push(String(message));
      void page.send("Page.handleJavaScriptDialog", { accept: true, promptText: token });
    });
    await page.open(`${origin}/course/view.php?id=7`);
    if (shim) await addShim(page, stored);
    return { page, asked, stored };
  }

  const words = (page: Page) =>
    page.evaluate(
      "[...document.querySelectorAll('a')].map((a) => a.textContent + (a.nextElementSibling?.dataset?.noteboxCount !== undefined ? a.nextElementSibling.textContent : ''))",
    );
  const ANNOTATED = [
    "Home",
    "STAT-101",
    expect.stringMatching(/^Announcements \(\d+ clicks\)$/),
    expect.stringMatching(/^Slides: describing data \(\d+ clicks\)$/),
    expect.stringMatching(/^Quiz: mean and median \(\d+ clicks\)$/),
    expect.stringMatching(/^Reading: chance \(\d+ clicks\)$/),
    expect.stringMatching(/^Assignment: dice \(\d+ clicks\)$/),
    "Questions about week 2 (0 clicks)",
    "A link elsewhere",
  ];

  test("by fetch, from an origin that is listed, under a policy that lists the address", async () => {
    const { url, requests } = await gateway("activity", [origin]);
    policy = `default-src 'self'; style-src 'unsafe-inline'; connect-src 'self' ${url}`;
    const { page, asked } = await coursePage();
    await page.evaluate(script(url));
    await page.until("document.querySelector('[data-notebox-count]') !== null");
    expect(await words(page)).toEqual(ANNOTATED);
    expect(asked).toHaveLength(1);
    expect(requests).toEqual([`OPTIONS /activity from ${origin}`, `POST /activity from ${origin}`]);
    if (PICTURES) await page.screenshot(path.join(PICTURES, "activity.png"));
    await page.close();
  });

  test("under a policy that does not list it: a sentence, and the script manager (a shim) calls", async () => {
    const { url, requests } = await gateway("activity", [origin]);
    policy = "default-src 'self'; style-src 'unsafe-inline'; connect-src 'self'";
    const { page, asked, stored } = await coursePage({ shim: true });
    await page.evaluate(script(url));
    await page.until("document.querySelector('[data-notebox-count]') !== null");
    expect(await words(page)).toEqual(ANNOTATED);
    expect(await page.evaluate("document.querySelector('[data-notebox]').innerText")).toContain(
      "security policy does not let it call",
    );
    expect(requests).toEqual(["POST /activity from nobody"]);
    expect(asked).toHaveLength(1);
    expect([...stored]).toEqual([[`token ${url.replace(/\/$/, "")} ${origin}`, TOKEN]]);
    await page.close();
  });

  test("an origin that is not listed is refused, without a manager", async () => {
    const { url, requests } = await gateway("activity", ["https://lms.example.edu"]);
    policy = "";
    const { page } = await coursePage();
    await page.evaluate(script(url));
    await page.until("document.querySelector('[data-notebox]') !== null");
    expect(await page.evaluate("document.querySelector('[data-notebox]').innerText")).toContain(
      "does not list this page under origins",
    );
    expect(requests).toEqual([`OPTIONS /activity from ${origin}`]);
    await page.close();
  });

  test("when nothing runs there, it says what to do", async () => {
    policy = "";
    const { page } = await coursePage({ shim: true });
    await page.evaluate(script("http://127.0.0.1:9"));
    await page.until("document.querySelector('[data-notebox]') !== null");
    expect(await page.evaluate("document.querySelector('[data-notebox]').innerText")).toContain("double-click Start");
    await page.close();
  });

  test("a wrong token is asked for once more, and then a sentence", async () => {
    const { url } = await gateway("activity", [origin]);
    const { page, asked } = await coursePage({ token: "wrong" });
    await page.evaluate(script(url));
    await page.until("document.querySelector('[data-notebox]') !== null");
    expect(asked).toHaveLength(2);
    expect(asked[1]).toContain("no longer, the right one");
    expect(await page.evaluate("document.querySelector('[data-notebox]').innerText")).toContain(
      "does not accept this token",
    );
    await page.close();
  });

  test("the page of the API, by keyboard", async () => {
    const { url } = await gateway("scotch", [origin]);
    const html = notebox("api", "openapi", path.join(root, "examples/scotch/api/scotch.ipynb"), "--html");
    served.set("/api.html", html.replace("http://127.0.0.1:8889", url.replace(/\/$/, "")));
    const page = await chromium.page();
    await page.open(`${origin}/api.html`);
    const tab = () => page.key("Tab", 9);
    const focus = () =>
      page.evaluate(
        "document.activeElement.tagName + ' ' + (document.activeElement.textContent || document.activeElement.type).trim()",
      );
    const type = (text: string) => page.send("Input.insertText", { text });
    await tab();
    expect(await focus()).toBe("INPUT url");
    await tab();
    await type(TOKEN);
    await tab();
    expect(await focus()).toContain("GET/scotches");
    await tab();
    expect(await focus()).toBe("BUTTON Send");
    await page.key("Enter", 13, "\r");
    await page.until("document.querySelector('output pre') !== null");
    expect(await page.evaluate("document.querySelector('output').innerText")).toMatch(/^200, application\/json/);
    // Past the answer (it can be scrolled) to the next route, opened with Enter, sent with its example.
    for (let presses = 0; presses < 12 && !String(await focus()).includes("/recommendations"); presses++) await tab();
    await page.key("Enter", 13, "\r");
    for (let presses = 0; presses < 6 && (await focus()) !== "BUTTON Send"; presses++) await tab();
    await page.key("Enter", 13, "\r");
    await page.until("document.querySelectorAll('output pre').length === 2");
    expect(await page.evaluate("document.querySelectorAll('output')[1].innerText")).toContain('"likeness"');
    if (PICTURES) await page.screenshot(path.join(PICTURES, "page.png"));
    await page.close();
  });
});

async function addShim(page: Page, stored: Map<string, string>): Promise<void> {
  page.on("Runtime.bindingCalled", ({ payload }) => {
    const { id, verb, given } = JSON.parse(String(payload));
    void (async () => {
      const answer = await manager(verb, given, stored);
      await page.evaluate(`shimAnswers[${id}](${JSON.stringify(answer)})`);
    })();
  });
  await page.send("Runtime.addBinding", { name: "shimCall" });
  await page.evaluate(`
    var shimAnswers = {};
    var shimAsk = (verb, given) => new Promise((resolve) => {
      const id = Object.keys(shimAnswers).length;
      shimAnswers[id] = resolve;
      shimCall(JSON.stringify({ id, verb, given }));
    });
    var GM = {
      getValue: (key) => shimAsk("get", { key }).then((found) => found.value),
      setValue: (key, value) => shimAsk("set", { key, value }),
      deleteValue: (key) => shimAsk("delete", { key }),
      xmlHttpRequest: ({ onload, onerror, ...given }) =>
        shimAsk("request", given).then((answer) => (answer.status === 0 ? onerror() : onload(answer))),
    };`);
}

async function manager(verb: string, given: Record<string, string>, stored: Map<string, string>): Promise<object> {
  const key = given["key"] ?? "";
  if (verb === "get") return { value: stored.get(key) };
  if (verb === "set") stored.set(key, given["value"] ?? "");
  if (verb === "delete") stored.delete(key);
  if (verb !== "request") return {};
  try {
    const headers = given["headers"] as unknown as Record<string, string>;
    const init = {
      method: given["method"] ?? "GET",
      headers,
      ...(given["data"] === undefined ? {} : { body: given["data"] }),
    };
    const answer = await fetch(given["url"] ?? "", init);
    const type = `content-type: ${answer.headers.get("content-type")}\r\n`;
    return { status: answer.status, responseText: await answer.text(), responseHeaders: type };
  } catch {
    return { status: 0 };
  }
}
