/**
 * Whether a box's disks are what their provider takes, by their first bytes: streamOptimized VMDKs for VirtualBox,
 * qcow2 images that stand alone for libvirt. Pure; what is in the box is inspect.ts's.
 */

/** As many of a file's first bytes as are looked at. */
export const HEAD = 512;

/** What is wrong with a VMDK, as the end of a sentence about it. VMware's "Virtual Disk Format 5.0", SparseExtentHeader. */
export function vmdkFault(head: Buffer): string | undefined {
  const magic = head.toString("latin1", 0, 4);
  if (magic === "KDMV" && head.length >= 8 && head.readUInt32LE(4) >= 1 && head.readUInt32LE(4) <= 3) return undefined;
  // Such a text names further files, anywhere on the computer that imports it.
  if (/^#\s*Disk/i.test(head.toString("latin1", 0, 20))) return "is only the description of a disk kept elsewhere";
  return "is no VMDK";
}

/** The same for a qcow2 image. QEMU's docs/interop/qcow2.txt. */
export function qcow2Fault(head: Buffer): string | undefined {
  if (head.length < 72 || head.toString("latin1", 0, 4) !== "QFI\xfb") return "is no qcow2 image";
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) return `is a qcow2 image of the unknown version ${version}`;
  // Whoever starts it would read that other file, wherever it is.
  if (head.readBigUInt64BE(8) !== 0n) return "needs another image as its backing file";
  if (version === 3 && (head.readBigUInt64BE(72) & 4n) !== 0n) return "keeps its data in another file";
  return undefined;
}

/** The names of a libvirt box's disks by its metadata.json (vagrant-libvirt, handle_box_image.rb), or what is wrong. */
export function libvirtDisks(metadata: Record<string, unknown>): string[] | { fault: string } {
  const { disks, format } = metadata;
  if (format !== undefined && format !== "qcow2") return { fault: "its metadata.json names a format other than qcow2" };
  if (disks === undefined) return ["box.img"];
  if (!Array.isArray(disks) || disks.length === 0) return { fault: "its metadata.json holds an empty list of disks" };
  const names = disks.map((disk: unknown) => (disk as { path?: unknown } | null)?.path);
  return names.every((name): name is string => typeof name === "string" && /^[^/\\]+$/.test(name) && name !== "..")
    ? names
    : { fault: "its metadata.json names a disk that is not in the box's folder" };
}
