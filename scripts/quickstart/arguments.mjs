// The quickstart's own command line: npm run quickstart -- [--dry-run] [--clean] [--provider NAME].
import { parseArgs } from "node:util";
import { EXIT, Stop } from "./stop.mjs";

export const HELP = `npm run quickstart -- [--dry-run] [--provider virtualbox|libvirt]
npm run quickstart -- --clean [--dry-run]

From a fresh checkout to a running workbench: installs what is missing (Debian and Ubuntu, as root),
builds notebox and a box, starts examples/hello in a VM, checks it and calls its notebook's API.

  --dry-run    say what would be done, and do nothing
  --provider   run the VM with this program; without it VirtualBox where it works, else libvirt
  --clean      end and remove everything that the quickstart made; system packages stay
  --help       print this
`;

/** @returns {{ help: boolean, dryRun: boolean, clean: boolean, provider: string | undefined }} */
export function readArguments(argv) {
  let values;
  try {
    ({ values } = parseArgs({
      args: argv,
      options: {
        "dry-run": { type: "boolean", default: false },
        clean: { type: "boolean", default: false },
        provider: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    }));
  } catch (error) {
    throw new Stop(EXIT.usage, error.message, "npm run quickstart -- --help lists the options.");
  }
  if (values.provider !== undefined && !["virtualbox", "libvirt"].includes(values.provider))
    throw new Stop(EXIT.usage, `There is no provider “${values.provider}”.`, "It is virtualbox or libvirt.");
  return { help: values.help, dryRun: values["dry-run"], clean: values.clean, provider: values.provider };
}
