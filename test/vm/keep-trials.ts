/**
 * The counted trials of "no work lost": a file, a pip package and a token outlive destroy/up with the automatic backup,
 * and an upgrade that is killed at twenty moments: whichever VM is in use then, it starts and holds them.
 */
import fs from "node:fs";
import path from "node:path";
import { inGuest } from "./guest.ts";
import { type Lab, mustNotebox, startNotebox, up } from "./lab.ts";
import { run } from "./programs.ts";
import { readTokens } from "./secrets.ts";
import { type Kill, killAt, momentOf, verified } from "./steps.ts";
import { expect } from "./trials.ts";

const after = (text: string, seconds: number, whole: boolean): Kill => ({ after: new RegExp(text), seconds, whole });

/** From the first second to the deletion of the old VM; by turns notebox alone and its process group. */
const MOMENTS: readonly Kill[] = [
  { seconds: 0.4, whole: true },
  after("Saving the home folder", 0, false),
  after("Checking what was written", 0, true),
  after("Checking the backup", 0, false),
  after("Stopping the VM", 0, true),
  after("Stopping the VM", 2, false),
  after("Creating the VM", 0, true),
  after("Creating the VM", 2, false),
  after("Starting the VM", 0, true),
  after("Waiting until the VM answers", 3, false),
  after("Waiting until the VM answers", 20, true),
  after("In the VM, 1 of", 1, false),
  after("In the VM, \\d of", 5, true),
  after("Bringing back the home folder", 0, false),
  after("Bringing back what pip installed", 0, true),
  after("Check the VM", 0, false),
  after("Check the VM", 2, true),
  after("Check the VM", 5, false),
  after("Deleting the VM", 0, true),
  // Its files are gone within the second.
  after("Deleting the VM", 0.3, false),
];

const WORK = `runuser -u notebox -- bash -c 'mkdir -p ~/kept ~/.python/lib; echo work >~/kept/a.txt; echo module >~/.python/lib/kept.py'`;

async function work(lab: Lab): Promise<string> {
  const files = await inGuest(lab.workbench, "cat /home/notebox/kept/a.txt /home/notebox/.python/lib/kept.py || true");
  return JSON.stringify({ files, tokens: await readTokens(lab) });
}

/** The lab has a share and a workbench that is not up yet. */
export async function destroyedAndRestored(lab: Lab): Promise<string> {
  await up(lab);
  await inGuest(lab.workbench, WORK);
  const before = await work(lab);
  await mustNotebox(lab, ["down"]);
  const { backup } = (await mustNotebox(lab, ["destroy", "--yes"])) as { backup: { file: string; wasOff: boolean } };
  expect(backup.wasOff, "the VM was off, and destroy does not say so");
  await up(lab);
  expect((await work(lab)) !== before, "the new VM has the work already, so restoring it would show nothing");
  await mustNotebox(lab, ["restore", "--yes", backup.file]);
  expect((await work(lab)) === before, "the work is not as it was before destroy");
  await verified(lab);
  return `${fs.statSync(backup.file).size} bytes brought back files and tokens, verified`;
}

/** One trial each, on a lab that is up: whichever VM is in use after the kill, it starts, is verified and has the work. */
export const UPGRADE_TRIALS: readonly [string, (lab: Lab) => Promise<string>][] = [
  ...MOMENTS.map((kill, index): [string, (lab: Lab) => Promise<string>] => [
    `keep: upgrade killed ${index + 1} of ${MOMENTS.length}: ${momentOf(kill)}`,
    async (lab) => await upgradeKilled(lab, kill),
  ]),
  ["keep: a whole upgrade", upgraded],
];

async function upgradeKilled(lab: Lab, kill: Kill): Promise<string> {
  await inGuest(lab.workbench, WORK);
  const before = await work(lab);
  const running = startNotebox(lab, ["upgrade"]);
  // A moment that never came tests nothing.
  expect(await killAt(running, kill), `it ended before:\n${running.printed().slice(-2000)}`);
  await up(lab); // which verifies
  expect((await work(lab)) === before, "the work is not there");
  expect(!fs.existsSync(path.join(lab.workbench, ".notebox/upgrade")), ".notebox/upgrade is left over");
  return "killed, and the next up ended verified, with the work";
}

async function upgraded(lab: Lab): Promise<string> {
  await inGuest(lab.workbench, WORK);
  const before = await work(lab);
  await mustNotebox(lab, ["upgrade"]);
  expect((await work(lab)) === before, "after a whole upgrade the work is not there");
  const machines = await run("vagrant", ["global-status"], { cwd: lab.workbench, env: lab.env });
  return `the work is there; ${machines.stdout.trim().split("\n").length} lines of global-status`;
}
