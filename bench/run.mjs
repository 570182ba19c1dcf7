// `npm run bench`: measures notebox beside what a person would run instead, in one run, and writes docs/bench.md.
// Nothing here passes or fails: the aims are for people to look at. Rows that need a VM say so when none is given.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { inWords } from "./measure.mjs";
import { rows } from "./rows.mjs";

const root = path.resolve(import.meta.dirname, "..");
const USAGE = `npm run bench [-- OPTIONS]

  --vm FOLDER        a running workbench: the rows about verify
  --prepared FOLDER  --bare FOLDER
                     two workbenches, one whose box is prepared for it: the row about starting
  --provider NAME    for those two: libvirt (default) or virtualbox
  --only TEXT        rows whose words hold this text; nothing is written then
  --no-write         do not write docs/bench.md
`;

const given = readOptions();

const lines = ["| what | takes | beside | takes | ratio | aim | runs |", "|---|---|---|---|---|---|---|"];
for (const row of rows.filter(({ what }) => given.only === undefined || what.includes(given.only))) {
  process.stderr.write(`${row.what} …\n`);
  const missing = row.needs?.(given);
  if (missing) {
    lines.push(`| ${row.what} | | ${row.beside} | | not measured: ${missing} | ${aimOf(row)} | |`);
    continue;
  }
  const { ours, theirs, ratio, times } = await row.measure(given);
  const cells = [row.what, inWords(ours), row.beside, inWords(theirs), ratio.toFixed(2), aimOf(row), times];
  lines.push(`| ${cells.join(" | ")} |`);
}
process.stdout.write(`${lines.join("\n")}\n`);
if (!given["no-write"] && given.only === undefined) fs.writeFileSync(path.join(root, "docs/bench.md"), page(lines));

/** A ratio; or a text, where another thing than the ratio counts. */
function aimOf({ aim }) {
  return typeof aim === "number" ? `${aim} or less` : aim;
}

function page(table) {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  const cpus = os.cpus();
  const accelerated = fs.existsSync("/proc/cpuinfo") && /\b(vmx|svm)\b/.test(fs.readFileSync("/proc/cpuinfo", "utf8"));
  return `# Measurements

Written by \`npm run bench\`. Both sides of a row were run by turns in one run; the times are medians. The ratio counts, not
the seconds: they are this computer's.

${new Date().toISOString().slice(0, 10)}, commit ${commit}, Node ${process.versions.node}, ${os.type()} ${os.release()}, ${cpus.length} processors${
    accelerated ? "" : ", no hardware virtualisation (VMs run in software emulation)"
  }, load ${os.loadavg()[0].toFixed(1)}.

${table.join("\n")}

What bounds them, where it is not plain:

${rows
  .filter(({ bound }) => bound)
  .map(({ what, bound }) => `- ${what}: ${bound}`)
  .join("\n")}
`;
}

function readOptions() {
  const folder = { type: "string" };
  const yesOrNo = { type: "boolean", default: false };
  try {
    const { values } = parseArgs({
      options: {
        vm: folder,
        prepared: folder,
        bare: folder,
        provider: { type: "string", default: "libvirt" },
        only: { type: "string" },
        "no-write": yesOrNo,
        help: yesOrNo,
      },
    });
    if (!values.help) return values;
    process.stdout.write(USAGE);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    process.exit(2);
  }
}
