/**
 * The vm tier: each provider once through the quick round. `--provider NAME` takes one of them, `--only TEXT` the
 * trials whose name holds the text (and those that everything stands on), `--keep` leaves the lab's folder.
 */
import { parseArgs } from "node:util";
import type { ProviderName } from "./prepared-boxes.ts";
import { endAll } from "./programs.ts";
import { quickRound } from "./scenario.ts";
import { Trials } from "./trials.ts";

const PROVIDERS: readonly ProviderName[] = ["virtualbox", "libvirt"];

const { values } = parseArgs({
  options: { provider: { type: "string" }, only: { type: "string" }, keep: { type: "boolean", default: false } },
});
const chosen = PROVIDERS.filter((name) => values.provider === undefined || values.provider === name);
if (chosen.length === 0) throw new Error(`--provider takes ${PROVIDERS.join(" or ")}`);

const trials = new Trials(values.only);
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    trials.interrupt();
    endAll();
  });
for (const name of chosen) {
  try {
    await quickRound(trials, name, values.keep);
  } catch (error) {
    trials.fresh();
    await trials.trial(`${name}: tidying up`, () => Promise.reject(error));
  }
}
process.exitCode = trials.close();
