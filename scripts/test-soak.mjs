// `npm run test:soak`: the counted trials, which take hours; `--only NAME` runs one kind. Sets the machine up,
// bundles test/vm/soak.ts and runs it. Results go to docs/trials.md.
import { runTier } from "./lib/tier.mjs";

await runTier("test/vm/soak.ts");
