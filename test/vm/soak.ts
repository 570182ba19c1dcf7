/**
 * The counted trials, which take hours: every breakage, ten kills of the first `up`, a second provisioning, attacks
 * from a kernel and from root in the VM, every start, end and fault of API notebooks, a box made of a VM, a hand-out
 * driven by its launchers, kills of getting a box, a template's notebook. `--only TEXT`, as often as wanted, runs those
 * whose name holds the text, `--provider NAME` one provider. What passed at this commit is not run again; `--again`
 * forgets that.
 */
import { parseArgs } from "node:util";
import { API_TRIALS } from "./api-trials.ts";
import { archiveTrials } from "./archive-trials.ts";
import { hostileTokenIsNoScript, kernelStaysUnprivileged, rootStaysInside } from "./attacks.ts";
import { BREAKAGES } from "./breakages.ts";
import { apart, changedOverByStart } from "./change-over-trial.ts";
import { boxFromVm } from "./from-vm-trials.ts";
import { gatewayTrials } from "./gateway-trials.ts";
import { installTrials } from "./install-trials.ts";
import { destroyedAndRestored, UPGRADE_TRIALS } from "./keep-trials.ts";
import { type Change, clearLab, type Lab, makeLab, notebox, up } from "./lab.ts";
import { novicesWay } from "./launcher-trial.ts";
import type { ProviderName } from "./prepared-boxes.ts";
import { endAll } from "./programs.ts";
import { openProvider } from "./providers.ts";
import { rootTrials } from "./provision-roots.ts";
import { secondProvisionChangesNothing } from "./provisions.ts";
import { proxyIsHonoured } from "./proxy.ts";
import { Records } from "./records.ts";
import { servicesTrial, withServices } from "./services-trials.ts";
import { shareTrials } from "./share-trials.ts";
import { breakAndMend, type Kill, killedUp, momentOf, verified } from "./steps.ts";
import { templateInVm } from "./template-in-vm.ts";
import { templateTrials } from "./template-trials.ts";
import { Trials } from "./trials.ts";

// Ten moments of the first `up`, from its first second to its checks; by turns notebox alone and its process group.
const KILLS: readonly Kill[] = [
  { seconds: 0.4, whole: true },
  { after: /Writing the bundle/, seconds: 0, whole: false },
  { after: /Unpacking the box/, seconds: 0.5, whole: true },
  { after: /Creating the VM/, seconds: 1, whole: false },
  { after: /Creating the VM/, seconds: 4, whole: true },
  { after: /Starting the VM/, seconds: 0, whole: false },
  { after: /Waiting until the VM answers/, seconds: 5, whole: true },
  { after: /Waiting until the VM answers/, seconds: 30, whole: false },
  { after: /Setting up the VM|In the VM, 1 of/, seconds: 0.5, whole: true },
  { after: /In the VM, \d of/, seconds: 6, whole: false },
];

const { values } = parseArgs({
  options: {
    provider: { type: "string" },
    only: { type: "string", multiple: true },
    again: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});

const records = new Records(values.again);
const trials = new Trials();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    trials.interrupt();
    endAll();
  });
const wanted = (name: string): boolean =>
  (values.only === undefined || values.only.some((text) => name.includes(text))) && !records.passed(name);

for (const provider of ["virtualbox", "libvirt"] as const)
  if (values.provider === undefined || values.provider === provider) await soak(provider);
if (values.provider === undefined)
  for (const { name, body } of [
    ...rootTrials(),
    ...installTrials,
    ...archiveTrials,
    ...shareTrials,
    ...gatewayTrials,
    ...templateTrials,
  ].filter((trial) => wanted(trial.name)))
    await counted(name, body);
process.exitCode = trials.close();

async function soak(name: ProviderName): Promise<void> {
  const onRunning: [string, (lab: Lab) => Promise<string>][] = [
    ...BREAKAGES.map((breakage): [string, (lab: Lab) => Promise<string>] => [
      `breakage: ${breakage.name}`,
      async (lab) => {
        const remark = await breakAndMend(lab, breakage);
        if (breakage.mending === undefined) await remount(lab);
        return remark;
      },
    ]),
    ...API_TRIALS,
    ["second provision", secondProvisionChangesNothing],
    ["attack: a kernel stays unprivileged", kernelStaysUnprivileged],
    ["attack: root stays inside", rootStaysInside],
    ["attack: a hostile token is no script", hostileTokenIsNoScript],
  ];
  const todo = onRunning.filter(([trial]) => wanted(`${name}: ${trial}`));
  const kills = KILLS.map((kill, index) => ({ kill, trial: `${name}: kill ${index + 1}: ${momentOf(kill)}` })).filter(
    ({ trial }) => wanted(trial),
  );
  // libvirt's VMs have no way to this computer's loopback.
  const proxied = name === "virtualbox" && wanted(`${name}: a proxy with a CA of its own`);
  const packed = wanted(`${name}: box build --from-vm`);
  const byLaunchers = wanted(`${name}: the novice's way by launchers`);
  const served = wanted(`${name}: services`);
  // libvirt's VMs take the processor of the computer, which may have AVX.
  const template = name === "virtualbox" && wanted(`${name}: template tm351`);
  const restored = wanted(`${name}: keep: destroyed and restored`);
  const changedOver = wanted(`${name}: keep: changed over by Start`);
  const more = [proxied, packed, byLaunchers, served, template, restored, changedOver];
  const upgrades = UPGRADE_TRIALS.filter(([trial]) => wanted(`${name}: ${trial}`));
  if (todo.length + kills.length + upgrades.length === 0 && !more.includes(true)) return;
  const provider = await openProvider(name);
  let version: string | undefined;
  const inLab = async <T>(work: (lab: Lab) => Promise<T>, change?: Change): Promise<T> => {
    const lab = await makeLab(provider, change);
    version = lab.boxes.version;
    try {
      return await work(lab);
    } finally {
      await clearLab(lab, values.keep);
    }
  };
  try {
    for (const together of [todo, upgrades].filter(({ length }) => length > 0))
      await inLab(async (lab) => {
        trials.fresh();
        await trials.trial(`${name}: up`, async () => void (await up(lab)), true);
        for (const [trial, body] of together) await counted(`${name}: ${trial}`, () => body(lab));
      });
    trials.fresh();
    if (byLaunchers) await counted(`${name}: the novice's way by launchers`, () => inLab(novicesWay));
    if (proxied) await counted(`${name}: a proxy with a CA of its own`, () => inLab(proxyIsHonoured));
    if (packed) await counted(`${name}: box build --from-vm`, () => inLab(boxFromVm, apart));
    if (restored) await counted(`${name}: keep: destroyed and restored`, () => inLab(destroyedAndRestored));
    if (changedOver) await counted(`${name}: keep: changed over by Start`, () => inLab(changedOverByStart, apart));
    if (served) await counted(`${name}: services`, () => inLab(servicesTrial, withServices));
    if (template) await counted(`${name}: template tm351`, () => templateInVm(inLab));
    for (const { kill, trial } of kills) await counted(trial, () => inLab((lab) => killedUp(lab, kill)));
  } finally {
    await provider.close(version);
  }
}

async function counted(name: string, body: () => Promise<string>): Promise<void> {
  await trials.trial(name, body);
  const result = trials.results.at(-1);
  if (result !== undefined && !result.remark.startsWith("not run")) records.add(result);
}

/** Vagrant mounts folders only when a machine starts. */
async function remount(lab: Lab): Promise<void> {
  await notebox(lab, ["down"]);
  await up(lab);
  await verified(lab);
}
