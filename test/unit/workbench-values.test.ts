/** What each kind of value takes and refuses, and what it suggests instead. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boxNameComplaint, constraintComplaint, doorComplaint } from "../../src/workbench/box-values.ts";
import { aptComplaint, requirementComplaint } from "../../src/workbench/requirement.ts";
import { nearest } from "../../src/workbench/suggest.ts";
import { type Complaint, formatDuration, formatSize, parseDuration, parseSize } from "../../src/workbench/units.ts";
import { nameComplaint, nameFrom, notebookPathComplaint, originComplaint, port } from "../../src/workbench/values.ts";

type Check = (value: string) => Complaint | undefined;

const table: Record<string, { check: Check; takes: string[]; refuses: string[] }> = {
  name: {
    check: nameComplaint,
    takes: ["a", "learning-analytics", "a1", "x".repeat(40), "console"],
    refuses: ["", "A", "1a", "-a", "a-", "a_b", "a.b", "ä", "x".repeat(41), "con", "com1", "localhost", "a\n", "a b"],
  },
  "box name": {
    check: boxNameComplaint,
    takes: ["notebox/debian-13", "bento/ubuntu-24.04", "debian", "A_b/c.d"],
    refuses: ["", "/x", "a/", "a//b", "a/b/c", "../b", "a/..", "a b/c", "a/con", "a/b.", "ä/b", "a/b\n", "#{x}/b"],
  },
  constraint: {
    check: constraintComplaint,
    takes: [
      "13.1.0",
      ">= 13.1",
      "~> 13.1",
      ">=1,<2",
      ">= 13.1, != 13.1.2",
      "0",
      "= 202510.26.0",
      "1.0.0-beta.1",
      " > 1",
    ],
    refuses: ["", "^1", "~1.2", "==1", "1.x.y.", ">", "latest", "1 2", "1;2", ">= 1,", "1\n", "1.0 || 2", '1"'],
  },
  door: {
    check: doorComplaint,
    takes: [
      "//files.example.edu/boxes",
      "\\\\files\\boxes",
      "\\\\files\\boxes\\deep er",
      "https://boxes.example.edu/",
      "http://127.0.0.1:8080/x",
      "http://[::1]:8080/",
      "/srv/boxes",
      "/srv/my boxes/ü",
      "C:/boxes",
      "C:\\boxes",
    ],
    refuses: [
      "",
      "boxes",
      "./boxes",
      "~/boxes",
      "//server",
      "//server/",
      "//me:pw@server/share",
      "/srv/../etc",
      "https://me:pw@boxes.example.edu/",
      "https://me@boxes.example.edu/",
      "https://",
      "https:boxes",
      "https://a/?x=1",
      "https://a/#x",
      "ftp://a/",
      "file:///srv/boxes",
      " /srv",
      "/srv ",
      "C:",
      "$HOME/boxes",
      `/${"x".repeat(600)}`,
    ],
  },
  origin: {
    check: originComplaint,
    takes: ["https://lms.example.edu", "http://localhost:3000", "http://127.0.0.1", "http://[::1]:1"],
    refuses: [
      "*",
      "null",
      "",
      "https://lms.example.edu/",
      "https://LMS.example.edu",
      "https://lms.example.edu:443",
      "https://lms.example.edu/course",
      "https://me:pw@lms.example.edu",
      "lms.example.edu",
      "ftp://lms.example.edu",
      "https://ümläut.example.edu",
      "https://a b",
      " https://a",
      "https://a\n",
    ],
  },
  "notebook path": {
    check: notebookPathComplaint,
    takes: ["api/marks.ipynb", "notebooks/a/b.ipynb", "api/größe 1.ipynb", "api/שלום.ipynb", "api/a'b.ipynb"],
    refuses: [
      "",
      "marks.ipynb",
      "data/marks.ipynb",
      "api",
      "api/",
      "api/marks.py",
      "api/../x.ipynb",
      "../api/x.ipynb",
      "/api/x.ipynb",
      "C:/api/x.ipynb",
      "api\\x.ipynb",
      "api//x.ipynb",
      "./api/x.ipynb",
      "api/./x.ipynb",
      "api/x?.ipynb",
      'api/"x".ipynb',
      "api/nul.ipynb",
      "api/x. /y.ipynb",
      `api/${"x".repeat(200)}.ipynb`,
    ],
  },
  "apt package": {
    check: aptComplaint,
    takes: ["graphviz", "g++", "libstdc++6", "7zip", "python3.13-venv"],
    refuses: ["", "a", "Graphviz", "-y", "foo-", "a b", "a=1", "a/b", "a;b", "$(x)", "a:i386"],
  },
  "Python requirement": {
    check: requirementComplaint,
    takes: [
      "pandas",
      "pandas>=2,<3",
      "pandas ~= 2.1",
      "a==2.*,!=2.1.*,<3.0.dev0",
      "a===2024-x,>=1!2.0.post1,==1.0rc1+cpu.1",
      "a~=1.4.2b1",
      "scikit-learn[plots,extra]==1.5.*",
      "requests (>=2.0)",
      'tomli; python_version < "3.11"',
      "a>=1 ; python_version < '3.11' and (sys_platform == \"linux\" or os_name != 'nt')",
      "zope.interface",
      "a===1.0+local.1",
      "a!=1",
    ],
    refuses: [
      "",
      "-r other.txt",
      "--index-url=https://x/",
      "-e .",
      "a @ https://example.edu/a.whl",
      "https://example.edu/a.whl",
      "git+https://example.edu/a",
      "./a.whl",
      "/a.whl",
      "a = 2",
      "a b",
      "a>=",
      // pip has refused these since 24.1.
      "a>=1.*",
      "a==latest",
      "a~=1",
      "a==1.1k.*",
      "a[",
      "a; x",
      "a # comment",
      "$" + "{HOME}",
      "a\n-r x",
      "a\\",
      "a --hash=sha256:0",
      "ä",
      "a.",
    ],
  },
};

for (const [what, { check, takes, refuses }] of Object.entries(table)) {
  describe(what, () => {
    test.each(takes)("takes %j", (value) => expect(check(value)).toBeUndefined());
    test.each(refuses)("refuses %j", (value) => expect(check(value)?.message).toMatch(/\w/));
  });
}

describe("suggestions", () => {
  test.each<[Check, string, string]>([
    [nameComplaint, "Learning Analytics", "learning-analytics"],
    [nameComplaint, "Größe 2", "grosse-2"],
    [constraintComplaint, "^13.1", "~>"],
    [constraintComplaint, "==1", "=1"],
    [originComplaint, "https://LMS.example.edu/x", "https://lms.example.edu"],
    [notebookPathComplaint, "api\\x.ipynb", "api/x.ipynb"],
    [notebookPathComplaint, "x.ipynb", "api/x.ipynb"],
    [requirementComplaint, "pandas = 2", "pandas==2"],
    [requirementComplaint, "pandas 2.1", "pandas==2.1"],
  ])("%# %j → %j", (check, given, hint) => {
    expect(check(given)?.hint).toContain(hint);
  });

  test("a password is not repeated", () => {
    const complaint = doorComplaint("https://me:geheim@boxes.example.edu/");
    expect(JSON.stringify(complaint)).not.toContain("geheim");
  });

  test.each([
    ["nmae", "name"],
    ["sevices", "services"],
    ["kernel_gateway", "kernel-gateway"],
    ["Titel", "title"],
    ["time-out", undefined],
    ["xyz", undefined],
  ])("%s → %s", (given, wanted) => {
    expect(nearest(given, ["name", "services", "kernel-gateway", "title"])).toBe(wanted);
  });

  test("nameFrom gives a sound name or nothing sound can be made", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
        const name = nameFrom(text);
        return name === undefined || /^[a-z][a-z0-9-]{0,39}$/.test(name);
      }),
    );
  });
});

describe("ports", () => {
  test.each([1024, 8888, 65535, 2199, 2251])("takes %d", (value) => expect(port.safeParse(value).success).toBe(true));
  test.each([80, 1023, 65536, 2200, 2222, 2250, 6000, 10080, 8888.5, "8888", Number.NaN])("refuses %j", (value) =>
    expect(port.safeParse(value).success).toBe(false),
  );
});

describe("units", () => {
  test.each([
    ["2 GiB", 2048],
    ["2GiB", 2048],
    ["512 MiB", 512],
    ["1.5 GiB", 1536],
  ])("%s", (text, value) => expect(parseSize(text)).toEqual({ value }));

  test.each([
    ["30 s", 30],
    ["2 min", 120],
    ["1 h", 3600],
    ["0.5 min", 30],
  ])("%s", (text, value) => expect(parseDuration(text)).toEqual({ value }));

  test.each([
    ["2 GB", "2 GiB"],
    ["512MB", "512 MiB"],
    ["2 gib", "2 GiB"],
    ["2G", "2 GiB"],
  ])("%s: did you mean %s", (text, meant) => expect(parseSize(text)).toMatchObject({ hint: `Did you mean ${meant}?` }));

  test.each([
    "",
    "2",
    "GiB",
    "-2 GiB",
    "2  GiB",
    "2 GiB ",
    "1e3 MiB",
    "2,5 GiB",
    "0.3 MiB",
    "2 constructor",
    "9".repeat(400),
  ])("%j is no size", (text) => expect(parseSize(text)).toHaveProperty("message"));

  test("what is written is read back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 20 }), (value) => {
        expect(parseSize(formatSize(value))).toEqual({ value });
        expect(parseDuration(formatDuration(value))).toEqual({ value });
      }),
    );
  });
});
