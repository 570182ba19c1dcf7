/** What a person reads when the workbench's answer is an error: the generated script in a page of stand-ins, over HTTP. */
import { spawnSync } from "node:child_process";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import vm from "node:vm";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
let answer: { status: number; type: string; text: string };
const server = http.createServer((_request, response) => {
  response.writeHead(answer.status, { "content-type": answer.type }).end(answer.text);
});
let script = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const notebook = path.join(root, "examples/api/api/marks.ipynb");
  const words = ["api", "userscript", notebook, "--origin", "https://lms.example.edu"];
  const made = spawnSync(process.execPath, [path.join(root, "dist/notebox.cjs"), ...words], { encoding: "utf8" });
  script = made.stdout.replaceAll(
    "http://127.0.0.1:8889",
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  );
});
afterAll(() => void server.close());

/** The first line that the script shows. */
async function shown(given: typeof answer): Promise<string> {
  answer = given;
  return await new Promise((resolve) => {
    const element = () => ({
      style: {},
      setAttribute: () => {},
      addEventListener: () => {},
      append: () => {},
      replaceChildren: (first: { textContent: string }) => resolve(first.textContent),
    });
    const listening = { addEventListener: () => {}, removeEventListener: () => {} };
    const document = { createElement: element, body: element(), ...listening };
    const globals = { document, location: { origin: "https://lms.example.edu" }, prompt: () => "token", fetch, URL };
    vm.runInNewContext(script, { ...globals, URLSearchParams, AbortSignal, setTimeout, Error, console });
  });
}

const json = "application/json; charset=utf-8";
test.each([
  [
    500,
    json,
    '{"reason": "Internal Server Error", "message": "The kernel died.", "cells": [1]}',
    "failed in the workbench: The kernel died.",
  ],
  [
    504,
    json,
    '{"reason": "Gateway Timeout", "message": "The cells took longer than 30 s."}',
    "took the workbench too long: The cells took longer than 30 s.",
  ],
  [
    500,
    "text/plain",
    "Error ValueError: there is no such course \nmore",
    "failed in the workbench: ValueError: there is no such course",
  ],
  [404, json, '{"error": "nobody is called so"}', "was answered with 404: nobody is called so"],
  [409, json, '"as a string"', "was answered with 409: as a string"],
  [500, json, '{"rows": [1, 2]}', "failed in the workbench."],
  [502, "text/html", "<html>a proxy", "was answered with 502."],
])("%i, %s %s", async (status, type, text, says) => {
  expect((await shown({ status, type, text })).replace(/^.+: [A-Z]+ \/\S* /, "")).toBe(says);
});
