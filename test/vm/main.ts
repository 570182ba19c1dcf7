/**
 * The vm tier: each provider once through the quick round, both at once. `--provider NAME` takes one of them,
 * `--only TEXT` the trials whose name holds the text (and those that everything stands on), `--keep` leaves the
 * labs' folders.
 */
import { parseArgs } from "node:util";
import type { ProviderName } from "./prepared-boxes.ts";
import { endAll } from "./programs.ts";
import { quickRound } from "./scenario.ts";
import { closeAll, Trials } from "./trials.ts";

const PROVIDERS: readonly ProviderName[] = ["virtualbox", "libvirt"];

const { values } = parseArgs({
  options: { provider: { type: "string" }, only: { type: "string" }, keep: { type: "boolean", default: false } },
});
const chosen = PROVIDERS.filter((name) => values.provider === undefined || values.provider === name);
if (chosen.length === 0) throw new Error(`--provider takes ${PROVIDERS.join(" or ")}`);

// Side by side: an emulated processor keeps one real one busy, and both together take little longer than one.
const rounds = chosen.map((name) => ({ name, trials: new Trials(values.only) }));
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    for (const { trials } of rounds) trials.interrupt();
    endAll();
  });
await Promise.all(
  rounds.map(async ({ name, trials }) => {
    try {
      await quickRound(trials, name, values.keep);
    } catch (error) {
      trials.fresh();
      await trials.trial(`${name}: tidying up`, () => Promise.reject(error));
    }
  }),
);
process.exitCode = closeAll(rounds.map(({ trials }) => trials));
