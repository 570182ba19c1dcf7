// From what the computer is like to what the quickstart will do there, in words. Pure: looking is done in
// computer.mjs, doing in steps.mjs.
import { EXIT, Stop } from "./stop.mjs";

const GIB = 1024 ** 3;
const NEEDED_GIB = 8;
const NODE = [20, 19];

/**
 * Throws Stop (exit 4 or 8) when the quickstart cannot run here, with what to install or do instead.
 * `dryRun` needs no root: it only tells.
 */
export function refuse(computer, { dryRun = false } = {}) {
  if (olderNode(computer.node))
    throw new Stop(
      EXIT.missing,
      `Node ${computer.node} runs this; notebox needs ${NODE.join(".")} or newer.`,
      "Install a newer Node (Debian 13 has one), then run this again.",
    );
  if (!computer.apt) throw otherSystem(computer);
  if (computer.arch !== "x64")
    throw new Stop(
      EXIT.missing,
      `This computer's processor is ${computer.arch}; the box that the quickstart builds is for x86-64 (amd64).`,
      "Run it on an x86-64 computer.",
    );
  if (!computer.isRoot && !dryRun)
    throw new Stop(
      EXIT.missing,
      computer.missing.length > 0
        ? `${computer.missing.length} system packages are missing, and only root can install them and build a box.`
        : "All system packages are there, but only root can build a box.",
      [
        ...(computer.missing.length > 0 ? [installCommand(computer.missing), ""] : []),
        "Run the quickstart as root: sudo npm run quickstart",
      ].join("\n"),
    );
  if (computer.provider === "virtualbox" && !computer.virtualbox.works)
    throw new Stop(
      EXIT.missing,
      `VirtualBox does not work here: ${computer.virtualbox.reason}.`,
      "Leave --provider out.",
    );
  if (!computer.vm && computer.freeBytes < NEEDED_GIB * GIB)
    throw new Stop(
      EXIT.check,
      `${(computer.freeBytes / GIB).toFixed(1)} GiB are free; the quickstart needs ${NEEDED_GIB} GiB for a box and a VM.`,
      "Free some space, or set XDG_DATA_HOME to a folder on a larger disk.",
    );
}

/** The command that a person types to install packages. */
export function installCommand(packages) {
  return `sudo apt-get install --no-install-recommends ${packages.join(" ")}`;
}

function otherSystem({ platform, system }) {
  const name = { darwin: "macOS", win32: "Windows" }[platform] ?? system;
  return new Stop(
    EXIT.missing,
    `The quickstart installs packages and builds a box on Debian and Ubuntu only; this is ${name}.`,
    [
      "Install these yourself:",
      "  Node 20.19 or newer, with npm",
      "  Vagrant 2.3.4 or newer",
      platform === "linux"
        ? "  VirtualBox 6.1 or newer, or libvirt with QEMU, virtiofsd and the plugin vagrant-libvirt"
        : "  VirtualBox 6.1 or newer",
      "and have a share with a box in it (docs/it.md says how IT makes one). Then:",
      "  npm ci && npm run build",
      "  node dist/notebox.cjs init hello --template hello --share SHARE",
      "  node dist/notebox.cjs up -C hello",
    ].join("\n"),
  );
}

function olderNode(version) {
  const [major, minor] = version.split(".").map(Number);
  return major < NODE[0] || (major === NODE[0] && minor < NODE[1]);
}

/**
 * The steps in their order. Each says what it does before it does it; `idle` is set when there is nothing to do.
 * @returns {{ id: string, title: string, does: string, idle: boolean }[]}
 */
export function planSteps(computer, place, { boxIsThere = false, workbenchIsThere = false } = {}) {
  const step = (id, title, idle, does, already) => ({ id, title, idle, does: idle ? already : does });
  const count = computer.missing.length;
  return [
    step(
      "packages",
      "System packages",
      count === 0,
      `install ${count} with apt-get: ${computer.missing.join(" ")}`,
      "all of them are installed",
    ),
    step(
      "dependencies",
      "npm packages",
      computer.dependencies,
      "npm ci, into node_modules/ of this checkout",
      "node_modules/ holds what package-lock.json says",
    ),
    step("build", "notebox itself", false, "npm run build, which writes dist/notebox.cjs (some seconds)", ""),
    providerStep(computer, place),
    step(
      "workbench",
      "A workbench",
      workbenchIsThere,
      `copy examples/hello to ${place.workbench}`,
      `${place.workbench} is there; its notebooks are left as they are`,
    ),
    step(
      "box",
      "A box",
      boxIsThere || computer.vm,
      `build Debian 13 with everything that the workbench needs, publish it into ${place.share} (3 to 6 minutes)`,
      computer.vm ? "the VM has one already" : `${place.share} holds one for these sources`,
    ),
    step(
      "up",
      "The VM",
      false,
      `notebox up --provider ${computer.provider}: start it${computer.vm ? " again" : ""}, then check it (${
        fullSpeed(computer) ? "a minute or two" : "3 to 8 minutes with software emulation"
      })`,
      "",
    ),
    step(
      "call",
      "A call",
      false,
      "GET /hello/you of the notebook api/hello.ipynb, from this computer, with its token",
      "",
    ),
  ];
}

function fullSpeed(computer) {
  return computer.provider === "virtualbox" || computer.accelerated;
}

function providerStep(computer, place) {
  const step = { id: "provider", title: "The provider" };
  if (computer.provider === "virtualbox")
    return { ...step, idle: true, does: `VirtualBox ${computer.virtualbox.version} works here, so it is used` };
  if (computer.libvirt)
    return { ...step, idle: true, does: `libvirt ${computer.libvirt} answers; nothing about it is changed` };
  if (computer.init === "none")
    return {
      ...step,
      idle: false,
      does: `no init system runs here: start libvirt's daemons, keep copies of what that changes in ${place.libvirt}`,
    };
  return { ...step, idle: false, does: "libvirt: the packages start it; wait until it answers" };
}

/** What is worth knowing before anything starts, a line each. */
export function remarks(computer) {
  const lines = [`This is ${computer.system}, Node ${computer.node}.`];
  if (computer.provider === "virtualbox") lines.push("VirtualBox runs the VM.");
  else
    lines.push(
      `libvirt runs the VM (VirtualBox: ${computer.virtualbox.works ? "not asked for" : computer.virtualbox.reason}).`,
    );
  if (!fullSpeed(computer))
    lines.push("There is no hardware virtualisation here: QEMU emulates the processor. That works, but it is SLOW.");
  return lines;
}
