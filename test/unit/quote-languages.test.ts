/**
 * Each quoting function against the real reader of its language: what goes in as data comes out byte for byte,
 * or is refused; it never runs. Over a thousand hostile texts a language, each time other ones.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bash, cmd, cmdText, desktop, html, line, ruby } from "../../src/bundle/quote.ts";
import { UserError } from "../../src/errors.ts";
import { hostileText } from "./bundle-hostile.ts";

const SAMPLES = fc.sample(hostileText, 1200);

/** What the function lets through, with its quoted form. */
function quoted(quote: (text: string) => string): { text: string; code: string }[] {
  return SAMPLES.flatMap((text) => {
    try {
      return [{ text, code: quote(text) }];
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      return [];
    }
  });
}

/** Runs a program in an empty folder and says what it printed; the folder must be empty afterwards, too. */
function runIn(program: string, args: string[], input: string): Buffer {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-quote-"));
  try {
    const result = spawnSync(program, args, {
      cwd: folder,
      input,
      env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8" },
      maxBuffer: 2 ** 26,
    });
    expect(result.stderr.toString()).toBe("");
    expect(result.status).toBe(0);
    expect(fs.readdirSync(folder)).toEqual([]);
    return result.stdout;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

describe("what is quoted arrives byte for byte and never runs", () => {
  test("ruby", () => {
    const sent = quoted(ruby);
    expect(sent.length).toBeGreaterThan(1000);
    const program = sent.map(({ code }) => `puts ${code}.unpack1("H*")`).join("\n");
    const got = runIn("ruby", ["-w", "-"], program).toString().split("\n").slice(0, -1);
    expect(got.map((hex) => Buffer.from(hex, "hex").toString("utf8"))).toEqual(sent.map(({ text }) => text));
  });

  test("bash", () => {
    const sent = quoted(bash);
    expect(sent.length).toBeGreaterThan(800);
    const program = sent.map(({ code }) => `printf '%s\\0' ${code}`).join("\n");
    const got = runIn("bash", ["-eu"], program).toString("utf8").split("\0").slice(0, -1);
    expect(got).toEqual(sent.map(({ text }) => text));
  });

  test("a desktop entry, read as its specification says", () => {
    const sent = quoted(desktop);
    expect(sent.length).toBeGreaterThan(300);
    for (const { text, code } of sent) {
      expect(code).not.toMatch(/[\n\r]/);
      const trimmed = `Name=${code}`.slice(5).replace(/^[ \t]+|[ \t]+$/g, "");
      const escapes: Record<string, string> = { s: " ", n: "\n", t: "\t", r: "\r", "\\": "\\" };
      expect(trimmed.replace(/\\([sntr\\])/g, (_, letter: string) => escapes[letter] ?? "")).toBe(text);
    }
  });

  test("a line of a file is one line", () => {
    for (const { text, code } of quoted(line)) {
      expect(code).toBe(`${text}\n`);
      expect(code.split(/[\n\r\v\f\u0085]/)).toHaveLength(2);
    }
  });

  test("a batch file takes plain words only", () => {
    for (const { text, code } of quoted(cmd))
      expect([code, /^[A-Za-z0-9][A-Za-z0-9 ._-]*$/.test(text)]).toEqual([text, true]);
    expect(cmd("learning-analytics")).toBe("learning-analytics");
    expect(() => cmd("50%")).toThrow(UserError);
  });
});

test("a sentence in a batch file holds nothing that cmd.exe reads as code", () => {
  for (const { text, code } of quoted(cmdText)) {
    expect([text, /[%!^&|<>"`\n\r]|[^ -~]/.test(code)]).toEqual([text, false]);
    expect(code).toBe(text.replace(/[“”]/g, "'"));
  }
  expect(cmdText("Choose “Extract all”, and start (again).")).toBe("Choose 'Extract all', and start (again).");
  for (const text of ["50%", "a & b", "wow!", "a > b", "ü", "", " x"]) expect(() => cmdText(text)).toThrow(UserError);
});

test("marks that turn text round or hide are escaped in Ruby, letters are not", () => {
  expect(ruby("Übung \u202e x")).toBe('"Übung \\u{202e} x"');
  expect(ruby("#{1}")).toBe('"\\#{1}"');
  expect(ruby(undefined)).toBe("nil");
  expect(ruby(true)).toBe("true");
  expect(ruby(8888)).toBe("8888");
});

test("half a surrogate pair is refused everywhere: as UTF-8 it would be another character", () => {
  for (const quote of [ruby, bash, desktop, line]) expect(() => quote("a\ud800b")).toThrow(UserError);
});

test("HTML: in a text and in an attribute, as Python's parser reads them", () => {
  const cases = quoted(html);
  expect(cases.length).toBeGreaterThan(400);
  const program = `
import json, sys
from html.parser import HTMLParser
class Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.found, self.tags = [], 0
    def handle_starttag(self, tag, attrs):
        self.tags += 1
        self.found.append([dict(attrs).get("title"), ""])
    def handle_data(self, data):
        self.found[-1][1] += data
    def handle_comment(self, data): self.tags += 1
    def handle_decl(self, data): self.tags += 1
    def handle_pi(self, data): self.tags += 1
out = []
for code in json.load(sys.stdin):
    reader = Reader()
    reader.feed('<p title="' + code + '">' + code + '</p>')
    reader.close()
    out.append(reader.found[0] + [reader.tags])
sys.stdout.buffer.write(json.dumps(out).encode())`;
  const read = JSON.parse(runIn("python3", ["-c", program], JSON.stringify(cases.map(({ code }) => code))).toString());
  expect(read).toEqual(cases.map(({ text }) => [text, text, 1]));
});
