/**
 * What a database's unit tells of its trouble, with the accounts that read it: root writes it, the home page's account finds
 * it although it may not enter the database's folder, and nobody else does. In a guest that is a folder; journalctl is a
 * stand-in. Needs root.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isRoot, type KeptGuest, makeKeptGuest } from "./fakes/kept-guest.ts";

const asRoot = test.skipIf(!isRoot);
const PROVISION = path.resolve(import.meta.dirname, "../../provision");
const TOKEN = "1".repeat(48);

let folder: string;
let guest: KeptGuest;
beforeEach(() => {
  if (!isRoot) return;
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-problems-"));
  fs.chmodSync(folder, 0o755);
  guest = makeKeptGuest(path.join(folder, "guest"), { db: TOKEN });
  lay("steps/files/notebox-problem", "opt/notebox/lib/notebox-problem", 0o755);
  lay("services/home/notebox_home/workbench.py", "opt/notebox/lib/workbench.py", 0o644);
  fs.writeFileSync(
    path.join(guest.folder, "bin/journalctl"),
    "#!/bin/bash\n[[ $1 == --sync ]] || cat /var/lib/journal\n",
    {
      mode: 0o755,
    },
  );
  fs.mkdirSync(path.join(guest.folder, "lib/notebox-db"), { mode: 0o700 });
});
function lay(from: string, to: string, mode: number): void {
  const place = path.join(guest.folder, to);
  fs.mkdirSync(path.dirname(place), { recursive: true });
  fs.copyFileSync(path.join(PROVISION, from), place);
  fs.chmodSync(place, mode);
}
afterEach(() => {
  if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true });
});

/** After `hook`, what accounts outside of root see: the home page's, and one that is in no group. */
function seen(hook: string): { home: unknown; stranger: unknown } {
  const look = `import json, sys; sys.path.append("/opt/notebox/lib")
from workbench import Workbench
class Service:
    def at(self, path): return "/" + path
def opens(path):
    try: return bool(open(path).read())
    except PermissionError: return False
print(json.dumps([Workbench(Service()).problem("db"), opens("/var/lib/notebox/tokens/db")]))`;
  const as = (account: string): string =>
    `setpriv ${account} /usr/bin/python3 -B -c '${look.replaceAll("'", `'"'"'`)}'`;
  const printed = guest.run(`mount -t tmpfs -o mode=755 tmpfs /run; mkdir -m 755 /run/notebox; umask 077
cd /; ${hook}
${as("--reuid=1901 --regid=1901 --groups=1900")}
${as("--reuid=1902 --regid=1902 --clear-groups")}`);
  const [home, stranger] = printed
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { home, stranger };
}
const PROBLEM = "/opt/notebox/lib/notebox-problem db";
const ended = (result: string): string => `SERVICE_RESULT=${result} INVOCATION_ID=0 ${PROBLEM} ended`;
const NOBODY = [null, false];

asRoot("what could not be loaded is read by the home page's account and no other; no token by either", () => {
  const message = `sql/10.sql was not loaded: line 3: ERROR: ${TOKEN}\\n${"x".repeat(900)}`;
  const text = `sql/10.sql was not loaded: line 3: ERROR: [token] ${"x".repeat(900)}`.slice(0, 400);
  expect(seen(`printf '${message}' | ${PROBLEM}`)).toEqual({ home: [[text, true, false], false], stranger: NOBODY });
  expect(seen(`echo bad | ${PROBLEM}; printf '' | ${PROBLEM}`)).toEqual({ home: NOBODY, stranger: NOBODY });
});

asRoot("a service that ended is told by its last words, unless it was asked to end", () => {
  const journal = (text: string): void => fs.writeFileSync(path.join(guest.folder, "lib/journal"), text);
  const home = (hook: string): unknown => (seen(hook).home as unknown[])[0];
  journal("LOG:  starting\nPANIC:  could not write: No space left on device\nLOG:  shut down\n");
  expect(home(ended("exit-code"))).toEqual(["could not write: No space left on device", false, false]);
  journal("Traceback\nnotebox: db: the data is that of PostgreSQL 15\n");
  expect(home(ended("exit-code"))).toEqual(["the data is that of PostgreSQL 15", false, false]);
  // What it said before it was killed is not why.
  for (const result of ["success", "oom-kill"]) expect(home(`echo old | ${PROBLEM}; ${ended(result)}`)).toBe(null);
});

test.each(["postgres", "mongodb"])("the unit of %s calls it as root, after each end", (kind) => {
  const unit = fs.readFileSync(path.join(PROVISION, `services/${kind}/${kind}@.service`), "utf8");
  expect(unit).toMatch(/^ExecStopPost=-\+\/opt\/notebox\/lib\/notebox-problem %i ended$/m);
});

// There is no database: no file can be loaded.
asRoot.each([
  ["postgres", "sql/10-marks.sql", /^sql\/10-marks\.sql was not loaded: /],
  ["mongodb", "mongo/marks.jsonl", /\S/],
])("the program of %s tells what it could not load", (kind, file, expected) => {
  lay(`services/${kind}/${kind}.py`, "opt/notebox/lib/db.py", 0o644);
  const put = (name: string, text: string): void => {
    fs.mkdirSync(path.dirname(path.join(guest.folder, name)), { recursive: true });
    fs.writeFileSync(path.join(guest.folder, name), text);
  };
  put("etc/notebox/workbench/services/db.json", '{"database":"course","innerPort":9}');
  put(`home/notebox/${file}`, "{}\n");
  const { home } = seen("python3 -I /opt/notebox/lib/db.py sample db >/dev/null");
  expect(home).toEqual([[expect.stringMatching(expected), true, false], false]);
});
