/**
 * What a box is, by the parts that were collected while it was read: which provider its metadata names, and whether it
 * holds what that provider takes. Collecting them is inspect.ts's. Pure.
 */
import { HEAD, libvirtDisks, qcow2Fault, vmdkFault } from "./disks.ts";
import { shortened } from "./member-names.ts";
import { readOvf } from "./ovf.ts";

export interface BoxFacts {
  provider: string;
  /** As metadata.json says, if it does. */
  architecture?: string;
  files: string[];
  /** How the tar archive is packed, if it is. */
  packed?: "gzip";
  /** Bytes of the tar archive without its packing. */
  tarSize: number;
  /** Bytes of all files, unpacked. */
  unpacked: number;
}

/** What has been seen of a box so far; whoever finds a fault adds it. */
export interface Found {
  faults: string[];
  files: string[];
  seen: Set<string>;
  /** Those among them that are folders, and folders that members lie in, in the same letters. */
  folders: Set<string>;
  /** Of each file, the first bytes. */
  heads: Map<string, { parts: Buffer[]; length: number; limit: number; hasMap: boolean }>;
  texts: Map<string, Buffer[]>;
  unpacked: number;
  tarSize: number;
}

/** Undefined, and the reasons among the faults, when it is no sound box. */
export function readFacts(found: Found): BoxFacts | undefined {
  const { faults, files } = found;
  const parts = found.texts.get("metadata.json");
  if (!parts) {
    faults.push("it holds no metadata.json");
    return undefined;
  }
  let metadata: unknown;
  try {
    metadata = JSON.parse(
      Buffer.concat(parts)
        .toString("utf8")
        .replace(/^\uFEFF/, ""),
    );
  } catch {
    faults.push("its metadata.json is not JSON");
    return undefined;
  }
  const data = (metadata ?? {}) as Record<string, unknown>;
  const { provider, architecture } = data;
  if (typeof provider !== "string" || !/^[a-z][a-z0-9_-]*$/i.test(provider)) {
    faults.push("its metadata.json names no provider");
    return undefined;
  }
  if (provider === "virtualbox") faults.push(...virtualboxFaults(found));
  if (provider === "libvirt") faults.push(...libvirtFaults(found, data));
  if (faults.length > 0) return undefined;
  const arch = typeof architecture === "string" && architecture !== "" ? { architecture } : {};
  return { provider, files, tarSize: found.tarSize, unpacked: found.unpacked, ...arch };
}

function virtualboxFaults(found: Found): string[] {
  const text = found.texts.get("box.ovf");
  if (!text) return ["it is for virtualbox but holds no box.ovf"];
  const named = readOvf(Buffer.concat(text).toString("utf8"));
  if ("fault" in named) return [`its box.ovf ${named.fault}`];
  return named.flatMap(({ href }) => {
    const title = JSON.stringify(shortened(href));
    if (!/^[^/\\:]+$/.test(href)) return [`its box.ovf names ${title}, which is not in the box's folder`];
    if (!found.files.includes(href)) return [`its box.ovf names ${title}, which is not in it`];
    const fault = /\.vmdk$/i.test(href) ? diskFault(found, href, vmdkFault) : undefined;
    return fault ? [`its disk ${title} ${fault}`] : [];
  });
}

function libvirtFaults(found: Found, metadata: Record<string, unknown>): string[] {
  const disks = libvirtDisks(metadata);
  if ("fault" in disks) return [disks.fault];
  return disks.flatMap((name) => {
    const title = JSON.stringify(shortened(name));
    if (!found.files.includes(name)) return [`it is for libvirt but holds no ${title}`];
    const fault = diskFault(found, name, qcow2Fault);
    return fault ? [`its disk ${title} ${fault}`] : [];
  });
}

function diskFault(found: Found, name: string, check: (head: Buffer) => string | undefined): string | undefined {
  const head = found.heads.get(name);
  const bytes = Buffer.concat(head?.parts ?? []);
  if (!head?.hasMap) return check(bytes);
  const start = afterMap(bytes);
  // A list that is longer than what was kept: then the first bytes are not known.
  return start === undefined ? undefined : check(bytes.subarray(start, start + HEAD));
}

/** Where the data begin in a sparse file of pax format 1.0: after a list of decimal numbers, one a line. */
function afterMap(bytes: Buffer): number | undefined {
  const lines = bytes.toString("latin1").split("\n");
  const count = Number(lines[0]);
  if (!Number.isSafeInteger(count) || lines.length < 2 * count + 2) return undefined;
  const length = lines.slice(0, 2 * count + 1).reduce((sum, line) => sum + line.length + 1, 0);
  return Math.ceil(length / 512) * 512;
}
