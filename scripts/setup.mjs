// Makes a fresh checkout ready for the tests: missing system packages, npm packages, the built program.
// It runs before every `npm test`, so it must be quick when there is nothing to do. Imports nothing but Node,
// because node_modules may not be there yet. `--for vm` (repeatable) adds what a further tier needs.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { makeGatewayPython, makeMongoPython } from "./lib/gateway-python.mjs";
import { hasApt, installPackages, missingPackages } from "./lib/packages.mjs";

const MISSING_PROGRAM = 4; // notebox's own exit code for the same trouble
const root = path.resolve(import.meta.dirname, "..");

const args = process.argv.slice(2);
const needs = ["test"];
for (let i = 0; i < args.length; i += 2) {
  if (args[i] !== "--for" || !["test", "box", "vm"].includes(args[i + 1] ?? "")) {
    console.error("usage: node scripts/setup.mjs [--for test|box|vm]…");
    process.exit(2);
  }
  needs.push(args[i + 1]);
}

systemPackages();
npmPackages();
program();
gateway();

function systemPackages() {
  if (!hasApt()) {
    console.error("setup: no apt-get here; on Debian or Ubuntu this would install what the tests need by itself.");
    return;
  }
  const missing = missingPackages(needs);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    console.error(
      `setup: these packages are missing and only root can install them:\n  sudo apt-get install --no-install-recommends ${missing.join(" ")}`,
    );
    process.exit(MISSING_PROGRAM);
  }
  console.error(`setup: installing ${missing.length} packages: ${missing.join(" ")}`);
  try {
    installPackages(missing);
  } catch (error) {
    console.error(`setup: ${error.message}`);
    process.exit(MISSING_PROGRAM);
  }
}

function npmPackages() {
  if (!npmIsStale()) return;
  console.error("setup: npm ci");
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], MISSING_PROGRAM);
}

// npm leaves beside what it installed the lock it installed from; it lists no optional package of other systems.
function npmIsStale() {
  const wanted = readJson("package-lock.json").packages;
  const installed = readJson("node_modules/.package-lock.json")?.packages;
  if (installed === undefined) return true;
  return Object.entries(wanted).some(([name, { version, optional }]) => {
    if (name === "") return false;
    const there = installed[name];
    return there === undefined ? !optional : there.version !== version;
  });
}

function program() {
  const built = modified("dist/notebox.cjs");
  const sources = ["src", "schema", "scripts/build.mjs", "scripts/import-meta-url.mjs", "package-lock.json"];
  if (built > Math.max(...sources.map(newest))) return;
  console.error("setup: npm run build");
  run("npm", ["run", "--silent", "build"], 1);
}

function gateway() {
  const trouble = makeGatewayPython();
  if (trouble) console.error(`setup: no Python with the kernel gateway, so its tests are skipped: ${trouble}`);
  const lacking = makeMongoPython();
  if (lacking) console.error(`setup: no Python with MongoDB's client, so its tests are skipped: ${lacking}`);
}

function newest(relative) {
  const absolute = path.join(root, relative);
  if (!fs.existsSync(absolute)) return 0;
  if (!fs.statSync(absolute).isDirectory()) return modified(relative);
  const inside = fs.readdirSync(absolute).map((name) => newest(path.join(relative, name)));
  return Math.max(modified(relative), ...inside);
}

function modified(relative) {
  return fs.statSync(path.join(root, relative), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function readJson(relative) {
  try {
    return JSON.parse(fs.readFileSync(path.join(root, relative), "utf8"));
  } catch {
    return undefined;
  }
}

function run(file, args, exitCode) {
  const done = spawnSync(file, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (done.status === 0) return;
  console.error(`setup: ${file} ${args.join(" ")} failed${done.error ? `: ${done.error.message}` : ""}`);
  process.exit(exitCode);
}
