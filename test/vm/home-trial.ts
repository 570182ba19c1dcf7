/**
 * What is wrong with a database, whose folders are closed to every account but its own, stands on the home page in a VM: its
 * units' hooks, the journal and the accounts are the real ones there.
 */
import fs from "node:fs";
import path from "node:path";
import { inGuest } from "./guest.ts";
import type { Lab } from "./lab.ts";
import { sleep } from "./programs.ts";

/** Sample data that cannot be loaded, then a server that cannot start; both are mended again. */
export async function homeTellsOfDatabase(lab: Lab, port: number): Promise<void> {
  const bad = path.join(lab.workbench, "sql/20-more.sql");
  fs.writeFileSync(bad, "INSERT INTO nowhere VALUES (1);\n");
  await inGuest(lab.workbench, RESTART);
  await homeSays(lab, port, /^It works, but: sql\/20-more\.sql was not loaded: .*"nowhere"/);
  fs.rmSync(bad);
  const version = "/var/lib/notebox-postgres/data/PG_VERSION";
  await inGuest(lab.workbench, `cp -p ${version} /root/version; echo 9 >${version}; ${RESTART}`);
  await homeSays(lab, port, /^It cannot start: the data is that of PostgreSQL 9, which is not installed/);
  await inGuest(lab.workbench, `cp -p /root/version ${version}; ${RESTART}`);
  await homeSays(lab, port, /^It runs\.$/);
}

const RESTART = "systemctl restart --no-block postgres@postgres.service";

async function homeSays(lab: Lab, port: number, expected: RegExp): Promise<void> {
  const ask = `python3 - "$(</var/lib/notebox/tokens/home)" <<'X'
import json, sys, urllib.request
asked = urllib.request.Request("http://127.0.0.1:${port}/api/state", headers={"Authorization": "Bearer " + sys.argv[1]})
print(*[one["words"] for one in json.load(urllib.request.urlopen(asked, timeout=60))["services"] if one["kind"] == "postgres"])
X`;
  let words = "";
  for (let turn = 0; turn < 30; turn++) {
    words = await inGuest(lab.workbench, ask, 120);
    if (expected.test(words)) return;
    await sleep(2);
  }
  throw new Error(`the home page says of PostgreSQL: ${words}`);
}
