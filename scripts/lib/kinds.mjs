// Finds the kinds of service: each file in src/services/kinds/ exports one as `kind`. Whoever bundles or runs src/ gives
// these to its bundler, which then reads src/services/kinds.ts as the list of all of them, by name. So a new kind is a new
// file and changes none that is there.
import fs from "node:fs";
import path from "node:path";

/** The file that stands for the list. */
const LIST = /[\\/]src[\\/]services[\\/]kinds\.ts$/;

/** The list as a module: what `src/services/kinds.ts` is once it is bundled. `file` is its absolute path. */
function listOfKinds(file) {
  const folder = path.join(path.dirname(file), "kinds");
  const names = fs.readdirSync(folder).filter((name) => name.endsWith(".ts"));
  const imports = names.sort().map((name, at) => `import { kind as kind${at} } from "./kinds/${name}";`);
  return `${imports.join("\n")}\nexport const KINDS = [${names.map((_, at) => `kind${at}`).join(", ")}];\n`;
}

/** For esbuild. */
export const kindsForEsbuild = {
  name: "kinds",
  setup({ onLoad }) {
    onLoad({ filter: LIST, namespace: "file" }, ({ path: file }) => ({
      contents: listOfKinds(file),
      loader: "ts",
      resolveDir: path.dirname(file),
    }));
  },
};

/** For vite, and so for vitest. */
export const kindsForVite = {
  name: "kinds",
  enforce: "pre",
  load(id) {
    return LIST.test(id) ? listOfKinds(id) : undefined;
  },
};
