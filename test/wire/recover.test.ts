/** What a killed start left in libvirt: removed when it is provably this folder's or useless, else left alone. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createProcesses } from "../../src/adapters/execa.ts";
import type { RunLog } from "../../src/ports.ts";
import { removeHalfCopiedBoxes, removeLeftovers } from "../../src/vagrant/recover.ts";
import { executable } from "./fakes/vagrant.ts";

const HEX = "0123456789abcdef0123";
/** Answers in the words of virsh 9.0 with -q, from files: domains/NAME holds the description, uuids/NAME, volumes/NAME. */
const VIRSH = `#!/bin/bash
while [[ $1 == -* ]]; do [[ $1 == -c ]] && shift; shift; done
cd "$NOTEBOX_FAKE"
verb=$1; shift
name=\${*: -1}
case $verb in
list) ls domains ;;
desc) cat "domains/$name" ;;
domuuid) cat "uuids/$name" ;;
destroy) ;;
undefine) name=$1; rm "domains/$name" && echo "undefine $name" >>done ;;
vol-list) for file in volumes/*; do [[ -e $file ]] && printf ' %s   /pool/%s\\n' "\${file##*/}" "\${file##*/}"; done; true ;;
vol-info) [[ -e volumes/$name ]] || exit 1; printf 'Name:           %s\\nType:           file\\nCapacity:       68719476736 bytes\\nPhysical:       %s bytes\\n' "$name" "$(stat -c %s "volumes/$name")" ;;
vol-dumpxml) printf '<volume><timestamps><mtime>%s.5</mtime></timestamps></volume>\\n' "$(stat -c %Y "volumes/$name")" ;;
vol-delete) rm "volumes/$name" && echo "vol-delete $name" >>done ;;
*) exit 1 ;;
esac
`;

let base: string;
let folder: string;
let needs: Parameters<typeof removeLeftovers>[0];
beforeEach(() => {
  base = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-recover-"));
  folder = path.join(base, "work");
  for (const name of ["work", "bin", "state/domains", "state/uuids", "state/volumes"])
    fs.mkdirSync(path.join(base, name), { recursive: true });
  executable(path.join(base, "bin", "virsh"), VIRSH);
  const env = {
    PATH: `${path.join(base, "bin")}:${process.env["PATH"]}`,
    NOTEBOX_FAKE: path.join(base, "state"),
    HOME: base,
  };
  const log: RunLog = { path: undefined, open: () => {}, write: () => {}, redact: () => {} };
  needs = { processes: createProcesses(env, log), signal: new AbortController().signal, log, env, homeDir: base };
});
afterEach(() => fs.rmSync(base, { recursive: true, force: true }));

const state = (...parts: string[]): string => path.join(base, "state", ...parts);
const done = (): string[] =>
  fs.existsSync(state("done")) ? fs.readFileSync(state("done"), "utf8").trim().split("\n") : [];
function domain(name: string, source: string, uuid = "u-other"): void {
  fs.writeFileSync(state("domains", name), `Source: ${source}\n`);
  fs.writeFileSync(state("uuids", name), `${uuid}\n`);
  fs.writeFileSync(state("volumes", `${name}.img`), "");
}

describe("VMs that Vagrant does not know of", () => {
  test("of this folder go, with their disks; the one that Vagrant knows stays", async () => {
    const machine = path.join(folder, ".vagrant/machines/default/libvirt");
    fs.mkdirSync(machine, { recursive: true });
    fs.writeFileSync(path.join(machine, "id"), "u-ours");
    domain(`hello_default_1700000000_${HEX}`, path.join(folder, "Vagrantfile"), "u-ours");
    domain(`hello_default_1700000001_${HEX}`, path.join(folder, "Vagrantfile"));
    expect(await removeLeftovers(needs, folder, "hello")).toBe(1);
    expect(done()).toEqual([
      `undefine hello_default_1700000001_${HEX}`,
      `vol-delete hello_default_1700000001_${HEX}.img`,
    ]);
  });

  test("of another copy of the workbench, of another workbench and of other people stay", async () => {
    domain(`hello_default_1700000000_${HEX}`, "/home/berta/hello/Vagrantfile");
    domain(`hello2_default_1700000000_${HEX}`, path.join(folder, "Vagrantfile"));
    domain("hello_default", path.join(folder, "Vagrantfile"));
    domain("database", "/srv/db/Vagrantfile");
    expect(await removeLeftovers(needs, folder, "hello")).toBe(0);
    expect(done()).toEqual([]);
  });

  test("a disk without a VM goes once it is old: another copy may be making a VM of a new one", async () => {
    const [old, fresh] = [`hello_default_1700000000_${HEX}.img`, `hello_default_1700000001_${HEX}.img`];
    fs.writeFileSync(state("volumes", old), "");
    fs.utimesSync(state("volumes", old), 1e9, 1e9);
    fs.writeFileSync(state("volumes", fresh), "");
    fs.writeFileSync(state("volumes", "database.img"), "");
    fs.utimesSync(state("volumes", "database.img"), 1e9, 1e9);
    expect(await removeLeftovers(needs, folder, "hello")).toBe(1);
    expect(done()).toEqual([`vol-delete ${old}`]);
  });
});

describe("a box image in libvirt's pool", () => {
  const VOLUME = "notebox-VAGRANTSLASH-debian-13_vagrant_box_image_13.1.0_box.img";
  const installed = (...arch: string[]): void => {
    const place = path.join(base, ".vagrant.d/boxes/notebox-VAGRANTSLASH-debian-13/13.1.0", ...arch, "libvirt");
    fs.mkdirSync(place, { recursive: true });
    fs.writeFileSync(path.join(place, "box.img"), "x".repeat(5000));
  };

  test.each([[[]], [["amd64"]]])("that is shorter than the box was broken off and goes (%j)", async (arch) => {
    installed(...arch);
    fs.writeFileSync(state("volumes", VOLUME), "x".repeat(4999));
    expect(await removeHalfCopiedBoxes(needs, "notebox/debian-13")).toBe(1);
    expect(done()).toEqual([`vol-delete ${VOLUME}`]);
  });

  test("that is whole stays, and so does that of a box that is not installed", async () => {
    installed();
    fs.writeFileSync(state("volumes", VOLUME), "x".repeat(5000));
    fs.writeFileSync(state("volumes", VOLUME.replace("13.1.0", "13.0.0")), "x");
    expect(await removeHalfCopiedBoxes(needs, "notebox/debian-13")).toBe(0);
    expect(done()).toEqual([]);
  });
});

test("without virsh nothing is done", async () => {
  fs.rmSync(path.join(base, "bin", "virsh"));
  const env = { PATH: path.join(base, "bin") };
  const bare = { ...needs, processes: createProcesses(env, needs.log), env };
  expect(await removeLeftovers(bare, folder, "hello")).toBe(0);
});
