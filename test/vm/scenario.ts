/**
 * The quick round of one provider: up, verify, three breakages, down and up, destroy, a kill, up again. libvirt's workbench
 * has a home page and a database beside hello.
 */
import fs from "node:fs";
import { kernelDeathIsStood } from "./api-trials.ts";
import { QUICK_BREAKAGES } from "./breakages.ts";
import { clearLab, type Lab, makeLab, up } from "./lab.ts";
import type { ProviderName } from "./prepared-boxes.ts";
import { openProvider, type Provider } from "./providers.ts";
import { CommandLines, leaks, readTokens } from "./secrets.ts";
import { serviceStopped, takeOutLightServices, withLightServices } from "./services-trials.ts";
import {
  apiAnswers,
  breakAndMend,
  destroy,
  downAndUp,
  foldersAreShared,
  killedUp,
  notebooksOf,
  verified,
} from "./steps.ts";
import { expect, type Trials } from "./trials.ts";

/** Runs the round. Nothing it started is left when it returns. */
export async function quickRound(trials: Trials, name: ProviderName, keep: boolean): Promise<void> {
  trials.fresh();
  let provider: Provider | undefined;
  let lab: Lab | undefined;
  const at = (): Lab => {
    if (lab === undefined) throw new Error("there is no lab");
    return lab;
  };
  const watched = new CommandLines();
  const failuresBefore = trials.failures;
  try {
    await trials.trial(
      `${name}: a prepared box, published to a share`,
      async () => {
        provider = await openProvider(name);
        // One box for both, since making it takes minutes; services of a box that a workbench does not name do not run.
        lab = await makeLab(provider, name === "libvirt" ? withLightServices : undefined, withLightServices);
        return lab.boxes.built ? "built" : "from the cache";
      },
      true,
    );
    await trials.trial(`${name}: up`, async () => void (await up(at())), true);
    await trials.trial(`${name}: verify`, () => verified(at()), true);
    await trials.trial(`${name}: the API answers the host`, () => apiAnswers(at()));
    await trials.trial(`${name}: folders are shared`, () => foldersAreShared(at()));
    // What lies in the VM is the same with each provider, so each breaks other services.
    if (name === "virtualbox") await trials.trial(`${name}: a kernel's death is stood`, () => kernelDeathIsStood(at()));
    else
      for (const service of ["home", "postgres"])
        await trials.trial(`${name}: ${service} is stopped`, () => serviceStopped(at(), service));
    for (const breakage of QUICK_BREAKAGES.filter(({ cause }) => name === "virtualbox" || cause !== "service.hello"))
      await trials.trial(`${name}: ${breakage.name}`, () => breakAndMend(at(), breakage));
    await trials.trial(`${name}: down and up`, () => downAndUp(at()), true);
    await trials.trial(`${name}: the token is nowhere else`, async () => {
      const places = await leaks(at(), Object.values(await readTokens(at())), watched);
      expect(places.length === 0, `the token stands in ${places.join(", ")}`);
      return `${watched.seen.size} command lines seen`;
    });
    await trials.trial(`${name}: destroy`, () => destroy(at()), true);
    // The rest does not ask for them, and without them a start takes half the time where the processor is emulated.
    if (name === "libvirt") takeOutLightServices(at().workbench);
    await trials.trial(`${name}: a killed up, and up again`, async () => {
      const before = JSON.stringify(notebooksOf(at()));
      const remark = await killedUp(at(), { seconds: 25, whole: true });
      expect(JSON.stringify(notebooksOf(at())) === before, "the notebooks changed");
      return remark;
    });
  } finally {
    watched.stop();
    if (trials.failures > failuresBefore) showEvidence(provider?.evidence() ?? []);
    if (lab !== undefined) await clearLab(lab, keep);
    await provider?.close(lab?.boxes.version);
  }
}

/** The ends of the machines' consoles. */
function showEvidence(files: readonly string[]): void {
  for (const file of files.filter((name) => fs.existsSync(name))) {
    const lines = fs.readFileSync(file, "latin1").trimEnd().split("\n").slice(-12);
    console.log(`     the end of ${file}:\n${lines.map((line) => `     | ${line.trimEnd()}`).join("\n")}`);
  }
}
