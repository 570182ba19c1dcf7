/** What the workbench file accepts under `box:` is what src/boxes can work with: two rooms, one opinion. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { catalogAddress } from "../../src/boxes/doors.ts";
import { checkBoxId } from "../../src/boxes/layout.ts";
import { parseConstraint } from "../../src/boxes/versions.ts";
import { boxNameComplaint, constraintComplaint, doorComplaint } from "../../src/workbench/box-values.ts";

const mix = (...pieces: string[]) =>
  fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 8 }).map((parts) => parts.join(""));

/** Runs the second check for every value that the first accepts, and makes sure that there are enough of them. */
function agree(
  values: fc.Arbitrary<string>,
  accepts: (value: string) => boolean,
  check: (value: string) => void,
): void {
  let accepted = 0;
  fc.assert(
    fc.property(values, (value) => {
      if (!accepts(value)) return;
      accepted += 1;
      check(value);
    }),
    { numRuns: 3000 },
  );
  expect(accepted).toBeGreaterThan(50);
}

test("doors", () => {
  const starts = fc.constantFrom(
    "https://",
    "http://",
    "HTTP:",
    "//",
    "\\\\",
    "/",
    "///",
    "C:",
    "C:/",
    "c:\\",
    "ftp://",
    "",
  );
  const rest = mix(
    "files",
    "boxes",
    "/",
    "/",
    "\\",
    ".",
    "..",
    "@",
    ":",
    "80",
    "ü",
    " ",
    "%20",
    "%",
    "?",
    "#",
    "[::1]",
    "é.edu",
  );
  agree(
    fc.tuple(starts, rest).map((parts) => parts.join("")),
    (door) => doorComplaint(door) === undefined,
    (door) => expect(catalogAddress(door, "notebox/debian-13")).toContain("notebox/debian-13.json"),
  );
});

test("names with an owner", () => {
  agree(
    fc
      .tuple(mix("a", "B", "0", ".", "-", "_", "con", "nul"), mix("a", "9", ".", "-", "_", "com1", "/"))
      .map((p) => p.join("/")),
    (name) => boxNameComplaint(name) === undefined && name.includes("/"),
    (name) => checkBoxId({ name, version: "1.0.0", provider: "virtualbox", arch: "amd64" }),
  );
});

test("constraints", () => {
  agree(
    mix("1", "13.1", "0", ".", ">=", "~>", "=", "!=", "<", " ", ",", "a", "-rc1", ".x"),
    (text) => constraintComplaint(text) === undefined,
    (text) => expect(parseConstraint(text)?.length).toBe(text.split(",").length),
  );
});
