// npm run test:launchers: the real .cmd files, and notebox under node.exe, under Wine 10 in a build root.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");

if (process.platform !== "linux" || process.getuid?.() !== 0) {
  console.error("npm run test:launchers makes a build root with Wine: it needs Linux, and root. Nothing was tested.");
  process.exit(4);
}
const setup = spawnSync(process.execPath, [path.join(root, "scripts", "setup.mjs"), "--for", "box"], {
  stdio: ["ignore", "inherit", "inherit"],
});
if (setup.status !== 0) process.exit(setup.status ?? 1);
const results = path.join(root, ".cache", "launchers.json");
const run = spawnSync(
  path.join(root, "node_modules/.bin/vitest"),
  [
    "run",
    "--config",
    "vitest.launchers.config.ts",
    "--reporter=verbose",
    "--reporter=json",
    `--outputFile.json=${results}`,
  ],
  { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
);
const report = fs.existsSync(results) ? JSON.parse(fs.readFileSync(results, "utf8")) : undefined;
if (report === undefined || report.numTotalTests === 0) {
  console.error("No test ran.");
  process.exit(1);
}
record(report);
console.log(`${report.numPassedTests} passed, ${report.numFailedTests} failed, ${report.numPendingTests} skipped`);
process.exit(run.status === 0 && report.numPendingTests === 0 ? 0 : 1);

/** A row of docs/trials.md, as test/vm/records.ts writes them for the counted trials. */
function record({ numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, startTime }) {
  const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).stdout.trim();
  const now = new Date().toISOString().slice(0, 16).replace("T", " ");
  const outcome = failed + skipped === 0 ? `passed: ${passed} tests` : `FAILED: ${failed} failed, ${skipped} skipped`;
  const seconds = Math.round((Date.now() - startTime) / 1000);
  fs.appendFileSync(
    path.join(root, "docs", "trials.md"),
    `| ${now} | ${commit} | the launchers and node.exe under Wine | ${outcome} | ${seconds} |\n`,
  );
}
