/**
 * What a person does in the browser with a VM that has every service: the home page's links lead to the applications that
 * they name, OpenRefine imports a CSV, and the desktop takes what is typed. The real Chromium, through the ports of this computer.
 */
import fs from "node:fs";
import path from "node:path";
import { CHROMIUM, type Page, startChromium } from "../wire/fakes/chromium.ts";
import { inGuest } from "./guest.ts";
import type { Lab } from "./lab.ts";
import { sleep } from "./programs.ts";
import { expect } from "./trials.ts";

/** By the service: true once its application is on the page. */
const APPLICATIONS: Readonly<Record<string, string>> = {
  jupyter: "document.title.includes('Jupyter') && document.querySelector('.jp-Launcher, .jp-DirListing') !== null",
  openrefine: "document.title === 'OpenRefine' && document.querySelector('input[type=file]') !== null",
  desktop: "document.querySelector('canvas')?.width >= 1024",
};
const PATIENCE_SECONDS = 240;

/** What is done there. */
const WORK: Readonly<Record<string, (lab: Lab, page: Page) => Promise<void>>> = {
  openrefine: importsCsv,
  desktop: takesTyping,
};

/** Pictures of the pages go to `pictures`. Throws when a page is not what its link names, or does not do its work. */
export async function throughTheBrowser(lab: Lab, pictures: string): Promise<string> {
  expect(CHROMIUM !== undefined, "there is no Chromium here");
  fs.mkdirSync(pictures, { recursive: true });
  const browser = await startChromium();
  try {
    const home = await browser.page();
    await home.show(1280, "light");
    await home.open(frontPage(lab));
    const wanted = Object.keys(APPLICATIONS);
    await eventually(home, `document.querySelectorAll('.card .go:not([hidden])').length === ${wanted.length}`);
    await home.screenshot(path.join(pictures, "home.png"));
    const links = (await home.evaluate(
      "[...document.querySelectorAll('.card .go:not([hidden]) a')].map(({ href }) => href)",
    )) as string[];
    await home.close();
    const seen: string[] = [];
    for (const link of links) {
      const page = await browser.page();
      await page.show(1280, "light");
      // A page that says something in a window of its own stands still until that is closed.
      page.on("Page.javascriptDialogOpening", () => void page.send("Page.handleJavaScriptDialog", { accept: true }));
      // Not `open`: an application loads for longer than Chromium is asked to wait.
      await page.send("Page.navigate", { url: link });
      const name = await applicationOn(page);
      seen.push(name);
      await WORK[name]?.(lab, page).finally(() => page.screenshot(path.join(pictures, `${name}.png`)));
      await page.send("Page.close");
    }
    expect(seen.sort().join() === wanted.sort().join(), `the links of the home page lead to ${seen.join(", ")}`);
    return `${wanted.join(", ")} by the home page's links`;
  } finally {
    await browser.close();
  }
}

function frontPage(lab: Lab): string {
  const page = fs.readFileSync(path.join(lab.workbench, ".notebox", "open.html"), "utf8");
  return /url=([^"]+)"/.exec(page)?.[1]?.replaceAll("&amp;", "&") ?? "";
}

async function applicationOn(page: Page): Promise<string> {
  const any = Object.values(APPLICATIONS).join(" || ");
  await eventually(page, any);
  for (const [name, sign] of Object.entries(APPLICATIONS)) if (await page.evaluate(sign)) return name;
  throw new Error("what was on the page is gone again");
}

async function importsCsv(lab: Lab, page: Page): Promise<void> {
  const csv = path.join(lab.folder, "planets.csv");
  fs.writeFileSync(csv, "planet,moons\nMars,2\nJupiter,95\n");
  const { result } = await page.send("Runtime.evaluate", { expression: "document.querySelector('input[type=file]')" });
  const { objectId } = result as { objectId: string };
  await page.send("DOM.setFileInputFiles", { objectId, files: [csv] });
  await press(page, /^Next/);
  await eventually(page, "document.body.innerText.includes('Jupiter')");
  // While the preview is made anew, which it says nowhere, the button does nothing but complain.
  const made = "/[?&]project=\\d+/.test(location.href)";
  const over = performance.now() + PATIENCE_SECONDS * 1000;
  while (!(await page.evaluate(made)) && performance.now() < over) {
    await page.evaluate(`${button(/^Create project/)}?.click()`);
    await sleep(10);
  }
  await eventually(page, `${made} && document.body.innerText.includes('Jupiter')`);
}

/** The terminal that starts with the session has the keyboard. */
async function takesTyping(lab: Lab, page: Page): Promise<void> {
  const file = "/home/notebox/typed";
  for (let tries = 0; tries < PATIENCE_SECONDS / 10; tries++) {
    await click(page, 640, 400);
    for (const letter of "touch ~/typed") await page.key(letter, letter.toUpperCase().charCodeAt(0), letter);
    await page.key("Enter", 13, "\r");
    await sleep(10);
    if ((await inGuest(lab.workbench, `if [ -e ${file} ]; then echo yes; fi`)) === "yes") return;
  }
  throw new Error("what is typed into the desktop does not arrive");
}

async function click(page: Page, x: number, y: number): Promise<void> {
  for (const type of ["mouseMoved", "mousePressed", "mouseReleased"])
    await page.send("Input.dispatchMouseEvent", { type, x, y, button: "left", buttons: 1, clickCount: 1 });
}

/** One that can be seen, by its words. */
const button = (words: RegExp): string =>
  `[...document.querySelectorAll('button')].find((one) => one.offsetParent !== null && ${words}.test(one.innerText.trim()))`;

async function press(page: Page, words: RegExp): Promise<void> {
  await eventually(page, `${button(words)} !== undefined`);
  await page.evaluate(`${button(words)}.click()`);
}

async function eventually(page: Page, expression: string): Promise<void> {
  const over = performance.now() + PATIENCE_SECONDS * 1000;
  while (performance.now() < over) {
    // Between two pages there is nothing to ask.
    if (await page.evaluate(expression).catch(() => false)) return;
    await sleep(0.5);
  }
  const text = await page.evaluate("document.title + '\\n' + document.body.innerText.slice(0, 500)").catch(String);
  throw new Error(`${expression} did not come true in ${PATIENCE_SECONDS} s; the page: ${text}`);
}
