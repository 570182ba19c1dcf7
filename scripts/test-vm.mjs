// `npm run test:vm`: sets the machine up, bundles test/vm/main.ts and runs it. See docs/ for what it proves.
import { runTier } from "./lib/tier.mjs";

await runTier("test/vm/main.ts");
