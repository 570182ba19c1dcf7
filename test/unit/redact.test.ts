/** No secret passes the redactor, and innocent text does. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRedactor } from "../../src/redact.ts";

const clean = (text: string, home = "/home/anna"): string => createRedactor(home).clean(text);

describe("redaction", () => {
  test.each([
    ["http://127.0.0.1:8888/lab?token=5f2a&x=1", "http://127.0.0.1:8888/lab?token=[redacted]&x=1"],
    ["Authorization: token abc-DEF_1", "Authorization: token [redacted]"],
    ["http_proxy=http://anna:geheim@proxy:3128", "http_proxy=http://[redacted]@proxy:3128"],
    ["key 0123456789abcdef0123456789abcdef end", "key [redacted] end"],
    ["password=hunter2", "password=[redacted]"],
    ["/home/anna/x and '/home/anna'", "~/x and '~'"],
    ["/home/annabel/x", "/home/annabel/x"],
    ["https://boxes.example.edu/catalogs/a.json", "https://boxes.example.edu/catalogs/a.json"],
    ["notebox: [3/9] System packages: done in 6.7 s", "notebox: [3/9] System packages: done in 6.7 s"],
  ])("%s", (text, expected) => {
    expect(clean(text)).toBe(expected);
  });

  test("a key is gone on one line and line by line", () => {
    const lines = [
      "x",
      "-----BEGIN OPENSSH PRIVATE KEY-----",
      "c2VjcmV0",
      "bW9yZQ==",
      "-----END OPENSSH PRIVATE KEY-----",
      "y",
    ];
    const redactor = createRedactor("/home/anna");
    const after = lines.map((line) => redactor.clean(line)).join("\n");
    expect(after).not.toContain("c2VjcmV0");
    expect(after).not.toContain("bW9yZQ");
    expect(after.startsWith("x\n")).toBe(true);
    expect(after.endsWith("\ny")).toBe(true);
    expect(clean(lines.join("\n"))).toBe("x\n[redacted]\ny");
  });

  test("Windows' home folder is hidden however it is written", () => {
    for (const path of ["C:\\Users\\anna\\x", "c:/users/anna/x", "C:\\\\Users\\\\anna\\\\x", "/c/Users/anna/x"])
      expect(clean(path, "C:\\Users\\anna")).not.toMatch(/anna/i);
  });

  test("what was named a secret never passes, wherever it stands", () => {
    const secret = fc.string({ minLength: 6, maxLength: 60 }).filter((text) => text.trim().length >= 6);
    fc.assert(
      fc.property(fc.string(), secret, fc.string(), (before, word, after) => {
        const redactor = createRedactor("/home/anna");
        redactor.add(word);
        expect(
          redactor
            .clean(before + word + after)
            .split("[redacted]")
            .join(""),
        ).not.toContain(word);
      }),
    );
  });
});
