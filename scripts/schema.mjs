// Writes schema/workbench.schema.json from the zod schema in src/workbench. Drift fails the tests.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { kindsForEsbuild } from "./lib/kinds.mjs";

const root = path.resolve(import.meta.dirname, "..");
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-schema-"));
try {
  const outfile = path.join(folder, "json-schema.mjs");
  await build({
    entryPoints: [path.join(root, "src/workbench/json-schema.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    loader: { ".py": "text" },
    plugins: [kindsForEsbuild],
    logLevel: "warning",
  });
  const { workbenchJsonSchemaText } = await import(pathToFileURL(outfile).href);
  const file = path.join(root, "schema", "workbench.schema.json");
  fs.writeFileSync(file, workbenchJsonSchemaText());
  process.stdout.write(`${path.relative(root, file)}\n`);
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
