/**
 * A workbench with every kind of service that can be had here, in a real VM: started and verified, each service broken
 * and mended; and what people made with them outlives `down`, `destroy` and an upgrade to a newer box. One workbench of
 * the quick round has the two that start fast where the processor is emulated.
 */
import fs from "node:fs";
import path from "node:path";
import { parseDocument } from "yaml";
import { throughTheBrowser } from "./browser-trial.ts";
import { homeTellsOfDatabase } from "./home-trial.ts";
import { type Change, type Lab, mustNotebox, up } from "./lab.ts";
import { publishNewer } from "./newer-box.ts";
import { expectWork, makeWork } from "./service-work.ts";
import { breakAndMend, verified } from "./steps.ts";

/** Beside jupyter and hello, with ports of the trials' own. */
const SERVICES = {
  home: { port: 18_870 },
  openrefine: { port: 18_871, memory: "512 MiB" },
  desktop: { port: 18_872, autostart: ["xfce4-terminal"] },
  postgres: {},
};

/** hello with all of them, and a table that comes as sample data. */
export const withServices: Change = (document, workbench) => {
  document.setIn(["machine", "memory"], "3 GiB");
  for (const [name, options] of Object.entries(SERVICES)) document.setIn(["services", name], options);
  layTable(workbench);
};

/** hello with a home page and a database, and the same table. */
export const withLightServices: Change = (document, workbench, port) => {
  document.setIn(["services", "home"], { port });
  document.setIn(["services", "postgres"], {});
  layTable(workbench);
};

export function takeOutLightServices(workbench: string): void {
  const file = path.join(workbench, "workbench.yaml");
  const document = parseDocument(fs.readFileSync(file, "utf8"));
  for (const name of ["home", "postgres"]) document.deleteIn(["services", name]);
  fs.writeFileSync(file, String(document));
}

function layTable(workbench: string): void {
  const sql = path.join(workbench, "sql");
  fs.mkdirSync(sql, { recursive: true });
  fs.writeFileSync(path.join(sql, "10-marks.sql"), "CREATE TABLE marks (who text, mark integer);\n");
}

/** `verify` names it first when it is stopped. */
export async function serviceStopped(lab: Lab, name: string): Promise<string> {
  return await breakAndMend(lab, {
    name: `${name} is stopped`,
    cause: `service.${name}`,
    consequences: [],
    breaking: `systemctl stop ${name}@${name}.service`,
    mending: `systemctl start ${name}@${name}.service`,
  });
}

/** Throws when a service is not well, its breakage is not named first, or something that was made is lost. */
export async function servicesTrial(lab: Lab): Promise<string> {
  await up(lab);
  for (const name of Object.keys(SERVICES)) await serviceStopped(lab, name);
  await homeTellsOfDatabase(lab, SERVICES.home.port);
  await throughTheBrowser(lab, path.join(lab.folder, "pictures"));
  await makeWork(lab);
  await mustNotebox(lab, ["down"]);
  await up(lab);
  await expectWork(lab, "after down and up");
  const { backup } = (await mustNotebox(lab, ["destroy", "--yes"])) as { backup: { file: string } };
  await up(lab);
  await mustNotebox(lab, ["restore", "--yes", backup.file]);
  // OpenRefine was stopped for its projects, and takes minutes to come back where the processor is emulated.
  await verified(lab);
  await expectWork(lab, "after destroy, up and restore");
  await publishNewer(lab);
  await mustNotebox(lab, ["upgrade"]);
  await expectWork(lab, "after an upgrade");
  await verified(lab);
  return `${Object.keys(SERVICES).join(", ")}: broken and mended; the home page told what was wrong with a database; Chromium by the home page's links; a row, a project, a notebook and a file on the desktop outlived down, destroy and an upgrade`;
}
