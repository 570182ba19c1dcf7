/**
 * Hostile values in what a workbench hands to provisioning: each reaches the guest's own readers (bash, Python, a
 * reader of environment files) byte for byte, or is refused; none runs. Over a thousand of each, other ones each time.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requirementComplaint } from "../../src/workbench/requirement.ts";
import { hostileText } from "./bundle-hostile.ts";

const PROVISION = path.resolve(import.meta.dirname, "../../provision");
const SAMPLES = fc.sample(hostileText, 1100);
const isControl = (character: string): boolean => /\p{Cc}/u.test(character) && character < "\u0080";
const isRefused = (text: string): boolean => [...text].some((character) => character !== "\n" && isControl(character));

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-values-"));
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }));

/** One file a sample, or one folder with that file in it, as the bundle would write it: a final newline after it. */
function writeSamples(name: string, samples: readonly string[], below = ""): string {
  const folder = path.join(scratch, name);
  for (const [index, sample] of samples.entries()) {
    const file = path.join(folder, String(index), below);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, `${sample}\n`);
  }
  return folder;
}

interface Answer {
  refused: boolean;
  values: string[];
}

/**
 * Runs bash with the library loaded, the body once for each file of the folder, which it finds as $file. What the
 * body prints are values, each ended by NUL; a body that calls `fail` has refused. Nothing else may appear: no
 * other output, no file in the working folder.
 */
function inBash(folder: string, body: string, source = "lib.sh"): Answer[] {
  const count = fs.readdirSync(folder).length;
  const work = fs.mkdtempSync(path.join(scratch, "work-"));
  const out = fs.mkdtempSync(path.join(scratch, "out-"));
  const program = `. "$PROVISION/${source}"
    for ((i = 0; i < ${count}; i++)); do
      file=$FOLDER/$i
      if ( ${body} ) >"$OUT/$i"; then echo ok; else echo refused; fi >>"$OUT/outcomes"
    done`;
  const said = spawnSync("bash", ["--norc", "-c", program], {
    cwd: work,
    env: {
      PATH: process.env["PATH"],
      LC_ALL: "C.UTF-8",
      PROVISION,
      FOLDER: folder,
      OUT: out,
      NOTEBOX_SCRATCH: scratch,
    },
    encoding: "utf8",
  });
  expect(said.stderr).toBe("");
  expect(said.stdout).toBe("");
  expect(fs.readdirSync(work)).toEqual([]);
  const outcomes = fs.readFileSync(path.join(out, "outcomes"), "utf8").trim().split("\n");
  expect(outcomes.length).toBe(count);
  return outcomes.map((outcome, index) => ({
    refused: outcome !== "ok",
    values: fs
      .readFileSync(path.join(out, String(index)), "utf8")
      .split("\0")
      .slice(0, -1),
  }));
}

describe("bash", () => {
  test("reads lines byte for byte, and refuses control characters", () => {
    const answers = inBash(
      writeSamples("lines", SAMPLES),
      `read_lines "$file" lines; for line in "\${lines[@]}"; do printf '%s\\0' "$line"; done`,
    );
    let taken = 0;
    for (const [index, sample] of SAMPLES.entries()) {
      const answer = answers[index] as Answer;
      expect(answer.refused, JSON.stringify(sample)).toBe(isRefused(sample));
      if (answer.refused) continue;
      taken++;
      // What Node writes is what bash has to give back: a lone surrogate has become a replacement character.
      const written = Buffer.from(`${sample}\n`).toString("utf8");
      expect(answer.values).toEqual(written.split("\n").filter((line) => line !== ""));
    }
    expect(taken).toBeGreaterThan(400);
  });

  test("lets a shared folder be nowhere but below the workbench folder", () => {
    const names = [...SAMPLES.slice(0, 600), "data", "data/raw set", "a..b", "..", "a/../b", "/etc", ".ssh", "a//b"];
    const answers = inBash(
      writeSamples("folders", names),
      `read_lines "$file" lines; for line in "\${lines[@]}"; do check_folder "$line"; printf '%s\\0' "$line"; done`,
    );
    const taken = answers.flatMap((answer) => answer.values);
    expect(taken).toContain("data/raw set");
    expect(taken).toContain("a..b");
    for (const folder of taken) {
      const place = path.posix.resolve("/home/notebox", folder);
      expect(place.startsWith("/home/notebox/"), folder).toBe(true);
      expect(place.slice("/home/notebox/".length)).toBe(folder);
    }
  });

  test("gives apt nothing but names of packages", () => {
    const names = [
      ...SAMPLES.slice(0, 400),
      "graphviz",
      "g++",
      "libc6",
      "sudo-",
      "-oX=y",
      "foo.*",
      "foo/sid",
      "./x.deb",
    ];
    const answers = inBash(
      writeSamples("packages", names, "apt.txt"),
      'WORKBENCH=$file; NEEDED=(); wanted_packages >"$OUT/names"; while read -r name; do printf "%s\\0" "$name"; done <"$OUT/names"',
      "steps/30-packages.sh",
    );
    const taken = answers.flatMap((answer) => answer.values).filter((name) => name !== "");
    expect(taken).toContain("graphviz");
    expect(taken).toContain("g++");
    for (const name of taken) expect(name).toMatch(/^[a-z0-9][a-z0-9+.-]*[a-z0-9+.]$/);
  });

  test("writes the host's settings so that they are read back as they were", () => {
    // run.sh lets no setting with a control character through.
    const settings = SAMPLES.filter((sample) => !/\p{Surrogate}/u.test(sample) && ![...sample].some(isControl));
    const answers = inBash(
      writeSamples("settings", settings),
      'environment_file "http_proxy=$(<"$file")" >"$OUT/env"; tr -d "\\n" <"$OUT/env"; printf "\\0"',
      "steps/files/host-settings.sh",
    );
    for (const [index, setting] of settings.entries()) {
      const [line = ""] = (answers[index] as Answer).values;
      expect(systemdReads(line)).toEqual(["http_proxy", setting.replace(/\n+$/, "")]);
    }
  });
});

