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
console.log(`${report.numPassedTests} passed, ${report.numFailedTests} failed, ${report.numPendingTests} skipped`);
process.exit(run.status === 0 && report.numPendingTests === 0 ? 0 : 1);
