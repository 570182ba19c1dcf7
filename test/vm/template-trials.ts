/**
 * The template tm351 in build roots: provisioned from nothing with the distribution's PostgreSQL and OpenRefine, Python's
 * packages as the index has them today, and a stand-in for MongoDB's server from a package source of the trial's own. Then
 * its install-test notebook runs, from its first cell to its last; and with one part broken after the other, in which case
 * the cell that asks for that part has to be the one that fails.
 */
import fs from "node:fs";
import path from "node:path";
import { parseDocument } from "yaml";
import {
  type BuildRoot,
  inRoot,
  layProvision,
  openRoot,
  PROVISION,
  provisionEnv,
  ROOTS,
  removeRoot,
} from "./build-roots.ts";
import { MONGODB_PACKAGE, openPackageSource, type PackageSource } from "./package-source.ts";
import { checkout } from "./places.ts";
import { told } from "./programs.ts";
import type { RootTrial } from "./provision-roots.ts";
import { expect } from "./trials.ts";

export const templateTrials: readonly RootTrial[] = ROOTS.map((name) => ({
  name: `template tm351: the install-test notebook, root ${name}`,
  body: async () => {
    const root = await openRoot(name);
    const source = await openPackageSource();
    try {
      return await installTest(root, source);
    } finally {
      source.close();
      removeRoot(root);
    }
  },
}));

interface Found {
  /** What was broken ("": nothing; "mended": nothing any more) to the cell that failed first and its error. */
  cells: Record<string, [string, string] | null>;
  /** What services said of their trouble: file name to its contents. */
  problems: Record<string, { message: string; serving: boolean }>;
}

/** What is broken, and how the cell begins that has to notice it. */
const NOTICED: Readonly<Record<string, RegExp>> = {
  pymongo: /^import matplotlib/,
  postgres: /^# SQL/,
  mongodb: /^# MongoDB/,
  openrefine: /^# OpenRefine/,
};

async function installTest(root: BuildRoot, source: PackageSource): Promise<string> {
  await layProvision(root, "tm351", (folder) => {
    const file = path.join(folder, "workbench.yaml");
    const document = parseDocument(fs.readFileSync(file, "utf8"));
    const named = { apt: source.line, key: "mongodb.asc", packages: [MONGODB_PACKAGE] };
    document.setIn(["services", "mongodb", "source"], document.createNode(named));
    fs.writeFileSync(file, document.toString());
    fs.writeFileSync(path.join(folder, "mongodb.asc"), source.key);
  });
  const made = await inRoot(root, PROVISION, { env: provisionEnv(root), seconds: 1800 });
  expect(made.code === 0, told("provisioning", made));
  const lay = (from: string, to: string): void =>
    fs.copyFileSync(path.join(checkout, from), path.join(root.folder, to));
  lay("examples/tm351/notebooks/install-test.ipynb", "home/notebox/notebooks/install-test.ipynb");
  lay("test/vm/try-notebook.py", "root/try-notebook.py");
  // Its second statement is wrong, which PostgreSQL itself says.
  fs.writeFileSync(
    path.join(root.folder, "home/notebox/sql/10-marks.sql"),
    "CREATE TABLE marks (n int);\nINSERT INTO mark VALUES (1);\n",
  );
  const command = ["python3", "/root/try-notebook.py", "/home/notebox/notebooks/install-test.ipynb"];
  const ran = await inRoot(root, command, { offline: true, seconds: 900 });
  expect(ran.code === 0, told("the notebook", ran));
  const { cells, problems } = JSON.parse(ran.stdout.trim().split("\n").at(-1) ?? "") as Found;
  for (const when of ["", "mended"])
    expect(cells[when] === null, `${when || "at first"}: ${JSON.stringify(cells[when])}`);
  for (const [broken, cell] of Object.entries(NOTICED))
    expect(cell.test(cells[broken]?.[0] ?? ""), `with ${broken} broken: ${JSON.stringify(cells[broken])}`);
  const { message, serving } = problems["postgres.json"] ?? {};
  expect(
    serving === true && /^sql\/10-marks\.sql was not loaded: .*"mark"/.test(message ?? ""),
    JSON.stringify(problems),
  );
  const errors = Object.keys(NOTICED).map((broken) => `${broken} (${cells[broken]?.[1].split(":")[0]})`);
  return `every cell ran; each of these was noticed by its cell: ${errors.join(", ")}`;
}
