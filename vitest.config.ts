import os from "node:os";
import { defineConfig } from "vitest/config";
import { kindsForVite } from "./scripts/lib/kinds.mjs";
import { templatesForVite } from "./scripts/lib/templates.mjs";

// scripts/build.mjs bundles scripts for the guest as text; so do the tests that import src/.
const scriptsAsText = {
  name: "scripts-as-text",
  transform: (code: string, id: string) =>
    /\.(?:py|sh)$/.test(id) ? `export default ${JSON.stringify(code)};` : undefined,
};

const project = (name: string, options: object = {}) => ({
  plugins: [scriptsAsText, kindsForVite, templatesForVite],
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: 60_000, hookTimeout: 120_000, ...options },
});

export default defineConfig({
  test: {
    // Most tests wait for programs that they have started, some of which sleep: with one file more than there are
    // processors none of these is idle.
    maxWorkers: os.availableParallelism() + 1,
    projects: [
      project("unit"),
      project("golden"),
      project("wire"),
      project("cli"),
      project("vagrant", { testTimeout: 180_000 }),
    ],
  },
});
