/** Versions and constraints, beside the real RubyGems that Vagrant uses. */
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareVersions,
  isPrerelease,
  isVersion,
  newest,
  parseConstraint,
  satisfies,
} from "../../src/boxes/versions.ts";

const part = fc.oneof(fc.nat(12).map(String), fc.constantFrom("0", "00", "01", "a", "rc", "beta2", "2b", "Z"));
const version = fc
  .tuple(fc.nat(12), fc.array(part, { maxLength: 4 }), fc.constantFrom("", "", "", "-rc1", "-1.b", "-"))
  .map(([first, rest, end]) => [first, ...rest].join(".") + end);
const clause = fc
  .tuple(
    fc.constantFrom("", "=", "!=", ">", "<", ">=", "<=", "~>", "~", "==", "^"),
    fc.constantFrom("", " ", "  "),
    version,
  )
  .map((pieces) => pieces.join(""));
const constraint = fc
  .tuple(fc.array(clause, { maxLength: 3 }), fc.constantFrom(",", ", ", " ,"), fc.constantFrom("", "", "", ",", " "))
  .map(([clauses, comma, end]) => clauses.join(comma) + end);

/** One answer per question, from one Ruby. */
function askRuby<T>(program: string, questions: unknown): T {
  const run = spawnSync(
    "ruby",
    ["-rjson", "-e", `ask = JSON.parse(STDIN.read); puts JSON.generate(ask.map { |q| ${program} })`],
    {
      input: JSON.stringify(questions),
      encoding: "utf8",
    },
  );
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout) as T;
}

test("versions compare as RubyGems compares them", () => {
  const pairs = fc.sample(fc.tuple(version, version), 3000).filter(([a, b]) => isVersion(a) && isVersion(b));
  const ruby = askRuby<number[]>("Gem::Version.new(q[0]) <=> Gem::Version.new(q[1])", pairs);
  expect(pairs.map(([a, b]) => [a, b, compareVersions(a, b)])).toEqual(pairs.map(([a, b], i) => [a, b, ruby[i]]));
  expect(new Set(ruby)).toEqual(new Set([-1, 0, 1]));
});

test("what is a version, and which are prereleases, is as with RubyGems", () => {
  const texts = [
    ...fc.sample(version, 1000),
    "",
    " ",
    "1 ",
    "a",
    "1..2",
    ".1",
    "1.",
    "v1",
    "1.0+b",
    "1_0",
    "-1",
    "1 2",
  ];
  const ruby = askRuby<(boolean | null)[]>("Gem::Version.correct?(q) ? Gem::Version.new(q).prerelease? : nil", texts);
  expect(texts.map((text) => [text, isVersion(text) ? isPrerelease(text) : null])).toEqual(
    texts.map((text, i) => [text, ruby[i] === null ? null : Boolean(ruby[i])]),
  );
});

test("constraints are read and met as Vagrant's split and Gem::Requirement do it", () => {
  const asked = fc.sample(fc.tuple(constraint, version), 4000).filter(([, v]) => isVersion(v));
  const program = `(begin; Gem::Requirement.new(*q[0].split(",")).satisfied_by?(Gem::Version.new(q[1])); rescue ArgumentError; nil; end)`;
  const ruby = askRuby<(boolean | null)[]>(program, asked);
  const ours = asked.map(([text, v]) => {
    const clauses = parseConstraint(text);
    return clauses ? satisfies(v, clauses) : null;
  });
  expect(asked.map(([text, v], i) => [text, v, ours[i]])).toEqual(asked.map(([text, v], i) => [text, v, ruby[i]]));
  // The questions were worth asking: all three answers occur often.
  for (const answer of [true, false, null]) expect(ruby.filter((one) => one === answer).length).toBeGreaterThan(100);
});

describe("the newest that fits", () => {
  const there = ["13.0.9", "13.1.0", "13.1.2", "13.10.0", "14.0.0.rc1"];
  test.each([
    [">= 0", "14.0.0.rc1"],
    ["~> 13.1.0", "13.1.2"],
    ["~> 13.1", "13.10.0"],
    ["~> 13.1, != 13.10.0", "13.1.2"],
    ["> 20", undefined],
  ])("%s", (text, expected) => {
    expect(newest(there, parseConstraint(text) ?? [])).toBe(expected);
  });
});
