// npm run quickstart -- --clean: ends and removes what the quickstart made, newest first. Each part is looked for
// on its own, so that it works after any half-finished run, and again.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { ensureLibvirt, libvirtVersion, releaseLibvirt } from "../libvirt.mjs";
import { removeMachines, removeNetwork, removeVolumes } from "./libvirt-things.mjs";
import { BOX_NAME } from "./steps.mjs";
import { EXIT, Stop } from "./stop.mjs";

/** What --clean would do, for --dry-run. */
export function planClean(place) {
  if (!place.exists()) return [`nothing: ${place.folder} is not there`];
  const state = place.state();
  return [
    "end what an interrupted run left at work",
    `delete the VM of ${place.workbench}`,
    "remove the box's volume from libvirt, and the networks and firewall chains that came with the quickstart",
    `end libvirt's daemons if the quickstart started them, restore what ${place.libvirt} keeps copies of`,
    `delete ${place.folder} (notebooks that you changed are kept)`,
    `leave the system packages${state.installed.length > 0 ? `: ${state.installed.join(" ")}` : ""}`,
  ];
}

/** @param {import("./steps.mjs").Work} work */
export async function clean({ root, place, children, say }) {
  if (!place.exists()) {
    say(`there is nothing to remove: ${place.folder} is not there`);
    return;
  }
  const state = place.state();
  if (await children.endLeftovers()) say("ended what an interrupted run left at work");
  const libvirtIsOurs = fs.existsSync(path.join(place.libvirt, "journal.json"));
  // Only a running libvirt can delete its VMs. One that we started and that died since is started again for that.
  if (libvirtIsOurs && !libvirtVersion() && hasVm(place, "libvirt"))
    await ensureLibvirt({ stateDir: place.libvirt, say });
  await destroyVm(place, children, say);
  if (libvirtVersion()) {
    removeMachines(place.workbench, say);
    const versions = state.boxes.map(({ version }) => version);
    removeVolumes(BOX_NAME, versions, say);
    removeNetwork(state.networks, say);
  }
  await releaseOwnLibvirt(place, say);
  removeFolders(root, place, say);
  if (state.installed.length > 0) {
    say("the system packages that the quickstart installed stay; this removes them:");
    say(`  sudo apt-get purge ${state.installed.join(" ")}`);
  } else say("system packages: none were installed by the quickstart");
}

function hasVm(place, provider) {
  return fs.existsSync(path.join(place.workbench, ".vagrant/machines/default", provider, "id"));
}

async function destroyVm(place, children, say) {
  if (!hasVm(place, "libvirt") && !hasVm(place, "virtualbox")) return;
  say("deleting the VM: vagrant destroy -f");
  const options = { cwd: place.workbench, env: { VAGRANT_HOME: place.vagrantHome }, quiet: true };
  const { code, tail } = await children.run("vagrant", ["destroy", "-f"], options);
  if (code === 0) return;
  // libvirt itself is asked next; VirtualBox keeps no other way to tell which VM is the quickstart's.
  if (hasVm(place, "libvirt")) return say("vagrant could not; asking libvirt itself");
  throw new Stop(EXIT.vagrant, `vagrant destroy failed:\n${tail.join("\n")}`, "Delete the VM by hand, then try again.");
}

async function releaseOwnLibvirt(place, say) {
  if (!fs.existsSync(path.join(place.libvirt, "journal.json"))) return;
  try {
    await releaseLibvirt({ stateDir: place.libvirt, say });
  } catch (error) {
    if (error.busy)
      throw new Stop(EXIT.busy, error.message, "They use the libvirt that the quickstart started. Stop them first.");
    throw error;
  }
}

function removeFolders(root, place, say) {
  for (const folder of [
    place.vagrantHome,
    place.boxes,
    place.temporary,
    place.cache,
    place.share,
    place.libvirt,
    place.logs,
    place.stateFile,
  ])
    place.remove(folder);
  const kept = changedNotebooks(root, place);
  if (kept.length === 0) place.remove(place.workbench);
  else say(`kept ${place.workbench}, because these differ from the example: ${kept.join(", ")}`);
  const left = place.removeWhenEmpty();
  say(left.length === 0 ? `deleted ${place.folder}` : `emptied ${place.folder} of all else`);
}

/** Files in the shared folders that are not as the example has them: a person's work. */
export function changedNotebooks(root, place) {
  const changed = [];
  const visit = (relative) => {
    const folder = path.join(place.workbench, relative);
    if (!fs.existsSync(folder)) return;
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
      const name = path.join(relative, entry.name);
      if (entry.name === ".ipynb_checkpoints") continue;
      if (entry.isDirectory()) visit(name);
      else if (digest(path.join(place.workbench, name)) !== digest(path.join(root, "examples/hello", name)))
        changed.push(name);
    }
  };
  for (const folder of ["notebooks", "api"]) visit(folder);
  return changed;
}

function digest(file) {
  try {
    return crypto.createHash("sha256").update(fs.readFileSync(file)).digest("hex");
  } catch {
    return undefined;
  }
}
