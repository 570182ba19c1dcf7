// `npm test`: lint, types and the five quick tiers, one summary line at the end. A test may be skipped only if
// test/expected-skips.txt lists it with a reason. Further arguments go to vitest (a file, `-t name`, …).
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { readExpectedSkips } from "./lib/expected-skips.mjs";

const root = path.resolve(import.meta.dirname, "..");
const bin = (name) => path.join(root, "node_modules", ".bin", name);
const report = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "notebox-test-")), "vitest.json");

const filters = process.argv.slice(2);
const tally = { passed: 0, failed: 0, skipped: 0 };
const faults = [];

if (filters.length === 0) {
  const [lint, types] = await Promise.all([
    run(bin("biome"), ["check", "--error-on-warnings", "."]),
    run(bin("tsc"), ["--noEmit"]),
  ]);
  count("lint", lint);
  count("types", types);
}
const tests = await run(
  bin("vitest"),
  ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...filters],
  true,
);
countTests(tests);
fs.rmSync(path.dirname(report), { recursive: true, force: true });

for (const fault of faults) console.log(`FAILED ${fault}`);
console.log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
process.exitCode = tally.failed === 0 && tally.passed > 0 ? 0 : 1;

/** Resolves with the exit code; the output is shown at the end unless it goes straight to the terminal. */
function run(file, args, live = false) {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: root,
      stdio: ["ignore", live ? "inherit" : "pipe", live ? "inherit" : "pipe"],
    });
    const chunks = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => chunks.push(Buffer.from(`${error.message}\n`)));
    child.on("close", (code) => {
      if (code !== 0) process.stdout.write(Buffer.concat(chunks));
      resolve(code);
    });
  });
}

function count(name, exitCode) {
  if (exitCode === 0) tally.passed += 1;
  else {
    tally.failed += 1;
    faults.push(name);
  }
}

function countTests(exitCode) {
  const expected = readExpectedSkips(path.join(root, "test/expected-skips.txt"));
  let listed;
  try {
    listed = JSON.parse(fs.readFileSync(report, "utf8")).testResults;
  } catch {
    tally.failed += 1;
    faults.push("vitest wrote no report");
    return;
  }
  const failedBefore = tally.failed;
  for (const file of listed) {
    const name = path.relative(root, file.name).split(path.sep).join("/");
    if (file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")) {
      tally.failed += 1;
      faults.push(`${name}: ${file.message?.split("\n")[0] ?? "could not be loaded"}`);
    }
    for (const test of file.assertionResults) countOne(`${name} > ${test.fullName}`, test.status, expected);
  }
  if (exitCode !== 0 && tally.failed === failedBefore) {
    tally.failed += 1;
    faults.push(`vitest ended with exit code ${exitCode} although no test failed`);
  }
}

function countOne(id, status, expected) {
  if (status === "passed") tally.passed += 1;
  else if (status === "failed") {
    tally.failed += 1;
    faults.push(id);
  } else if (filters.length > 0 || expected.has(id)) tally.skipped += 1;
  else {
    tally.failed += 1;
    faults.push(`${id}: skipped, and test/expected-skips.txt does not list it`);
  }
}
