/**
 * The template tm351 in a real VM, from a box that was prepared for it: Jupyter, OpenRefine, PostgreSQL and MongoDB, whose
 * server and tools are stand-ins from a package source of the trial's own. A processor without AVX is refused; on one that says
 * it has it `verify` runs the install-test notebook, each service is broken and mended, and what was written outlives `destroy`.
 */
import fs from "node:fs";
import path from "node:path";
import { parseDocument } from "yaml";
import { inGuest } from "./guest.ts";
import { type Change, type Lab, mustNotebox, notebox, UP_SECONDS, up } from "./lab.ts";
import { MONGODB_PACKAGE, openPackageSource, type PackageSource } from "./package-source.ts";
import { checkout } from "./places.ts";
import { must, told } from "./programs.ts";
import { serviceStopped } from "./services-trials.ts";
import { type Report, verified } from "./steps.ts";
import { expect } from "./trials.ts";

const TEMPLATE = path.join(checkout, "examples/tm351");
const NOTEBOOK = "notebook.jupyter";

/** `inLab` makes a lab of what its second argument makes of hello, and clears it. */
export async function templateInVm(
  inLab: (work: (lab: Lab) => Promise<string>, change: Change) => Promise<string>,
): Promise<string> {
  const source = await openPackageSource();
  try {
    return await inLab(trial, asTemplate(source));
  } finally {
    source.close();
  }
}

function asTemplate(source: PackageSource): Change {
  return (document, workbench, port) => {
    const template = parseDocument(fs.readFileSync(path.join(TEMPLATE, "workbench.yaml"), "utf8"));
    for (const key of ["services", "packages"]) document.set(key, template.get(key, true));
    // Newer ones refuse the emulated processor, which lacks cmpxchg16b (standin/vbox/qemu.py).
    document.addIn(["packages", "python"], "numpy<2.4");
    document.setIn(["machine", "memory"], template.getIn(["machine", "memory"]));
    document.setIn(["services", "jupyter", "port"], port);
    document.setIn(["services", "openrefine", "port"], port + 1);
    const named = { apt: source.line, key: "mongodb.asc", packages: [MONGODB_PACKAGE] };
    document.setIn(["services", "mongodb", "source"], document.createNode(named));
    fs.writeFileSync(path.join(workbench, "mongodb.asc"), source.key);
    fs.cpSync(path.join(TEMPLATE, "notebooks"), path.join(workbench, "notebooks"), { recursive: true });
    fs.mkdirSync(path.join(workbench, "mongo"), { recursive: true });
    fs.writeFileSync(path.join(workbench, "mongo/people.jsonl"), '{"name": "Ada"}\n{"name": "Grace"}\n');
  };
}

async function trial(lab: Lab): Promise<string> {
  await upWithAvx(lab);
  await notebookRan(lab);
  await verified(lab);
  for (const service of ["openrefine", "postgres", "mongodb"]) await serviceStopped(lab, service);
  await inGuest(lab.workbench, inMongo("database.notes.insert_one({'text': 'kept'})"));
  const { backup } = (await mustNotebox(lab, ["destroy", "--yes"])) as { backup: { file: string } };
  await upWithAvx(lab);
  expect((await texts(lab)) === "[]", "the new VM has the document already, so restoring it would show nothing");
  await mustNotebox(lab, ["restore", "--yes", backup.file]);
  expect((await texts(lab)) === "['kept']", "the document is not as it was before destroy");
  await verified(lab);
  return "without AVX refused; with it every cell of the notebook ran in verify; openrefine, postgres and mongodb broken and mended; a document outlived destroy, up and restore";
}

// What the kernel says of the processor, until the VM is switched off. The stand-in for the server does not use AVX.
const PRETEND = `sudo sh -c 'sed "s/^flags.*: /&avx /" /proc/cpuinfo >/run/cpuinfo && mount --bind /run/cpuinfo /proc/cpuinfo'`;

/** The emulated processor has no AVX and is refused; then the VM is made to say that it has. */
async function upWithAvx(lab: Lab): Promise<void> {
  const refused = await notebox(lab, ["up", "--provider", lab.provider]);
  expect(refused.code !== 0, "a processor without AVX is taken");
  expect(/MongoDB needs a processor with AVX.*postgres/s.test(refused.stderr), told("up without AVX", refused));
  // `up` would begin with a restart, since that start was broken off; what the VM says would be forgotten.
  for (const words of [["ssh", "-c", PRETEND], ["provision"]])
    await must("vagrant", words, { cwd: lab.workbench, env: lab.env, seconds: UP_SECONDS });
  await up(lab);
}

/** Among the checks of `verify`, which run each of its cells. */
async function notebookRan(lab: Lab): Promise<void> {
  const outcome = await notebox(lab, ["--json", "verify", "--only", NOTEBOOK]);
  const { result } = JSON.parse(outcome.stdout || "{}") as { result?: Report };
  const seen = result?.checks.find(({ id }) => id === NOTEBOOK);
  expect(outcome.code === 0 && seen?.status === "passed", told(`verify --only ${NOTEBOOK}`, outcome));
}

const texts = async (lab: Lab): Promise<string> =>
  await inGuest(lab.workbench, inMongo("print([one['text'] for one in database.notes.find()])"));

/** Asked as a notebook asks: with the address from its environment. */
function inMongo(statement: string): string {
  return `runuser -u notebox -- env "$(/opt/notebox/lib/environment/mongodb mongodb)" /opt/notebox/venv/bin/python -I - <<'END'
import os, pymongo
database = pymongo.MongoClient(os.environ["MONGO_URL"]).get_default_database()
${statement}
END`;
}
