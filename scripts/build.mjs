// Bundles src/ into dist/: notebox.cjs, which knows the command line and starts at once, and in parts/ a file for each
// module that main.ts and cli/ import dynamically, for each package that src/ imports so, and for what several of them
// share. A verb reads its own parts only: parsing all of them takes longer than starting Node. CommonJS, because ssh2
// needs __dirname.
import fs from "node:fs";
import path from "node:path";
import { build, transform } from "esbuild";
import { kindsForEsbuild } from "./lib/kinds.mjs";
import { templatesForEsbuild } from "./lib/templates.mjs";

const root = path.resolve(import.meta.dirname, "..");
const src = path.join(root, "src");
const dist = path.join(root, "dist");
/** What a build leaves out stays so long, in milliseconds, for programs that are running. */
const GRACE = 3_600_000;

const common = {
  bundle: true,
  minify: true,
  keepNames: true,
  platform: "node",
  target: "node20",
  // cpu-features is ssh2's optional native helper; the fallbacks beside it are pure JavaScript.
  external: ["cpu-features", "*.node"],
  loader: { ".py": "text", ".sh": "text", ".json": "json" },
  define: { "import.meta.url": "__importMetaUrl" },
  inject: [path.join(root, "scripts/import-meta-url.mjs")],
  logLevel: "warning",
  legalComments: "none",
  write: false,
};
const asCommonJs = {
  format: "cjs",
  // Node would not see the names that such a file exports; require does.
  supported: { "dynamic-import": false },
};

/** Name of a part → the module of src/ that it holds. */
const parts = {};

const toParts = {
  name: "to-parts",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\// }, ({ kind, path: target, resolveDir }) => {
      if (kind !== "dynamic-import") return undefined;
      const file = path.resolve(resolveDir, target);
      const name = path.relative(src, file).replaceAll(path.sep, "/").replace(/\.ts$/, "");
      parts[name] = file;
      return { path: `./parts/${name}.cjs`, external: true };
    });
  },
};

const [start] = (
  await build({
    ...common,
    ...asCommonJs,
    entryPoints: [path.join(src, "main.ts")],
    outfile: path.join(dist, "notebox.cjs"),
    banner: { js: "#!/usr/bin/env node" },
    plugins: [toParts, kindsForEsbuild],
  })
).outputFiles;
// Only ES modules can be split; each of the files is made CommonJS afterwards.
const { outputFiles } = await build({
  ...common,
  format: "esm",
  splitting: true,
  entryPoints: parts,
  outdir: path.join(dist, "parts"),
  outExtension: { ".js": ".cjs" },
  plugins: [kindsForEsbuild, templatesForEsbuild],
});
const shared = outputFiles.filter(({ path: file }) => !Object.hasOwn(parts, nameOf(file)));
const own = outputFiles.filter((one) => !shared.includes(one));
// Whatever needs others comes after them, so that a program started meanwhile finds them all.
for (const { path: file, text } of [...shared, ...own]) {
  const { code } = await transform(text, { ...asCommonJs, minify: true, target: common.target, platform: "node" });
  put(file, code, 0o644);
}
put(start.path, start.text, 0o755);
sweep(new Set([start, ...outputFiles].map(({ path: file }) => file)));

function nameOf(file) {
  return path
    .relative(path.join(dist, "parts"), file)
    .replaceAll(path.sep, "/")
    .replace(/\.cjs$/, "");
}

/** Whole or not at all, whoever is reading. */
function put(file, text, mode) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const next = `${file}.${process.pid}.tmp`;
  fs.writeFileSync(next, text, { mode });
  fs.renameSync(next, file);
}

function sweep(kept) {
  for (const name of fs.readdirSync(dist, { recursive: true })) {
    const file = path.join(dist, name);
    const stats = fs.statSync(file);
    if (stats.isFile() && !kept.has(file) && Date.now() - stats.mtimeMs > GRACE) fs.rmSync(file);
  }
}
