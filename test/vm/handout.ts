/**
 * A hand-out of the lab's workbench, unzipped into a folder with an awkward name and driven by its launchers alone: their
 * own bash and the real Vagrant. notebox makes the zip and has no further part in it.
 */
import fs from "node:fs";
import path from "node:path";
import { type Lab, notebox } from "./lab.ts";
import { must, type Outcome, type Running, run, start, told } from "./programs.ts";
import { expect } from "./trials.ts";

const START_SECONDS = 900 * Number(process.env["NOTEBOX_TEST_PATIENCE"] ?? 1);

export interface HandOut {
  folder: string;
  /** Double-clicks a launcher, which must end well. */
  click(name: string, input?: string): Promise<Outcome>;
  /** The same, for whoever kills it. */
  begin(name: string): Running;
  /** How many pages the browser was given. */
  pages(): number;
  /** Renders the workbench as it is now and unzips it over the folder. */
  unzipOver(): Promise<void>;
  vagrant(...args: string[]): Promise<Outcome>;
  /** Deletes its VM. */
  clear(): Promise<void>;
}

export async function unzipHandOut(lab: Lab): Promise<HandOut> {
  const zip = path.join(lab.folder, "handout.zip");
  const into = path.join(lab.folder, "Kurs für Söhne & Co! (1)");
  const programs = path.join(lab.folder, "programs");
  const opened = path.join(lab.folder, "opened");
  for (const folder of [into, programs]) fs.mkdirSync(folder);
  // The browser: it writes down which page it got.
  fs.writeFileSync(path.join(programs, "xdg-open"), `#!/bin/sh\nprintf '%s\\n' "$PWD/$1" >>'${opened}'\n`, {
    mode: 0o755,
  });
  const unzipOver = async (): Promise<void> => {
    fs.rmSync(zip, { force: true });
    const made = await notebox(lab, ["render", "--zip", zip]);
    expect(made.code === 0, told("render --zip", made));
    await must("unzip", ["-qo", zip, "-d", into]);
  };
  await unzipOver();
  const folder = path.join(into, fs.readdirSync(into)[0] ?? "");
  const env = {
    ...lab.env,
    PATH: `${programs}${path.delimiter}${lab.env["PATH"] ?? process.env["PATH"] ?? ""}`,
    VAGRANT_DEFAULT_PROVIDER: lab.provider,
  };
  const launcher = (name: string): string => path.join(folder, `${name}.sh`);
  return {
    folder,
    unzipOver,
    click: async (name, input = "") => {
      const outcome = await run(launcher(name), [], { cwd: "/", env, input, seconds: START_SECONDS });
      expect(outcome.code === 0, told(name, outcome));
      return outcome;
    },
    begin: (name) => start(launcher(name), [], { cwd: "/", env, seconds: START_SECONDS }),
    pages: () => (fs.existsSync(opened) ? fs.readFileSync(opened, "utf8").trim().split("\n").length : 0),
    vagrant: async (...args) => await run("vagrant", args, { cwd: folder, env, seconds: 180 }),
    clear: async () => void (await run("vagrant", ["destroy", "-f"], { cwd: folder, env, seconds: 180 })),
  };
}

/** The page leads to a Jupyter that lets its reader in. */
export async function pageAnswers(folder: string): Promise<void> {
  const page = fs.readFileSync(path.join(folder, ".notebox", "open.html"), "utf8");
  const url = /url=([^"]+)"/.exec(page)?.[1]?.replaceAll("&amp;", "&") ?? "";
  const answer = await fetch(url);
  expect(answer.status === 200, `the page leads to an answer ${answer.status}`);
}
