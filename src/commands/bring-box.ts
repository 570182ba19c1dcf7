/**
 * The box that `up` needs, installed from the first door of the workbench's share that has it. Only a short cut: what
 * cannot be done here, Vagrant does while it makes the VM, from the doors that the Vagrantfile lists.
 */
import path from "node:path";
import { catalogUrl, doorSlug, parseDoor } from "../boxes/doors.ts";
import { exists } from "../boxes/durable.ts";
import { chooseOffer, type Offer, readOffers, type Wanted } from "../boxes/install/offers.ts";
import { catalogPath } from "../boxes/layout.ts";
import { parseConstraint, satisfies } from "../boxes/versions.ts";
import { BOX_SHARE } from "../bundle/handout-box.ts";
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { boxesFolder, boxFolderName, boxLayout, hostArchitecture, installedVersions } from "../vagrant/box-home.ts";
import type { Box } from "../workbench/model.ts";
import { install } from "./box-install.ts";

/** A file server that does not answer keeps Windows waiting for a minute; Vagrant's own probe is kinder. */
const ANSWER_MS = 10_000;

/** Says why when no door could be used; throws `interrupted` and `disk-full`, which Vagrant could not mend either. */
export async function bringBox(
  deps: Deps,
  { folder, box }: { folder: string; box: Box },
  vm: { provider: string; vagrantVersion: string },
): Promise<void> {
  const layout = boxLayout(vm.vagrantVersion);
  const clauses = parseConstraint(box.version ?? "");
  // A name without an owner is one that somebody added by hand.
  if (layout === undefined || clauses === undefined || !box.name.includes("/")) return;
  const wanted = { provider: vm.provider, arch: hostArchitecture(deps) };
  const boxFolder = path.join(boxesFolder(deps), boxFolderName(box.name, deps.platform));
  if (installedVersions(boxFolder, layout, wanted).some((version) => satisfies(version, clauses))) return;
  const stick = path.join(folder, BOX_SHARE);
  for (const door of [stick, ...box.shares]) {
    try {
      const offer = await inTime(offerOf(deps, door, box.name, { ...wanted, clauses }, door === stick), door);
      // A stick is gone tomorrow; updates come from the share.
      const updates = door === stick ? box.shares[0] : door;
      await install(deps, layout, offer, updates === undefined ? undefined : catalogUrl(updates, box.name));
      return;
    } catch (error) {
      const known = error instanceof UserError ? error : undefined;
      if (known?.code === "interrupted" || known?.code === "disk-full") throw known;
      deps.log.write("bring-box", { door, message: String(error) });
      if (known?.code === "integrity") deps.reporter.emit({ type: "say", level: "warning", text: known.message });
    }
  }
}

async function offerOf(deps: Deps, door: string, name: string, wanted: Wanted, isStick: boolean): Promise<Offer> {
  if (isStick) return chooseOffer(door, name, (await readOffers(deps, door, name)).offers, wanted);
  const { kind, text } = parseDoor(door);
  if (kind === "drive" && deps.platform !== "win32") throw notHere(door);
  // A share that does not know this door is none that Vagrant could use: updates would find no catalog.

  const catalog = path.join(text, catalogPath(doorSlug(door), name));
  if (kind !== "http" && !(await exists(catalog).catch(() => false))) throw notHere(door);
  return chooseOffer(door, name, (await readOffers(deps, text, name)).offers, wanted);
}

async function inTime<T>(work: Promise<T>, door: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(notHere(door)), ANSWER_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function notHere(door: string): UserError {
  return new UserError({ code: "unreachable", message: `${door} cannot be reached from here.` });
}
