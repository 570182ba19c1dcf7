// Bundles src/ into the one file that starts the program, dist/notebox.cjs. CommonJS, because ssh2 needs
// __dirname; dynamic imports stay lazy inside the bundle.
import fs from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const root = path.resolve(import.meta.dirname, "..");
const out = path.join(root, "dist", "notebox.cjs");
const next = `${out}.${process.pid}.tmp`;

await build({
  entryPoints: [path.join(root, "src/main.ts")],
  outfile: next,
  bundle: true,
  minify: true,
  keepNames: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  banner: { js: "#!/usr/bin/env node" },
  // cpu-features is ssh2's optional native helper; the fallbacks beside it are pure JavaScript.
  external: ["cpu-features", "*.node"],
  loader: { ".py": "text", ".json": "json" },
  define: { "import.meta.url": "__importMetaUrl" },
  inject: [path.join(root, "scripts/import-meta-url.mjs")],
  logLevel: "warning",
  legalComments: "none",
});
fs.chmodSync(next, 0o755);
fs.renameSync(next, out);
