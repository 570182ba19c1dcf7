// Reads test/expected-skips.txt: which tests may be skipped, and why. Whether one was skipped is left to test.mjs.
import fs from "node:fs";

/**
 * One entry a line, `FILE > NAME # REASON`; lines that start with # are comments.
 * @returns {Map<string, string>} the test's id and the reason
 * @throws Error when an entry has no reason, or names the vm tier, which may never be skipped
 */
export function readExpectedSkips(file) {
  const skips = new Map();
  fs.readFileSync(file, "utf8")
    .split("\n")
    .forEach((line, index) => {
      if (line.trim() === "" || line.startsWith("#")) return;
      const match = /^(.+?) # (\S.*)$/.exec(line);
      if (!match) throw new Error(`${file}:${index + 1}: an expected skip needs a reason: FILE > NAME # REASON`);
      const [, id, reason] = match;
      if (id.startsWith("test/vm/")) throw new Error(`${file}:${index + 1}: the vm tier cannot be skipped`);
      skips.set(id.trim(), reason);
    });
  return skips;
}
