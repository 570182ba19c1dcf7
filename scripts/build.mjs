// Bundles src/ into the one file that starts the program, dist/notebox.cjs. CommonJS, because ssh2 needs
// __dirname; dynamic imports stay lazy inside the bundle.
import fs from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const root = path.resolve(import.meta.dirname, "..");
const out = path.join(root, "dist", "notebox.cjs");
const next = `${out}.${process.pid}.tmp`;

// While verbs are still being written: an import of a module that does not exist yet says so when it runs.
const notBuiltYet = {
  name: "not-built-yet",
  setup(b) {
    b.onResolve({ filter: /^\.\.?\/.*\.ts$/ }, (args) => {
      const file = path.resolve(args.resolveDir, args.path);
      return fs.existsSync(file) ? undefined : { path: file, namespace: "not-built-yet" };
    });
    b.onLoad({ filter: /.*/, namespace: "not-built-yet" }, (args) => ({
      contents: `throw new Error(${JSON.stringify(`${path.relative(root, args.path)} is not built yet`)}); export const __none = 0;`,
    }));
  },
};

const result = await build({
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
  plugins: [notBuiltYet],
  logLevel: "silent",
  legalComments: "none",
}).catch((error) => {
  for (const e of error.errors ?? []) console.error(`${e.location?.file}:${e.location?.line}: ${e.text}`);
  process.exit(1);
});
void result;
fs.chmodSync(next, 0o755);
fs.renameSync(next, out);
