// Bundles src/ into dist/: notebox.cjs, which knows the command line and starts at once; verbs.cjs, which holds all
// that main.ts and cli/ import dynamically and is read when a verb runs; and a file for each package that is imported
// dynamically (SSH, HTTP, prompts, …), read when it is needed. Parsing all of it takes longer than starting Node, and
// `--version` and `--help` need none of it. CommonJS, because ssh2 needs __dirname.
import fs from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const root = path.resolve(import.meta.dirname, "..");
const dist = path.join(root, "dist");
const entry = path.join(root, "src/main.ts");

const common = {
  bundle: true,
  minify: true,
  keepNames: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  // cpu-features is ssh2's optional native helper; the fallbacks beside it are pure JavaScript.
  external: ["cpu-features", "*.node"],
  loader: { ".py": "text", ".json": "json" },
  define: { "import.meta.url": "__importMetaUrl" },
  inject: [path.join(root, "scripts/import-meta-url.mjs")],
  logLevel: "warning",
  legalComments: "none",
};

/** Module of src/ → its key in verbs.cjs. */
const lazy = new Map();

const toVerbs = {
  name: "to-verbs",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\.\.?\// }, ({ kind, path: target, resolveDir }) => {
      if (kind !== "dynamic-import") return undefined;
      const file = path.resolve(resolveDir, target);
      lazy.set(file, path.relative(path.join(root, "src"), file).replaceAll(path.sep, "/"));
      return { path: file, namespace: "verbs" };
    });
    onLoad({ filter: /.*/, namespace: "verbs" }, ({ path: file }) => ({
      contents: `module.exports = require("./verbs.cjs")[${JSON.stringify(lazy.get(file))}]();`,
      resolveDir: dist,
    }));
    onResolve({ filter: /^\.\/verbs\.cjs$/, namespace: "verbs" }, () => ({ path: "./verbs.cjs", external: true }));
  },
};

/** Package → its file in dist/. */
const packages = new Map();

const apart = {
  name: "apart",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[@a-z]/ }, ({ kind, path: name, importer }) => {
      // Only what src/ imports; what packages import of each other stays with them. ssh-config is small, and its
      // default export would be another one for a file of its own.
      if (kind !== "dynamic-import" || /node_modules/.test(importer) || /^node:|^ssh-config$/.test(name))
        return undefined;
      packages.set(name, `package-${name.replace(/^@/, "").replace("/", "-")}.cjs`);
      return { path: name, namespace: "apart" };
    });
    onLoad({ filter: /.*/, namespace: "apart" }, ({ path: name }) => ({
      contents: `module.exports = require("./${packages.get(name)}");`,
      resolveDir: dist,
    }));
    onResolve({ filter: /^\.\/package-/, namespace: "apart" }, ({ path: file }) => ({ path: file, external: true }));
  },
};

fs.mkdirSync(dist, { recursive: true });
await bundle("notebox.cjs", { entryPoints: [entry], banner: { js: "#!/usr/bin/env node" }, plugins: [toVerbs] });
const list = [...lazy].map(([file, key]) => `${JSON.stringify(key)}: () => require(${JSON.stringify(file)}),`);
const verbs = `module.exports = {\n${list.join("\n")}\n};`;
await bundle("verbs.cjs", { stdin: { contents: verbs, resolveDir: root, sourcefile: "verbs.js" }, plugins: [apart] });
for (const [name, file] of packages)
  await bundle(file, { stdin: { contents: `module.exports = require(${JSON.stringify(name)});`, resolveDir: root } });
// The ones that need others come last, so that a program started meanwhile finds all of them.
for (const name of [...packages.values(), "verbs.cjs", "notebox.cjs"]) fs.renameSync(next(name), path.join(dist, name));

async function bundle(name, options) {
  await build({ ...common, ...options, outfile: next(name) });
  fs.chmodSync(next(name), name === "notebox.cjs" ? 0o755 : 0o644);
}

function next(name) {
  return path.join(dist, `${name}.${process.pid}.tmp`);
}
