// Runs a tier that is written in TypeScript: makes the machine ready, bundles the tier into a temporary file and
// runs that with the script's own arguments. Node 20 cannot run TypeScript by itself.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");

/** Ends the process with the tier's exit code. */
export async function runTier(entry) {
  if (process.argv.includes("--help")) {
    // Its first comment says what it is and which options it has.
    const comment = /\/\*\*([\s\S]*?)\*\//.exec(fs.readFileSync(path.join(root, entry), "utf8"))?.[1] ?? "";
    process.stdout.write(`${comment.replace(/^ \* ?/gm, "").trim()}\n`);
    return;
  }
  const setup = spawnSync(process.execPath, ["scripts/setup.mjs", "--for", "box", "--for", "vm"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (setup.status !== 0) process.exit(setup.status ?? 1);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-tier-"));
  const bundle = path.join(folder, "tier.mjs");
  const { build } = await import("esbuild");
  const { kindsForEsbuild } = await import("./kinds.mjs");
  const { templatesForEsbuild } = await import("./templates.mjs");
  await build({
    entryPoints: [path.join(root, entry)],
    outfile: bundle,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    loader: { ".py": "text" },
    plugins: [kindsForEsbuild, templatesForEsbuild],
    logLevel: "warning",
  });
  const run = spawnSync(process.execPath, [bundle, ...process.argv.slice(2)], {
    cwd: root,
    env: { ...process.env, NOTEBOX_CHECKOUT: root },
    stdio: ["ignore", "inherit", "inherit"],
  });
  fs.rmSync(folder, { recursive: true, force: true });
  process.exit(run.status ?? 1);
}
