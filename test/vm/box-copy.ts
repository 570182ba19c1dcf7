/**
 * Looks into a virtualbox box as users get it, and makes the copy that the stand-in can start: the same image with
 * one file more, mount.vboxsf, because there is no VirtualBox that the kernel's own vboxsf could talk to.
 */
import fs from "node:fs";
import path from "node:path";
import { standin } from "./places.ts";
import { must } from "./programs.ts";
import { expect } from "./trials.ts";

const HELPER = "/usr/sbin/mount.vboxsf";
const SECTOR = 512;

/** Unpacks `box`, checks its image, adds the helper and packs it as `target`. */
export async function copyForStandIn(box: string, target: string): Promise<void> {
  const work = fs.mkdtempSync(`${target}.work-`);
  try {
    await must("tar", ["-xf", box, "-C", work]);
    const disks = fs.readdirSync(work).filter((name) => name.endsWith(".vmdk"));
    expect(disks.length === 1, `${box} holds ${disks.length} disks`);
    const disk = path.join(work, disks[0] ?? "");
    const raw = path.join(work, "disk.raw");
    await must("qemu-img", ["convert", "-f", "vmdk", "-O", "raw", disk, raw], { seconds: 300 });
    const system = await fileSystemOf(raw);
    await checkImage(system);
    await inImage(system, [
      `write ${path.join(standin, "mount.vboxsf")} ${HELPER}`,
      `set_inode_field ${HELPER} mode 0100755`,
      `set_inode_field ${HELPER} uid 0`,
      `set_inode_field ${HELPER} gid 0`,
    ]);
    expect((await stat(system, HELPER)) !== undefined, "debugfs did not write the helper into the copy");
    fs.rmSync(disk);
    const options = ["-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized"];
    await must("qemu-img", ["convert", ...options, raw, disk], { seconds: 600 });
    fs.rmSync(raw);
    await must("tar", ["-cf", target, "-C", work, ...fs.readdirSync(work).sort()]);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** The image's only Linux partition, as debugfs takes it: a file and an offset in it. */
async function fileSystemOf(raw: string): Promise<string> {
  const table = JSON.parse(await must("sfdisk", ["--json", raw])) as {
    partitiontable: { partitions: { start: number; type: string }[] };
  };
  const linux = table.partitiontable.partitions.filter(({ type }) => type === "83" || /^0FC63DAF/i.test(type));
  expect(linux.length === 1, `the image has ${linux.length} Linux partitions`);
  return `${raw}?offset=${(linux[0]?.start ?? 0) * SECTOR}`;
}

/** What VirtualBox needs is in the image as the kernel's own modules, and what only the stand-in needs is not. */
async function checkImage(system: string): Promise<void> {
  expect((await stat(system, HELPER)) === undefined, `the box holds ${HELPER}, which belongs to the tests`);
  expect((await stat(system, "/sbin/mount.vboxsf")) === undefined, "the box holds /sbin/mount.vboxsf");
  const kernels = (await inImage(system, ["ls -p /usr/lib/modules"]))
    .split("\n")
    .map((line) => line.split("/")[5] ?? "")
    .filter((name) => /^\d/.test(name));
  expect(kernels.length === 1, `the image has ${kernels.length} kernels: ${kernels.join(", ")}`);
  const kernel = `/usr/lib/modules/${kernels[0]}/kernel`;
  expect(!/cloud/.test(kernels[0] ?? ""), `${kernels[0]} is a cloud kernel, without VirtualBox's modules`);
  for (const module of ["fs/vboxsf/vboxsf", "drivers/virt/vboxguest/vboxguest"]) {
    const found = [await stat(system, `${kernel}/${module}.ko.xz`), await stat(system, `${kernel}/${module}.ko`)];
    expect(found.some(Boolean), `the image lacks ${kernel}/${module}.ko`);
  }
}

async function stat(system: string, file: string): Promise<string | undefined> {
  const answer = await inImage(system, [`stat ${file}`]);
  return /^Inode: \d+/m.test(answer) ? answer : undefined;
}

async function inImage(system: string, commands: readonly string[]): Promise<string> {
  const writes = commands.some((command) => command.startsWith("write")) ? ["-w"] : [];
  return await must("debugfs", [...writes, "-f", "-", system], { input: `${commands.join("\n")}\n` });
}
