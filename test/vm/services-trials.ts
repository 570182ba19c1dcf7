/**
 * A workbench with every kind of service that can be had here, in a real VM: started and verified, each service broken
 * and mended, and what is only in the VM brought through `destroy` and `up` by a backup.
 */
import fs from "node:fs";
import path from "node:path";
import { inGuest } from "./guest.ts";
import { type Change, type Lab, mustNotebox, up } from "./lab.ts";
import { breakAndMend } from "./steps.ts";
import { expect } from "./trials.ts";

/** Beside jupyter and hello, with ports of the trials' own. */
const SERVICES = {
  home: { port: 18_870 },
  openrefine: { port: 18_871, memory: "512 MiB" },
  desktop: { port: 18_872 },
  postgres: {},
};

/** hello with all of them, and a table that comes as sample data. */
export const withServices: Change = (document, workbench) => {
  document.setIn(["machine", "memory"], "3 GiB");
  for (const [name, options] of Object.entries(SERVICES)) document.setIn(["services", name], options);
  const sql = path.join(workbench, "sql");
  fs.mkdirSync(sql, { recursive: true });
  fs.writeFileSync(path.join(sql, "10-marks.sql"), "CREATE TABLE marks (who text, mark integer);\n");
};

/** Throws when a service is not well, its breakage is not named first, or a row or a file is lost. */
export async function servicesTrial(lab: Lab): Promise<string> {
  await up(lab);
  for (const name of Object.keys(SERVICES))
    await breakAndMend(lab, {
      name: `${name} is stopped`,
      cause: `service.${name}`,
      consequences: [],
      breaking: `systemctl stop ${name}@${name}.service`,
      mending: `systemctl start ${name}@${name}.service`,
    });
  await inGuest(lab.workbench, sql("INSERT INTO marks VALUES ('Ada', 1)"));
  await inGuest(lab.workbench, "runuser -u notebox -- bash -c 'echo kept >/home/notebox/kept.txt'");
  const file = path.join(lab.folder, "saved.tar");
  await mustNotebox(lab, ["backup", "--to", file], 600);
  await mustNotebox(lab, ["destroy", "--force", "--no-backup"], 240);
  await up(lab);
  await mustNotebox(lab, ["restore", "--yes", file], 600);
  const row = await inGuest(lab.workbench, sql("SELECT mark FROM marks WHERE who = 'Ada'"));
  expect(row === "1", `the row is ${JSON.stringify(row)} after destroy, up and restore`);
  const kept = await inGuest(lab.workbench, "cat /home/notebox/kept.txt");
  expect(kept === "kept", `the file in the home folder holds ${JSON.stringify(kept)}`);
  return `${Object.keys(SERVICES).join(", ")}: broken, mended, and a row and a file outlived destroy`;
}

/** Asked as a notebook asks: over TCP, with the password that was made in the VM. */
function sql(statement: string): string {
  const password = "$(</var/lib/notebox/tokens/postgres)";
  return `PGPASSWORD=${password} psql -h 127.0.0.1 -U workbench -d workbench -Atqc "${statement}"`;
}
