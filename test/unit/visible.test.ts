/** What the VM wrote never drives the terminal that shows it. */
import { expect, test } from "vitest";
import { visible } from "../../src/cli/visible.ts";

test.each([
  ["\u001b]0;title\u0007", "␛]0;title␇"],
  ["\u001b[2J\u001b[31mred", "␛[2J␛[31mred"],
  ["one\rtwo", "one␍two"],
  ["\u009b31m\u007f\u0000", "�31m␡␀"],
  ["a line\r\nanother\n\ttab", "a line\nanother\n\ttab"],
  ["Übung – “…” 日本 🙂", "Übung – “…” 日本 🙂"],
])("%j is shown as %j", (text, shown) => {
  expect(visible(text)).toBe(shown);
});
