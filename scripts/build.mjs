// Bundles src/ into dist/: notebox.cjs, which knows the command line and starts at once, and verbs.cjs, which holds
// all that main.ts and cli/ import dynamically and is read when a verb runs, and a file for each package that src/
// imports dynamically, because few verbs need one. Parsing all of it takes longer than starting Node, and `--version` and
// `--help` need none of it. CommonJS, because ssh2 needs __dirname.
import fs from "node:fs";
import { builtinModules } from "node:module";
import path from "node:path";
import { build } from "esbuild";
import { kindsForEsbuild } from "./lib/kinds.mjs";

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
  loader: { ".py": "text", ".sh": "text", ".json": "json" },
  define: { "import.meta.url": "__importMetaUrl" },
  inject: [path.join(root, "scripts/import-meta-url.mjs")],
  // Node would not see the names that such a file exports; require does.
  supported: { "dynamic-import": false },
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

/** Package → its file beside verbs.cjs. */
const packages = new Map();

const toPackages = {
  name: "to-packages",
  setup({ onResolve }) {
    onResolve({ filter: /^[a-z@]/ }, ({ kind, path: name, importer }) => {
      if (kind !== "dynamic-import" || importer.includes("node_modules") || builtinModules.includes(name))
        return undefined;
      packages.set(name, `package-${name.replace(/[^a-z0-9-]+/g, "-").replace(/^-/, "")}.cjs`);
      return { path: `./${packages.get(name)}`, external: true };
    });
  },
};

fs.mkdirSync(dist, { recursive: true });
await bundle("notebox.cjs", {
  entryPoints: [entry],
  banner: { js: "#!/usr/bin/env node" },
  plugins: [toVerbs, kindsForEsbuild],
});
const list = [...lazy].map(([file, key]) => `${JSON.stringify(key)}: () => require(${JSON.stringify(file)}),`);
const verbs = `module.exports = {\n${list.join("\n")}\n};`;
await bundle("verbs.cjs", {
  stdin: { contents: verbs, resolveDir: root, sourcefile: "verbs.js" },
  plugins: [toPackages, kindsForEsbuild],
});
for (const [name, file] of packages)
  await bundle(file, { stdin: { contents: `module.exports = require(${JSON.stringify(name)});`, resolveDir: root } });
// The one that needs the other comes last, so that a program started meanwhile finds both.
for (const name of [...packages.values(), "verbs.cjs", "notebox.cjs"]) fs.renameSync(next(name), path.join(dist, name));

async function bundle(name, options) {
  await build({ ...common, ...options, outfile: next(name) });
  fs.chmodSync(next(name), name === "notebox.cjs" ? 0o755 : 0o644);
}

function next(name) {
  return path.join(dist, `${name}.${process.pid}.tmp`);
}
