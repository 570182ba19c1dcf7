// `npm run quickstart`: from a fresh checkout to a running, checked workbench whose notebook answers over HTTP.
// Plain Node, because it runs before anything is installed. The parts lie in quickstart/.
import path from "node:path";
import { HELP, readArguments } from "./quickstart/arguments.mjs";
import { Children } from "./quickstart/children.mjs";
import { clean, planClean } from "./quickstart/clean.mjs";
import { lookAtComputer } from "./quickstart/computer.mjs";
import { dataFolder, Place } from "./quickstart/place.mjs";
import { installCommand, planSteps, refuse, remarks } from "./quickstart/plan.mjs";
import { boxIsThere, steps } from "./quickstart/steps.mjs";
import { Stop } from "./quickstart/stop.mjs";

const root = path.resolve(import.meta.dirname, "..");
const print = (text) => process.stdout.write(`${text}\n`);
const say = (text) => print(`      ${text}`);

try {
  await main(readArguments(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof Stop)) throw error;
  process.stderr.write(`\nquickstart: ${error.message}\n${error.hint ? `\n${error.hint}\n` : ""}`);
  process.exitCode = error.exitCode;
}

async function main({ help, dryRun, clean: cleaning, provider }) {
  if (help) return print(HELP);
  const place = new Place(dataFolder());
  if (cleaning) return await runClean(place, dryRun);
  const computer = lookAtComputer({ root, place, provider });
  refuse(computer, { dryRun });
  place.exists();
  print("notebox quickstart");
  for (const line of remarks(computer)) print(`  ${line}`);
  if (dryRun) return tellPlan(computer, place);
  place.make();
  await withLock(place, async (children) => {
    if (await children.endLeftovers()) print("  Ended what an interrupted run left at work.");
    await runSteps({ root, place, children, computer, say });
  });
}

function plan(computer, place) {
  const work = { root, place, computer };
  return planSteps(computer, place, { boxIsThere: boxIsThere(work), workbenchIsThere: place.hasWorkbench() });
}

function tellPlan(computer, place) {
  print(`\nThis would happen (all of it in ${place.folder}, but for system packages and libvirt):\n`);
  for (const [index, { title, does, idle }] of plan(computer, place).entries())
    print(`  ${index + 1}. ${title}: ${idle ? "nothing to do, " : ""}${does}`);
  if (!computer.isRoot && computer.missing.length > 0)
    print(`\nOnly root can do that. ${installCommand(computer.missing)}`);
  print("\nNothing was done. npm run quickstart -- --clean would take it all back, but for the system packages.");
}

async function runSteps(work) {
  const { computer, place } = work;
  const began = Date.now();
  let outcome;
  const count = plan(computer, place).length;
  for (let index = 0; index < count; index++) {
    // Planned anew each time: a step may change what the next ones have to do.
    const { id, title, does, idle } = plan(computer, place)[index];
    print(`\n[${index + 1}/${count}] ${title}: ${does}`);
    if (idle && id !== "provider") continue;
    const start = Date.now();
    const result = await steps[id](work);
    if (id === "call") outcome = result;
    print(`      done in ${((Date.now() - start) / 1000).toFixed(1)} s`);
  }
  tellOutcome(work, outcome, Math.round((Date.now() - began) / 1000));
}

function tellOutcome({ place }, { answer, services }, seconds) {
  const notebox = `node dist/notebox.cjs -C ${shellWord(place.workbench)}`;
  print(`\n${JSON.stringify(answer, null, 2)}\n`);
  print(`The workbench is running, and every check passed (${seconds} s in all). Its addresses:`);
  for (const [name, { kind, url }] of Object.entries(services)) print(`  ${name.padEnd(10)} ${url}  (${kind})`);
  print("Each asks for a token, which is not shown here. To go on:");
  print(`  ${notebox} open`);
  print(`  export VAGRANT_HOME=${shellWord(place.vagrantHome)}`);
  print(`  ${notebox} down     (and up)`);
  print("  npm run quickstart -- --clean     ends and removes all of this");
}

/** A path as a shell takes it. */
function shellWord(text) {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

async function runClean(place, dryRun) {
  print("notebox quickstart: cleaning up");
  if (dryRun) {
    for (const line of planClean(place)) print(`  would ${line}`);
    return;
  }
  if (!place.exists()) return say(`there is nothing to remove: ${place.folder} is not there`);
  await withLock(place, (children) => clean({ root, place, children, say }));
}

async function withLock(place, work) {
  const unlock = place.lock();
  const children = new Children(place);
  const interrupt = () => children.interrupt();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, interrupt);
  try {
    await work(children);
  } finally {
    unlock();
  }
}
