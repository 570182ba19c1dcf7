/**
 * A newer hand-out that is made for another box, unzipped over the folder: Start makes a new VM with the work of the old
 * one, also after it was killed at many moments; and one that cannot be set up leaves the old VM in use.
 */
import fs from "node:fs";
import path from "node:path";
import { inGuest } from "./guest.ts";
import { pageAnswers, unzipHandOut } from "./handout.ts";
import type { Change, Lab } from "./lab.ts";
import { publishNewer } from "./newer-box.ts";
import { told } from "./programs.ts";
import { type Kill, killAt } from "./steps.ts";
import { expect } from "./trials.ts";

const FIRST_PORT = 18_860;

/** Ports of its own, so that it can run beside the other trials. */
export const apart: Change = (document) => {
  const { services } = document.toJS() as { services: object };
  for (const [index, name] of Object.keys(services).entries())
    document.setIn(["services", name, "port"], FIRST_PORT + index);
};

const MOMENTS: readonly Kill[] = [
  { after: /Saving what is in the old one/, seconds: 0, whole: true },
  { after: /It is saved in backups/, seconds: 0.5, whole: true },
  { after: /Making the virtual machine/, seconds: 2, whole: true },
  { after: /Starting the virtual machine/, seconds: 30, whole: true },
  { after: /Setting it up, \d/, seconds: 3, whole: true },
  { after: /Bringing your work/, seconds: 1, whole: true },
];

const MAKE = `runuser -u notebox -- bash -c 'mkdir -p ~/kept ~/.python/lib; echo work >~/kept/a.txt; echo module >~/.python/lib/kept.py'`;
const SHOW = "cat /home/notebox/kept/a.txt /home/notebox/.python/lib/kept.py /var/lib/notebox/tokens/jupyter";

export async function changedOverByStart(lab: Lab): Promise<string> {
  const handOut = await unzipHandOut(lab);
  const { folder, click } = handOut;
  const boxInUse = (): string =>
    (
      JSON.parse(fs.readFileSync(path.join(folder, ".vagrant/machines/default", lab.provider, "box_meta"), "utf8")) as {
        version: string;
      }
    ).version;
  try {
    await click("Start");
    await inGuest(folder, MAKE);
    const work = await inGuest(folder, SHOW);
    await click("Stop");

    const newer = await publishNewer(lab);
    await handOut.unzipOver();
    for (const [index, kill] of MOMENTS.entries()) {
      const running = handOut.begin("Start");
      expect(await killAt(running, kill), `moment ${index + 1} never came:\n${running.printed()}`);
      console.log(`     moment ${index + 1} (${kill.after?.source}): killed`);
    }
    const changed = await click("Start");
    expect(/The new virtual machine is in use/.test(changed.stdout), told("Start", changed));
    await pageAnswers(folder);
    expect((await inGuest(folder, SHOW)) === work, "the work is not as it was before the change-over");
    expect(boxInUse() === newer, `the VM is of the box ${boxInUse()}, not ${newer}`);
    expect(!fs.existsSync(path.join(folder, ".notebox/upgrade")), ".notebox/upgrade is left over");
    await click("Stop");

    await publishNewer(lab, (document) => document.setIn(["packages", "python"], ["no-such-package-of-anybody==1.0"]));
    await handOut.unzipOver();
    for (const attempt of ["Start", "Start after it failed"]) {
      const failed = await click("Start");
      expect(/so the old one is used as it was/.test(failed.stdout), told(attempt, failed));
      await pageAnswers(folder);
      expect((await inGuest(folder, SHOW)) === work, "the work is not there after a change-over that failed");
      expect(boxInUse() === newer, `the VM is of the box ${boxInUse()}, not ${newer}`);
      await click("Stop");
    }
    return `${MOMENTS.length} kills, then in ${changed.seconds.toFixed(0)} s; one that could not be set up left the old VM in use`;
  } finally {
    await handOut.clear();
  }
}