/** One line of an EnvironmentFile= as systemd.exec(5) describes it: in double quotes, a backslash escapes "\`$ only. */
function systemdReads(line: string): [string, string] {
  const match = /^([A-Za-z_]+)="(.*)"$/s.exec(line);
  if (!match) throw new Error(`not an assignment: ${line}`);
  const [, name = "", quoted = ""] = match;
  let value = "";
  for (let i = 0; i < quoted.length; i++) {
    const character = quoted[i] as string;
    if (character === '"') throw new Error(`ends too early: ${line}`);
    if (character !== "\\") value += character;
    else if ('"\\`$'.includes(quoted[i + 1] ?? "x")) value += quoted[++i];
    else value += character;
  }
  return [name, value];
}

describe("Python", () => {
  const python = path.join(scratch, "venv/bin/python");
  const helper = path.join(PROVISION, "steps/files/python-lock.py");
  const driver = `
import importlib.util, json, sys, io, contextlib
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("lock", sys.argv[1]); lock = importlib.util.module_from_spec(spec); spec.loader.exec_module(lock)
for index in range(int(sys.argv[4])):
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            print(json.dumps(getattr(lock, sys.argv[2])(f"{sys.argv[3]}/{index}")))
    except SystemExit:
        print("null")
`;

  beforeAll(() => {
    expect(spawnSync("python3", ["-m", "venv", path.join(scratch, "venv")]).status).toBe(0);
  }, 120_000);

  function inPython(reader: string, folder: string): unknown[] {
    const count = String(fs.readdirSync(folder).length);
    const work = fs.mkdtempSync(path.join(scratch, "work-"));
    const args = ["-I", "-B", "-c", driver, helper, reader, folder, count];
    const said = spawnSync(python, args, { cwd: work, encoding: "utf8", maxBuffer: 2 ** 28 });
    expect(said.stderr).toBe("");
    expect(fs.readdirSync(work)).toEqual([]);
    return said.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  }

  const GOOD = ["pandas", "pandas>=2,<3", "uvicorn[standard]~=0.30", 'tomli; python_version < "3.11"', "a==1.0"];
  const BAD = [
    "-r /etc/shadow",
    "--index-url=https://evil.example",
    "git+https://x.example/y",
    "x @ file:///y",
    "./y",
    "a>[b]",
    "a>(b",
  ];

  test("takes requirements for what they are, or refuses them", () => {
    const lines = [...SAMPLES, ...SAMPLES.map((sample) => `pandas${sample}`), ...GOOD, ...BAD];
    const answers = inPython("read_requirements", writeSamples("requirements", lines)) as (string[] | null)[];
    for (const [index, line] of lines.entries()) {
      for (const taken of answers[index] ?? []) {
        expect(taken, line).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*(\[[^\]]*\])?[<>=!~0-9A-Za-z.*+_,-]*( ?; .*)?$/);
      }
      if (BAD.includes(line)) expect(answers[index], line).toBeNull();
      if (GOOD.includes(line)) expect(answers[index], line).toHaveLength(1);
    }
  });

  test("takes every requirement that the workbench file takes", () => {
    const version = fc.stringMatching(/^[0-9]{1,3}(\.[0-9]{1,3}){0,2}$/);
    const clause = fc.tuple(fc.constantFrom("==", ">=", "<", "!=", "~="), version).map(([operator, number]) => {
      return operator === "~=" && !number.includes(".") ? `>=${number}` : `${operator}${number}`;
    });
    const name = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?$/);
    const lines = fc
      .sample(fc.tuple(name, fc.array(clause, { maxLength: 3 })), 300)
      .map(([each, clauses]) => `${each}${clauses.join(",")}`)
      .filter((line) => requirementComplaint(line) === undefined);
    expect(lines.length).toBeGreaterThan(250);
    const answers = inPython("read_requirements", writeSamples("good-requirements", lines));
    for (const [index, line] of lines.entries()) expect(answers[index], line).toHaveLength(1);
  });

  test("takes from a lock nothing but pins with hashes", () => {
    const pin = `a==1.0 \\\n    --hash=sha256:${"0".repeat(64)}`;
    const locks = [pin, ...SAMPLES.map((sample) => `${pin}\n${sample}`), `${pin}\n-i https://evil.example`, "a==1.0"];
    const answers = inPython("read_lock", writeSamples("locks", locks)) as ([string[], unknown[][]] | null)[];
    expect(answers[0]?.[1]).toEqual([["a", "1.0", null, ["0".repeat(64)]]]);
    expect(answers.slice(-2)).toEqual([null, null]);
    for (const answer of answers) for (const [name] of answer?.[1] ?? []) expect(name).toBe("a");
    expect(answers.filter((answer) => answer === null).length).toBeGreaterThan(500);
  });
});
