/**
 * READ-ME-FIRST.html in a real Chromium: nothing is fetched, nothing overflows, axe-core finds no fault, on a phone and on
 * a desk, light and dark, in both languages and with a hostile title; and it prints. NOTEBOX_PICTURES=DIR keeps pictures.
 */
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readAssets } from "../../src/bundle/assets.ts";
import { planReadMe } from "../../src/bundle/read-me.ts";
import type { Workbench } from "../../src/workbench/model.ts";
import { CHROMIUM, type Page, startChromium } from "./fakes/chromium.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const HOSTILE = `</title><script>document.x = 1</script> & "quoted" 'one' *star* {{t}} <b>\u202etxet</b>`;
const assets = readAssets(ROOT);

function page(more: Partial<Workbench>): string {
  const workbench = {
    title: "Learning analytics",
    contact: "Ada Example, ada@example.edu, room 12",
    language: "en",
    ...more,
  };
  return planReadMe(workbench as Workbench, ["notebooks", "api", "data"], assets).content.toString("utf8");
}

test("both languages have the same sentences, with as many bold words", () => {
  const [english, german] = ["en", "de"].map(
    (language) =>
      JSON.parse(fs.readFileSync(path.join(ROOT, `templates/read-me/${language}.json`), "utf8")) as Record<
        string,
        string
      >,
  );
  expect(Object.keys(german ?? {})).toEqual(Object.keys(english ?? {}));
  const stars = (text = ""): number => text.split("*").length;
  for (const [key, text] of Object.entries(english ?? {}))
    expect([key, stars(german?.[key])]).toEqual([key, stars(text)]);
  // Every sentence is on the page, and none stands in the page itself.
  const template = fs.readFileSync(path.join(ROOT, "templates/read-me/page.html.hbs"), "utf8");
  for (const key of Object.keys(english ?? {})) expect(template).toContain(`t.${key}}}`);
});

test("a contact and the versions that fit together are on it; a workbench's text is never markup", () => {
  const text = page({ title: HOSTILE, contact: HOSTILE });
  expect(text).not.toContain("<script");
  expect(text).not.toContain("<b>\u202e");
  expect(text.match(/\*star\*/g)?.length).toBe(3);
  expect(page({})).toContain("Ada Example, ada@example.edu, room 12");
  expect(page({ contact: undefined as never })).toContain("Ask the person who gave you this folder");
  for (const pair of [
    "<td>7.0</td><td>at least 2.3.4</td>",
    "<td>7.1</td><td>at least 2.4.2</td>",
    "<td>7.2</td><td>at least 2.4.9</td>",
  ])
    expect(page({})).toContain(pair);
});

describe.skipIf(CHROMIUM === undefined)("in Chromium", () => {
  let chromium: Awaited<ReturnType<typeof startChromium>>;
  let tab: Page;
  let folder = "";
  const asked: string[] = [];
  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-read-me-"));
    chromium = await startChromium();
    tab = await chromium.page();
    await tab.send("Network.enable");
    await tab.send("Page.setBypassCSP", { enabled: true }); // for axe alone; the page has no script of its own
    tab.on("Network.requestWillBeSent", (params) => asked.push((params["request"] as { url: string }).url));
  });
  afterAll(async () => {
    await chromium?.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  const pictures = process.env["NOTEBOX_PICTURES"];

  const cases = [
    { name: "en-desk-light", width: 1280, scheme: "light", more: {} },
    { name: "en-phone-dark", width: 360, scheme: "dark", more: {} },
    { name: "de-phone-light", width: 360, scheme: "light", more: { language: "de" as const } },
    { name: "de-desk-dark", width: 1280, scheme: "dark", more: { language: "de" as const } },
    { name: "hostile", width: 360, scheme: "light", more: { title: HOSTILE + "w".repeat(100), contact: HOSTILE } },
  ];

  test.each(cases)(
    "$name: nothing is fetched, nothing overflows, no fault of accessibility",
    async ({ name, width, scheme, more }) => {
      const file = path.join(folder, `${name}.html`);
      fs.writeFileSync(file, page(more));
      await tab.show(width, scheme);
      asked.length = 0;
      await tab.open(pathToFileURL(file).href);
      expect(asked).toEqual([pathToFileURL(file).href]);
      expect(await tab.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
      expect(await tab.evaluate("document.x === undefined && document.scripts.length === 0")).toBe(true);
      // No text of a picture runs out of it, nor out of its button.
      const cut = `[...document.querySelectorAll("svg")].flatMap((svg) => [...svg.querySelectorAll("text")].filter((text) => {
      const around = text.matches(".on-go") ? text.previousElementSibling : svg;
      const [inner, outer] = [text.getBoundingClientRect(), around.getBoundingClientRect()];
      return inner.left < outer.left || inner.right > outer.right;
    }).map((text) => text.textContent))`;
      expect(await tab.evaluate(cut)).toEqual([]);
      await tab.evaluate(axe);
      const faults = await tab.evaluate(
        "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map((n) => n.html).join(' | ').slice(0, 300)))",
      );
      expect(faults).toEqual([]);
      if (pictures === undefined) return;
      const { data } = await tab.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
      fs.writeFileSync(path.join(pictures, `${name}.png`), Buffer.from(String(data), "base64"));
    },
  );

  test("it prints on a few pages of A4, also when the screen is dark", async () => {
    const file = path.join(folder, "print.html");
    fs.writeFileSync(file, page({}));
    await tab.open(pathToFileURL(file).href);
    const { data } = await tab.send("Page.printToPDF", {
      paperWidth: 8.27,
      paperHeight: 11.69,
      preferCSSPageSize: true,
    });
    const pdf = Buffer.from(String(data), "base64");
    const pages = pdf.toString("latin1").match(/\/Type\s*\/Page(?![s\w])/g)?.length ?? 0;
    expect(pages).toBeGreaterThan(0);
    expect(pages).toBeLessThan(6);
    if (pictures !== undefined) fs.writeFileSync(path.join(pictures, "print.pdf"), pdf);
  });
});
