// Compiles the Handlebars templates that src/ imports (*.hbs): when src/ is bundled or tested, not when notebox runs,
// because compiling them takes longer than all else that `render` does.
import fs from "node:fs";
import Handlebars from "handlebars";

/** The quotes of src/bundle/template.ts; what a template names beside them is a value. */
const HELPERS = ["bash", "cmd", "cmdText", "desktop", "html", "rich", "ruby"];

const TEMPLATE = /\.hbs$/;

/** The template as a module. A checkout on Windows may have changed its line ends. */
function compiled(file) {
  const options = {
    noEscape: true,
    strict: true,
    knownHelpersOnly: true,
    knownHelpers: Object.fromEntries(HELPERS.map((name) => [name, true])),
  };
  const text = fs.readFileSync(file, "utf8").replaceAll("\r\n", "\n");
  return `export default ${Handlebars.precompile(text, options)};\n`;
}

/** For esbuild. */
export const templatesForEsbuild = {
  name: "templates",
  setup({ onLoad }) {
    onLoad({ filter: TEMPLATE }, ({ path: file }) => ({ contents: compiled(file), loader: "js" }));
  },
};

/** For vite, and so for vitest. */
export const templatesForVite = {
  name: "templates",
  enforce: "pre",
  load: (id) => (TEMPLATE.test(id) ? compiled(id) : undefined),
};
