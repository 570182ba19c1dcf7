/** A headless Chromium, driven over its DevTools protocol; undefined paths where none is installed. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import WebSocket from "ws";

export const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((file) =>
  fs.existsSync(file),
);

type Message = { id?: number; method?: string; params?: Record<string, unknown>; result?: never; error?: unknown };

export interface Page {
  send(method: string, params?: object): Promise<Record<string, unknown>>;
  on(method: string, listener: (params: Record<string, unknown>) => void): void;
  /** Loads an address and waits for it. */
  open(url: string): Promise<void>;
  evaluate(expression: string): Promise<unknown>;
  /** Waits until the expression is true. */
  until(expression: string): Promise<void>;
  key(name: string, code: number, text?: string): Promise<void>;
  screenshot(file: string): Promise<void>;
  /** CSS pixels, below 500 a phone's; `scheme` is what the person prefers: "light" or "dark". */
  show(width: number, scheme: string): Promise<void>;
  close(): Promise<void>;
}

export async function startChromium(): Promise<{ page(): Promise<Page>; close(): Promise<void> }> {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-chromium-"));
  const args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--ignore-certificate-errors"];
  const local = ["--disable-features=LocalNetworkAccessChecks", "--disable-background-networking"];
  const child = spawn(
    CHROMIUM ?? "chromium",
    [...args, ...local, "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const address = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stderr.on("data", (chunk) => {
      text += chunk;
      const match = /DevTools listening on (ws:\S+)/.exec(text);
      if (match?.[1]) resolve(match[1]);
    });
    child.on("exit", () => reject(new Error(`Chromium ended: ${text}`)));
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  return {
    page: async () => {
      const host = new URL(address).host;
      const made = await fetch(`http://${host}/json/new?about:blank`, { method: "PUT" });
      return await attach(((await made.json()) as { webSocketDebuggerUrl: string }).webSocketDebuggerUrl);
    },
    close: async () => {
      child.kill();
      await ended;
      fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function attach(url: string): Promise<Page> {
  const socket = new WebSocket(url);
  await new Promise((resolve) => socket.on("open", resolve));
  const waiting = new Map<number, (message: Message) => void>();
  const listeners: [string, (params: Record<string, unknown>) => void][] = [];
  socket.on("message", (data) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    for (const [method, listener] of listeners) if (method === message.method) listener(message.params ?? {});
  });
  let last = 0;
  const send = async (method: string, params: object = {}): Promise<Record<string, unknown>> => {
    const id = ++last;
    const answer = new Promise<Message>((resolve) => waiting.set(id, resolve));
    socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await answer;
    if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result ?? {};
  };
  const page: Page = {
    send,
    on: (method, listener) => listeners.push([method, listener]),
    async open(address) {
      const loaded = new Promise<void>((resolve) => listeners.push(["Page.loadEventFired", () => resolve()]));
      await send("Page.navigate", { url: address });
      await loaded;
    },
    async evaluate(expression) {
      const { result, exceptionDetails } = await send("Runtime.evaluate", {
        expression,
        awaitPromise: true,
        returnByValue: true,
      });
      if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
      return (result as { value?: unknown }).value;
    },
    async until(expression) {
      for (let tries = 0; tries < 300; tries++) {
        if (await page.evaluate(expression)) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`${expression} did not come true; the page: ${await page.evaluate("document.body.innerText")}`);
    },
    async key(name, code, text) {
      const event = { key: name, code: name, windowsVirtualKeyCode: code, ...(text === undefined ? {} : { text }) };
      await send("Input.dispatchKeyEvent", { type: "keyDown", ...event });
      await send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
    },
    async screenshot(file) {
      const { data } = await send("Page.captureScreenshot", { format: "png" });
      fs.writeFileSync(file, Buffer.from(String(data), "base64"));
    },
    async show(width, scheme) {
      const mobile = width < 500;
      await send("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile });
      await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    },
    close: async () => socket.close(),
  };
  await Promise.all([send("Page.enable"), send("Runtime.enable")]);
  return page;
}
