/** The novice's way with a real VM: Start, again, Stop, Start, Reset. */
import fs from "node:fs";
import path from "node:path";
import { pageAnswers, unzipHandOut } from "./handout.ts";
import type { Lab } from "./lab.ts";
import { told } from "./programs.ts";
import { expect } from "./trials.ts";

/** A start of a machine that runs must not wait for Vagrant, which takes longer than that before it says a word. */
const AGAIN_SECONDS = 3;

export async function novicesWay(lab: Lab): Promise<string> {
  const { folder, click, pages, vagrant, clear } = await unzipHandOut(lab);
  try {
    const mine = path.join(folder, "notebooks", "mine.txt");
    const first = await click("Start");
    expect(/^1 of 5: /m.test(first.stdout), told("Start says no steps", first));
    await pageAnswers(folder);
    fs.writeFileSync(mine, "my work");
    const again = await click("Start");
    expect(again.seconds < AGAIN_SECONDS, `the second Start took ${again.seconds.toFixed(1)} s`);
    await click("Stop");
    expect(!fs.existsSync(path.join(folder, ".notebox", "open.html")), "Stop left the page");
    const warm = await click("Start");
    await pageAnswers(folder);
    expect(pages() === 3, `${pages()} pages were opened in three starts`);
    await click("Reset", "yes\n");
    const status = await vagrant("status", "--machine-readable");
    expect(/,state,not_created/.test(status.stdout), told("vagrant status after Reset", status));
    expect(fs.readFileSync(mine, "utf8") === "my work", "Reset changed the notebooks");
    expect(fs.readdirSync(path.join(folder, "backups")).length === 1, "Reset did not save what was inside");
    const seconds = [first, again, warm].map((outcome) => outcome.seconds.toFixed(1));
    return `Start ${seconds[0]} s, again ${seconds[1]} s, after Stop ${seconds[2]} s`;
  } finally {
    await clear();
  }
}
