/**
 * The stand-in for VBoxManage refuses what it does not know: a machine other than the one that it can build, an
 * option, a command. What it does with a machine that it can build is shown by the vm tier.
 */
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const standin = path.join(root, "test/vm/standin/VBoxManage");
const template = path.join(root, "boxes/debian-13/providers/virtualbox/box.ovf");

let folder = "";
let ovf = "";

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-standin-test-"));
  ovf = fs.readFileSync(template, "utf8").replaceAll("@NAME@", "a-box").replaceAll("@DISK_BYTES@", "68719476736");
  const machine = path.join(folder, "machines", "m");
  fs.mkdirSync(machine, { recursive: true });
  const nic = { card: "82545EM", attached: "nat", mac: "0800270A0B0C", forwards: {} };
  const settings = {
    name: "m",
    os_type: "Debian_64",
    cpus: 1,
    memory_mib: 512,
    controller: "AHCI",
    disk: "disk0.qcow2",
  };
  fs.writeFileSync(
    path.join(machine, "machine.json"),
    JSON.stringify({ ...settings, nics: { 1: nic }, uuid: "u", disk_uuid: "d" }),
  );
});

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function vboxmanage(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(standin, args, { encoding: "utf8", env: { ...process.env, NOTEBOX_STANDIN_HOME: folder } });
}

function importOf(text: string): string {
  const file = path.join(folder, "box.ovf");
  fs.writeFileSync(file, text);
  const done = vboxmanage("import", "-n", file);
  expect(done.status).toBe(1);
  return done.stderr;
}

describe("the appliance", () => {
  test("the box's own is understood as far as its disk, which is not there", () => {
    expect(importOf(ovf)).toMatch(/Could not find the disk '.*box-disk001\.vmdk'/);
  });

  test.each([
    [
      "another disk controller",
      "<rasd:ResourceSubType>AHCI<",
      "<rasd:ResourceSubType>LsiLogic<",
      /SATA controller 'LsiLogic'/,
    ],
    ["a SCSI controller", "<rasd:ResourceType>20<", "<rasd:ResourceType>6<", /resource type 6/],
    [
      "another network card",
      "<rasd:ResourceSubType>E1000<",
      "<rasd:ResourceSubType>PCNet32<",
      /network card 'PCNet32'/,
    ],
    ["a bridged card", "<rasd:Connection>NAT<", "<rasd:Connection>bridged<", /connected to 'bridged'/],
    ["a disk on no controller", "<rasd:Parent>3<", "<rasd:Parent>9<", /hangs on no controller/],
    ["XML that is none", "</Envelope>", "", /Error reading/],
  ])("%s is refused", (_, from, to, message) => {
    expect(ovf).toContain(from);
    expect(importOf(ovf.replace(from, to))).toMatch(message);
  });
});

describe("the machine", () => {
  test("is listed", () => {
    expect(vboxmanage("list", "vms").stdout).toBe(`"m" {u}\n`);
  });

  test.each([
    [["modifyvm", "m", "--firmware", "efi"], /does not know the option --firmware efi/],
    [["modifyvm", "m", "--nic1", "bridged"], /attached to bridged/],
    [["modifyvm", "m", "--natpf1", "ssh,tcp,127.0.0.1,99999,,22"], /Invalid port/],
    [["modifyvm", "m", "--memory", "lots"], /Invalid --memory/],
    [["startvm", "m", "--type", "gui"], /does not know startvm/],
    [["controlvm", "m", "poweroff"], /not currently running/],
    [["snapshot", "m", "take", "x"], /does not know snapshot/],
    [["unregistervm", "nobody", "--delete"], /VBOX_E_OBJECT_NOT_FOUND/],
    [["hostonlyif", "create"], /does not know the command/],
  ])("%s is refused", (args, message) => {
    const done = vboxmanage(...args);
    expect(done.status).toBe(1);
    expect(done.stderr).toMatch(message);
  });

  test("comes back from its export as it was", () => {
    const disk = path.join(folder, "machines/m/disk0.qcow2");
    const out = path.join(folder, "exported/box.ovf");
    fs.mkdirSync(path.dirname(out));
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", disk, "3M"]);
    execFileSync("qemu-io", ["-f", "qcow2", "-c", "write -q -P 7 1M 64k", disk]);
    const done = vboxmanage("export", "m", "--output", out);
    expect([done.status, done.stdout]).toEqual([0, "Successfully exported 1 machine(s).\n"]);
    expect(vboxmanage("export", "m", "--output", out).stderr).toMatch(/already exists/);
    expect(vboxmanage("import", out, "--vsys", "0", "--vmname", "n").status).toBe(0);
    const machine = (name: string) =>
      JSON.parse(fs.readFileSync(path.join(folder, "machines", name, "machine.json"), "utf8"));
    const [m, n] = [machine("m"), machine("n")];
    for (const key of ["os_type", "cpus", "memory_mib", "controller"]) expect(n[key]).toBe(m[key]);
    expect(n.nics["1"].card).toBe(m.nics["1"].card);
    execFileSync("qemu-img", ["compare", "-q", disk, path.join(folder, "machines/n/disk0.qcow2")]);
    execFileSync(standin, ["unregistervm", "n", "--delete"], { env: { ...process.env, NOTEBOX_STANDIN_HOME: folder } });
  });

  test("takes a forwarded port, once", () => {
    const rule = ["modifyvm", "m", "--natpf1", "ssh,tcp,127.0.0.1,2222,,22"];
    expect(vboxmanage(...rule).status).toBe(0);
    expect(vboxmanage("showvminfo", "m", "--machinereadable").stdout).toMatch(
      /^nic1="nat"\n.*\nForwarding\(0\)="ssh,tcp,127\.0\.0\.1,2222,,22"$/m,
    );
    expect(vboxmanage(...rule).stderr).toMatch(/already exists/);
  });
});
