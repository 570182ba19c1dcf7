/**
 * The saved report: what launchers write (report.rb, by the real Ruby) and what `notebox report` writes hold the same
 * kinds of file, and neither holds a secret, a name of the person or of a computer.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createNameRedactor } from "../../src/redact.ts";
import { evaluate } from "./render-ruby.ts";

const PROGRAM = path.resolve(import.meta.dirname, "../../dist/notebox.cjs");
const NAMES = { home: "/home/anna", users: ["anna", "x"], hosts: ["lab-pc7.uni.local", "lab-pc7"] };

const TEXTS = [
  "http://127.0.0.1:8888/lab?token=5f2a5f2a and Authorization: token abc-DEF_1",
  "/home/anna/x, Anna, annabel, ANNA's, /data/anna/y",
  "https://boxes.uni-x.de/catalogs and //files.uni-x.de/boxes and \\\\FILES.uni-x.de\\boxes on lab-pc7",
  JSON.stringify({ door: "\\\\nas7\\boxes", proxy: "http://anna:geheim@proxy.uni-x.de:3128" }),
  "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\nafter",
  "password=hunter2 'secret': 'abc' 0123456789abcdef0123456789abcdef",
  `JUPYTER_TOKEN=aq1sw2 wstoken=de3fr4 {"api_key": "gt5hy6"} {\\"client_secret\\":\\"ju7ki8\\"} and gh${"p_" + "lo9".repeat(8)}.`,
  "env:\n  DB_PASSWORD: zaq1xsw2\n  - secret = cde3 vfr4 # old\npasswort=bgt5nhy6\nx",
  "file://nas8/boxes/a.json file:////nas9.uni-x.de/b file:///home/x/c file:///C:/d",
  "localhost 10.0.2.2 https://lms.example.edu/ // a comment\nx // y/z",
];

const MORE = ["aq1sw2", "de3fr4", "gt5hy6", "ju7ki8", "lo9", "zaq1xsw2", "cde3", "vfr4", "bgt5nhy6", "nas8", "nas9"];

function ruby(texts: readonly string[]): unknown {
  const names = `{ home: ${JSON.stringify(NAMES.home)}, users: ${JSON.stringify(NAMES.users)}, hosts: ${JSON.stringify(NAMES.hosts)} }`;
  return evaluate(
    "redactor.rb",
    `cleaner = Notebox::Redactor.new(${names}); JSON.parse(<<'TEXTS').map { |text| cleaner.clean(text) }\n${JSON.stringify(texts)}\nTEXTS\n`,
  );
}

describe("the two redactors", () => {
  test("take the same out of the same texts", () => {
    const redactor = createNameRedactor(NAMES.home, NAMES);
    const clean = TEXTS.map((text) => redactor.clean(text));
    expect(ruby(TEXTS)).toEqual(clean);
    const all = clean.join("\n");
    for (const word of [
      "uni-x",
      "nas7",
      "lab-pc7",
      "geheim",
      "hunter2",
      "c2VjcmV0",
      "5f2a",
      "DEF_1",
      "/home/anna",
      ...MORE,
    ])
      expect(all).not.toContain(word);
    expect(all).not.toMatch(/\banna\b/i);
    expect(all).toMatch(/annabel/);
    // One computer, one stand-in, however it is written.
    expect(clean[2]).toMatch(
      /^https:\/\/\[host-3\]\/catalogs and \/\/(\[host-4\])\/boxes and \\\\\1\\boxes on \[host-2\]$/,
    );
    expect(clean.at(-1)).toBe(TEXTS.at(-1));
  });

  test("agree on texts put together at random", () => {
    const piece = fc.constantFrom(
      ...TEXTS.flatMap((text) => text.split(/(?<=[ ,])/)),
      "anna",
      "é",
      '"',
      "\\",
      "//",
      "@",
      "token=",
    );
    const texts = fc.sample(
      fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join("")),
      300,
    );
    const redactor = createNameRedactor(NAMES.home, NAMES);
    expect(ruby(texts)).toEqual(texts.map((text) => redactor.clean(text)));
  });
});

describe("the report", () => {
  let around = "";
  let folder = "";
  const token = "0f".repeat(24);
  beforeEach(() => {
    around = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-report-"));
    folder = path.join(around, "zora", "Übung");
    const write = (name: string, text: string): void => {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      fs.writeFileSync(path.join(folder, name), text);
    };
    write(
      "workbench.yaml",
      "version: 1\nname: hello\nbox: { name: a/b, shares: [//nas7/boxes] }\nservices: { jupyter: {} }\n",
    );
    spawnSync(process.execPath, [PROGRAM, "-C", folder, "render"]);
    write("Stop.sh", "changed");
    // A name that only a later text has in an address.
    fs.appendFileSync(path.join(folder, "Vagrantfile"), "# as on nas6\n");
    write(".notebox/logs/2026-01-01T000000Z-start.log", "fetching //nas6/boxes/a.json\n");
    write(
      ".notebox/logs/2026-01-01T000000Z-up.jsonl",
      `{"text":"zora on pc-zx9 opened http://127.0.0.1:8888/lab?token=${token}"}\n`,
    );
    write(".notebox/endpoints.json", `{"ssh":{"key":"${around}/zora/key"}}`);
    write("outside.log", "not yours");
    fs.symlinkSync(path.join(folder, "outside.log"), path.join(folder, ".notebox/logs/link.log"));
  });
  afterEach(() => fs.rmSync(around, { recursive: true, force: true }));

  const env = (): NodeJS.ProcessEnv => ({
    ...process.env,
    HOME: path.join(around, "zora"),
    USER: "zora",
    LOGNAME: "zora",
    COMPUTERNAME: "PC-ZX9",
  });

  function contents(zip: string): Record<string, string> {
    const there = path.join(around, `there-${path.basename(zip)}`);
    fs.mkdirSync(there);
    expect(spawnSync("python3", ["-m", "zipfile", "-e", zip, there]).status).toBe(0);
    const names = fs.readdirSync(there, { recursive: true, encoding: "utf8" }).sort();
    const files = names.filter((name) => fs.statSync(path.join(there, name)).isFile());
    return Object.fromEntries(files.map((name) => [name, fs.readFileSync(path.join(there, name), "utf8")]));
  }

  function expectClean(found: Record<string, string>): void {
    const all = JSON.stringify(found);
    for (const word of [token, "zora", "nas7", "nas6", "pc-zx9", "not yours"])
      expect(all.includes(word), word).toBe(false);
    expect(JSON.parse(found["files.json"] ?? "")).toMatchObject({ "Stop.sh": "changed", "Start.sh": "as rendered" });
    expect(found["logs/2026-01-01T000000Z-up.jsonl"]).toMatch(
      /^\{"text":"\[user\] on \[host-\d\] opened http:\/\/127\.0\.0\.1:8888\/lab\?token=\[redacted\]"\}\n$/,
    );
    expect(found["workbench.yaml"]).toMatch(/shares: \[\/\/\[host-\d\]\/boxes\]/);
  }

  test("of a launcher", () => {
    const saved = evaluate(
      "report.rb",
      `report = Notebox::Report.new(${JSON.stringify(folder)}); [report.listing, report.write]`,
      env(),
    ) as [string, string];
    expect(saved[0]).toMatch(/^ {2}logs\/2026-01-01T000000Z-up\.jsonl +\d+ bytes$/m);
    expect(path.dirname(saved[1])).toBe(folder);
    expect(fs.statSync(saved[1]).mode & 0o777).toBe(0o600);
    expectClean(contents(saved[1]));
  });

  test("of notebox, which has doctor's checks too, and fails for no failed check", () => {
    const zip = path.join(around, "r.zip");
    const run = spawnSync(process.execPath, [PROGRAM, "-C", folder, "report", "--to", zip, "--json"], {
      encoding: "utf8",
      env: env(),
    });
    expect(run.status).toBe(0);
    const { result } = JSON.parse(run.stdout) as {
      result: { file: string; content: { path: string; bytes: number }[] };
    };
    const found = contents(zip);
    expect(result.content.map((entry) => entry.path).sort()).toEqual(Object.keys(found));
    expect((JSON.parse(found["doctor.json"] ?? "") as { checks: unknown[] }).checks.length).toBeGreaterThan(20);
    expectClean(found);
  });
});
