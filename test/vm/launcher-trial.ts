/**
 * The novice's way with a real VM: a hand-out unzipped into a folder with an awkward name, then its launchers alone, by
 * their own bash and the real Vagrant. notebox makes the zip and has no further part in it.
 */
import fs from "node:fs";
import path from "node:path";
import { type Lab, notebox } from "./lab.ts";
import { must, type Outcome, run, told } from "./programs.ts";
import { expect } from "./trials.ts";

const START_SECONDS = 900;
/** A start of a machine that runs must not wait for Vagrant, which takes longer than that before it says a word. */
const AGAIN_SECONDS = 3;

export async function novicesWay(lab: Lab): Promise<string> {
  const zip = path.join(lab.folder, "handout.zip");
  const into = path.join(lab.folder, "Kurs für Söhne & Co! (1)");
  const programs = path.join(lab.folder, "programs");
  const opened = path.join(lab.folder, "opened");
  for (const folder of [into, programs]) fs.mkdirSync(folder);
  // The browser: it writes down which page it got.
  fs.writeFileSync(path.join(programs, "xdg-open"), `#!/bin/sh\nprintf '%s\\n' "$PWD/$1" >>'${opened}'\n`, {
    mode: 0o755,
  });
  const made = await notebox(lab, ["render", "--zip", zip]);
  expect(made.code === 0, told("render --zip", made));
  await must("unzip", ["-q", zip, "-d", into]);
  const folder = path.join(into, fs.readdirSync(into)[0] ?? "");
  const env = {
    ...lab.env,
    PATH: `${programs}${path.delimiter}${lab.env["PATH"] ?? process.env["PATH"] ?? ""}`,
    VAGRANT_DEFAULT_PROVIDER: lab.provider,
  };
  const click = async (name: string, input = ""): Promise<Outcome> => {
    const outcome = await run(path.join(folder, `${name}.sh`), [], { cwd: "/", env, input, seconds: START_SECONDS });
    expect(outcome.code === 0, told(name, outcome));
    return outcome;
  };
  const pages = (): number => (fs.existsSync(opened) ? fs.readFileSync(opened, "utf8").trim().split("\n").length : 0);

  try {
    const mine = path.join(folder, "notebooks", "mine.txt");
    const first = await click("Start");
    expect(/^1 of 5: /m.test(first.stdout), told("Start says no steps", first));
    await answers(folder);
    fs.writeFileSync(mine, "my work");
    const again = await click("Start");
    expect(again.seconds < AGAIN_SECONDS, `the second Start took ${again.seconds.toFixed(1)} s`);
    await click("Stop");
    expect(!fs.existsSync(path.join(folder, ".notebox", "open.html")), "Stop left the page");
    const warm = await click("Start");
    await answers(folder);
    expect(pages() === 3, `${pages()} pages were opened in three starts`);
    await click("Reset", "yes\n");
    const status = await run("vagrant", ["status", "--machine-readable"], { cwd: folder, env });
    expect(/,state,not_created/.test(status.stdout), told("vagrant status after Reset", status));
    expect(fs.readFileSync(mine, "utf8") === "my work", "Reset changed the notebooks");
    const seconds = [first, again, warm].map((outcome) => outcome.seconds.toFixed(1));
    return `Start ${seconds[0]} s, again ${seconds[1]} s, after Stop ${seconds[2]} s`;
  } finally {
    await run("vagrant", ["destroy", "-f"], { cwd: folder, env, seconds: 180 });
  }
}

/** The page leads to a Jupyter that lets its reader in. */
async function answers(folder: string): Promise<void> {
  const page = fs.readFileSync(path.join(folder, ".notebox", "open.html"), "utf8");
  const url = /url=([^"]+)"/.exec(page)?.[1]?.replaceAll("&amp;", "&") ?? "";
  const answer = await fetch(url);
  expect(answer.status === 200, `the page leads to an answer ${answer.status}`);
}
