// What each step of the quickstart does. Which steps there are, and what they say, is in plan.mjs.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { writeWhole } from "../kept-changes.mjs";
import { missingPackages } from "../lib/packages.mjs";
import { ensureLibvirt, libvirtVersion } from "../libvirt.mjs";
import { callApi, readEndpoints } from "./api-call.mjs";
import { names } from "./libvirt-things.mjs";
import { installCommand } from "./plan.mjs";
import { EXIT, Stop } from "./stop.mjs";

export const BOX_NAME = "quickstart/hello";
const RECIPE = "debian-13";
const APT = { env: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" }, quiet: true };
const APT_OPTIONS = ["-y", "-q", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=600"];

/** @typedef {{ root: string, place: import("./place.mjs").Place, children: import("./children.mjs").Children, computer: object, say: (text: string) => void }} Work */

/** Runs notebox, with a Vagrant home of its own, so that the user's boxes are not touched. */
export function notebox({ root, place, children }, args, options = {}) {
  const program = path.join(root, "dist/notebox.cjs");
  return children.must(process.execPath, [program, ...args], {
    env: { VAGRANT_HOME: place.vagrantHome },
    brief: true,
    ...options,
  });
}

export const steps = {
  /** @param {Work} work */
  async packages({ place, children, computer, say }) {
    // An earlier apt-get may have been killed between unpacking and setting up. What dpkg alone cannot set up
    // (packages that need each other), the second command does.
    await children.run("dpkg", ["--configure", "-a"], APT);
    await children.must("apt-get", ["update", ...APT_OPTIONS], APT, {
      exitCode: EXIT.unreachable,
      hint: "The package servers cannot be reached, or apt's sources are wrong.",
    });
    await children.must("apt-get", ["install", "--fix-broken", "--no-install-recommends", ...APT_OPTIONS], APT, {
      exitCode: EXIT.missing,
      hint: "Some packages on this computer are broken: sudo apt-get install --fix-broken",
    });
    const needs = ["box", computer.provider === "virtualbox" ? "vagrant" : "vm"];
    // Alternatives may resolve differently with fresh lists.
    const missing = missingPackages(needs);
    place.note({ installed: [...new Set([...place.state().installed, ...missing])] });
    await children.must("apt-get", ["install", "--no-install-recommends", ...APT_OPTIONS, ...missing], APT, {
      exitCode: EXIT.missing,
      hint: `Try it by hand: ${installCommand(missing)}\n(Where the distribution has no package vagrant, install Vagrant from its maker.)`,
    });
    say("they stay installed after --clean");
  },

  async dependencies({ root, children }) {
    await children.must(
      "npm",
      ["ci", "--no-audit", "--no-fund", "--loglevel=error"],
      { cwd: root, quiet: true },
      {
        exitCode: EXIT.unreachable,
      },
    );
  },

  async build({ root, children }) {
    await children.must("npm", ["run", "--silent", "build"], { cwd: root, quiet: true }, { exitCode: 1 });
  },

  async provider({ place, computer, say }) {
    if (computer.provider === "virtualbox") return;
    // Packages that were installed a moment ago may still be starting it.
    for (let turn = 0; computer.init !== "none" && !libvirtVersion() && turn < 30; turn++)
      await new Promise((resolve) => setTimeout(resolve, 1000));
    try {
      const { version, own } = await ensureLibvirt({ stateDir: place.libvirt, say });
      say(`libvirt ${version} answers${own ? "; --clean ends it" : ""}`);
    } catch (error) {
      if (error.hint) throw new Stop(EXIT.missing, error.message, error.hint);
      throw error;
    }
  },

  /** Copies the example; its box becomes the quickstart's own. Notebooks that are there are never overwritten. */
  async workbench({ root, place, say }) {
    const example = path.join(root, "examples/hello");
    fs.mkdirSync(place.workbench, { recursive: true, mode: 0o700 });
    for (const folder of ["notebooks", "api"])
      fs.cpSync(path.join(example, folder), path.join(place.workbench, folder), { recursive: true, force: false });
    const { parseDocument } = await import("yaml");
    const document = parseDocument(fs.readFileSync(path.join(example, "workbench.yaml"), "utf8"));
    document.setIn(["box"], document.createNode({ name: BOX_NAME, shares: [place.share] }));
    for (const { key, value } of document.get("services").items) {
      const wanted = value.get("port");
      const port = await freePort(wanted);
      if (port === wanted) continue;
      value.set("port", port);
      say(`port ${wanted} is taken on this computer: ${key} gets ${port}`);
    }
    writeWhole(path.join(place.workbench, "workbench.yaml"), document.toString());
  },

  async box(work) {
    const { place, computer, say } = work;
    const key = sourcesKey(work);
    for (const folder of [place.boxes, place.temporary]) place.remove(folder);
    for (const folder of [place.boxes, place.temporary, place.share, place.cache])
      fs.mkdirSync(folder, { recursive: true });
    say("building; every package comes from the distribution's signed archive");
    const build = [
      "box",
      "build",
      RECIPE,
      "--out",
      place.boxes,
      "--provider",
      computer.provider,
      "--with",
      place.workbench,
    ];
    await notebox(work, build, { env: { XDG_CACHE_HOME: place.cache, TMPDIR: place.temporary } });
    const file = fs.readdirSync(place.boxes).find((name) => name.endsWith(".box"));
    if (!file) throw new Stop(1, "box build wrote no .box file.", `Look into ${place.boxes}.`);
    // The time makes each version new: libvirt keeps a volume a version, and must not take an old one for a new one.
    const [day, time] = new Date().toISOString().replace(/[-:]/g, "").split(/[T.]/).map(Number);
    const version = `1.${day}.${time}`;
    place.note({ boxes: [...place.state().boxes, { version, key }] });
    say(`publishing it as ${BOX_NAME} ${version}`);
    const source = path.join(place.boxes, file);
    await notebox(work, ["box", "publish", source, "--share", place.share, "--name", BOX_NAME, "--version", version]);
    for (const folder of [place.boxes, place.temporary]) place.remove(folder);
    place.note({ box: { version, key } });
  },

  async up(work) {
    const { place, computer } = work;
    // A box that was built anew is another version; without one in the file Vagrant would keep an older one.
    await pinBox(place);
    if (computer.provider === "libvirt" && !place.state().networks)
      place.note({ networks: names(["net-list", "--all", "--name"]) });
    await notebox(work, ["-C", place.workbench, "up", "--provider", computer.provider]);
  },

  async call({ place, say }) {
    const endpoints = readEndpoints(place.workbench);
    const { url, answer } = await callApi(endpoints, "hello", "/hello/you");
    say(`GET ${url}`);
    return { url, answer, services: endpoints.services };
  },
};

/** What the box is made from: when this changes, the box is built anew. */
export function sourcesKey({ root, place, computer }) {
  const hash = crypto.createHash("sha256").update(computer.provider);
  for (const folder of ["boxes", "provision", "src/boxes", "src/bundle", "src/services"])
    for (const file of filesIn(path.join(root, folder)))
      hash.update(`\0${path.relative(root, file)}\0`).update(fs.readFileSync(file));
  const workbench = path.join(place.workbench, "workbench.yaml");
  // The box's own lines do not change what is in it.
  if (fs.existsSync(workbench)) hash.update(fs.readFileSync(workbench, "utf8").replace(/^box:\n( .*\n)*/m, ""));
  return hash.digest("hex");
}

/** True when the share holds a box for these sources. */
export function boxIsThere(work) {
  const { box } = work.place.state();
  if (!box || box.key !== sourcesKey(work)) return false;
  const record = path.join(work.place.share, "boxes", BOX_NAME, box.version, `${work.computer.provider}-amd64.json`);
  return fs.existsSync(record);
}

async function pinBox(place) {
  const { box } = place.state();
  if (!box) return;
  const file = path.join(place.workbench, "workbench.yaml");
  const { parseDocument } = await import("yaml");
  const document = parseDocument(fs.readFileSync(file, "utf8"));
  if (document.getIn(["box", "version"]) === box.version) return;
  document.setIn(["box", "version"], box.version);
  writeWhole(file, document.toString());
}

function filesIn(folder) {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const file = path.join(folder, entry.name);
      return entry.isDirectory() ? filesIn(file) : entry.isFile() ? [file] : [];
    });
}

/** This port, or the next that nothing on this computer listens on. */
export async function freePort(wanted) {
  const net = await import("node:net");
  for (let port = wanted; port < wanted + 500; port += 10) {
    const free = await new Promise((resolve) => {
      const server = net.createServer();
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Stop(EXIT.check, `No port from ${wanted} on is free.`, "End a program that listens there.");
}
