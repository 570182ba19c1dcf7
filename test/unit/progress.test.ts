/** Progress without a terminal: what is said when, in which words, and nothing that steers a terminal. */
import { describe, expect, test } from "vitest";
import {
  bytesText,
  createLineReporter,
  elapsed,
  wantsColor,
  withoutControls,
} from "../../src/adapters/progress-lines.ts";
import type { ProgressEvent } from "../../src/ports.ts";

function record(events: readonly (ProgressEvent | number)[]): string[] {
  const lines: string[] = [];
  let now = 0;
  const reporter = createLineReporter({ write: (line) => lines.push(line), color: false, now: () => now });
  for (const event of events) {
    if (typeof event === "number") now += event;
    else reporter.emit(event);
  }
  return lines;
}

test("a step has a line at its start and one at its end, and in between one now and then", () => {
  const note = (text: string): ProgressEvent => ({ type: "step-note", id: "a", note: text });
  const lines = record([
    { type: "step-start", id: "a", title: "Fetching the box" },
    ...[1, 2, 3].flatMap((n) => [1000, note(`note ${n}`)]),
    20_000,
    note("late"),
    note("again"),
    100_000,
    { type: "step-done", id: "a", note: "12 MiB" },
  ]);
  expect(lines).toEqual(["- Fetching the box ...", "   23 s  late", "+ Fetching the box (2:03): 12 MiB"]);
});

test("a failed step shows its last lines; what is skipped says why; what is unknown is no fault", () => {
  const lines = record([
    { type: "step-start", id: "a", title: "A" },
    { type: "step-failed", id: "a", lastLines: ["one", "two"] },
    { type: "step-skipped", id: "b", title: "B", note: "not needed" },
    { type: "step-done", id: "nobody" },
    { type: "say", level: "warning", text: "careful" },
  ]);
  expect(lines).toEqual(["- A ...", "x A (0 s)", "    one", "    two", "= B: not needed", "! careful"]);
});

test.each([
  [0, "0 s"],
  [59_999, "59 s"],
  [60_000, "1:00"],
  [3_723_000, "1:02:03"],
])("%d ms is %s", (ms, text) => {
  expect(elapsed(ms)).toBe(text);
});

test("bytes with and without a total", () => {
  expect(bytesText(1024 ** 2 * 30, 1024 ** 2 * 60)).toBe("[##########..........]  50 %  30 MiB of 60 MiB");
  expect(bytesText(2 * 1024 ** 3, undefined)).toBe("2.0 GiB");
  expect(bytesText(10, 5)).toContain("100 %");
});

test("control characters, escape sequences and direction marks are taken out at any depth", () => {
  const event = {
    type: "step-failed" as const,
    id: "a",
    lastLines: ["\u001b[2J\u001b]0;owned\u0007ok\r\n", "r\u202etxt"],
  };
  expect(withoutControls(event)).toEqual({ type: "step-failed", id: "a", lastLines: ["]0;ownedok", "rtxt"] });
});

describe("colours", () => {
  test.each([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: "1" }, true, false],
    [{ NO_COLOR: "" }, true, true],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "0" }, true, false],
    [{ TERM: "dumb" }, true, false],
  ])("%j on a terminal: %s", (env, terminal, expected) => {
    expect(wantsColor(env, terminal)).toBe(expected);
  });
});
