/**
 * Remembers the counted trials: in a file of the cache, so that an interrupted run goes on where it stopped, and in
 * docs/trials.md, for people. A trial counts for the commit at which it ran.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { cache, checkout } from "./places.ts";
import type { Result } from "./trials.ts";

interface Entry extends Result {
  commit: string;
  /** ISO 8601, UTC, to the minute. */
  date: string;
}

const HEAD = `# Trials

What \`npm run test:soak\` and \`npm run test:launchers\` did, newest last. They write this page themselves; a counted
trial that passed at a commit is not run again at that commit. Machines are emulated in software wherever the computer offers no hardware virtualisation.

| when (UTC) | commit | trial | outcome | seconds |
| --- | --- | --- | --- | --- |
`;

export class Records {
  readonly #file = path.join(path.dirname(cache), "trials.json");
  readonly #page = path.join(checkout, "docs", "trials.md");
  readonly #commit = commitOf();
  #entries: Entry[];

  constructor(forget: boolean) {
    this.#entries = forget || !fs.existsSync(this.#file) ? [] : JSON.parse(fs.readFileSync(this.#file, "utf8"));
  }

  /** Whether this trial has passed at the commit that is checked out. */
  passed(name: string): boolean {
    return this.#entries.some((entry) => entry.name === name && entry.commit === this.#commit && entry.passed);
  }

  add(result: Result): void {
    const date = new Date().toISOString().slice(0, 16).replace("T", " ");
    const entry = { ...result, commit: this.#commit, date };
    this.#entries.push(entry);
    fs.mkdirSync(path.dirname(this.#file), { recursive: true });
    fs.writeFileSync(this.#file, JSON.stringify(this.#entries, undefined, 1));
    if (!fs.existsSync(this.#page)) fs.writeFileSync(this.#page, HEAD);
    fs.appendFileSync(this.#page, `${row(entry)}\n`);
  }
}

function row({ date, commit, name, passed, remark, seconds }: Entry): string {
  const cell = (text: string): string => text.split("\n")[0]?.replaceAll("|", "\\|").slice(0, 200) ?? "";
  return `| ${date} | ${commit} | ${cell(name)} | ${passed ? "passed" : "FAILED"}: ${cell(remark)} | ${seconds.toFixed(0)} |`;
}

/** The commit, with a plus sign when files of the program differ from it. */
function commitOf(): string {
  const git = (...args: string[]): string => execFileSync("git", args, { cwd: checkout, encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "provision", "boxes", "templates");
  return git("rev-parse", "--short", "HEAD") + (changed === "" ? "" : "+");
}
