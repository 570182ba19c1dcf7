/** Boxes made by hand, byte by byte: sound small ones, and what no tar program would write. */

/** The first bytes of a qcow2 image (version 2, without a backing file). */
export const QCOW2 = Buffer.concat([Buffer.from("QFI\xfb\0\0\0\x02", "latin1"), Buffer.alloc(504)]);
/** The first bytes of a streamOptimized VMDK. */
export const VMDK = Buffer.concat([Buffer.from("KDMV\x03\0\0\0", "latin1"), Buffer.alloc(504)]);

export interface Member {
  name: string;
  body?: string | Buffer;
  /** tar's type: 0 file, 1 hard link, 2 link, 3 and 4 devices, 5 folder, 6 pipe. */
  type?: string;
  link?: string;
  /** What the header says, where that is not what follows. */
  size?: number;
}

/** One member, header and all (POSIX ustar). */
export function member({ name, body = "", type = "0", link = "", size }: Member): Buffer {
  const content = Buffer.from(body as string);
  const header = Buffer.alloc(512);
  header.write(name, 0, 100, "utf8");
  header.write("0000644\x000000000\x000000000\0", 100, "latin1");
  const length = size ?? content.length;
  if (length < 8 ** 11) header.write(`${length.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  else {
    header[124] = 0x80;
    header.writeBigUInt64BE(BigInt(length), 128);
  }
  header.write("00000000000\0", 136, "latin1");
  header.write("        ", 148, "latin1");
  header.write(type, 156, "latin1");
  header.write(link, 157, 100, "utf8");
  header.write("ustar\x0000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

export const archive = (...members: Member[]): Buffer => Buffer.concat([...members.map(member), Buffer.alloc(1024)]);

/** A sound box: its disk holds `filling` behind its first bytes. */
export function box(provider: string, options: { arch?: string; filling?: Buffer } = {}): Buffer {
  const { arch, filling = Buffer.alloc(0) } = options;
  const metadata = { provider, ...(arch === undefined ? {} : { architecture: arch }) };
  const disk =
    provider === "libvirt"
      ? [{ name: "box.img", body: Buffer.concat([QCOW2, filling]) }]
      : [
          { name: "box.ovf", body: '<Envelope><References><File ovf:href="disk.vmdk"/></References></Envelope>' },
          { name: "disk.vmdk", body: Buffer.concat([VMDK, filling]) },
        ];
  return archive({ name: "metadata.json", body: JSON.stringify(metadata) }, ...disk);
}
