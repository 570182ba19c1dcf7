/**
 * The headers of a backup's archive, which any tar program reads: plain files with short names, nothing else (POSIX
 * ustar; sizes above 8 GiB in GNU's binary form). What lies in the tars inside is walked by boxes/inspect/tar-walk.ts.
 */

export const BLOCK = 512;
const OCTAL_LIMIT = 8 ** 11;

export interface Header {
  name: string;
  size: number;
}

/** `seconds` since 1970. */
export function encodeHeader({ name, size }: Header, seconds: number): Buffer {
  const head = Buffer.alloc(BLOCK);
  head.write(name, 0, 100, "latin1");
  head.write("0000600\0", 100);
  for (const at of [108, 116]) head.write("0000000\0", at);
  if (size < OCTAL_LIMIT) head.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  else {
    head[124] = 0x80;
    head.writeBigUInt64BE(BigInt(size), 128);
  }
  head.write(`${Math.floor(seconds).toString(8).padStart(11, "0")}\0`, 136);
  head.write("0", 156);
  head.write("ustar\x0000", 257, "latin1");
  head.write(`${sum(head).toString(8).padStart(6, "0")}\0 `, 148);
  return head;
}

/** undefined for what encodeHeader does not write; "end" for a block of zeros. */
export function decodeHeader(head: Buffer): Header | "end" | undefined {
  if (head.every((byte) => byte === 0)) return "end";
  const octal = (at: number, length: number): number =>
    Number.parseInt(/^[0-7]+/.exec(head.toString("latin1", at, at + length))?.[0] ?? "", 8);
  if (head.toString("latin1", 257, 262) !== "ustar" || head[156] !== 0x30 || octal(148, 8) !== sum(head))
    return undefined;
  const size = head[124] === 0x80 ? Number(head.readBigUInt64BE(128)) : octal(124, 12);
  const name = head.toString("latin1", 0, Math.max(head.indexOf(0), 0));
  return Number.isSafeInteger(size) && name !== "" ? { name, size } : undefined;
}

export function filling(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function sum(head: Buffer): number {
  let all = 0;
  for (let at = 0; at < BLOCK; at++) all += at >= 148 && at < 156 ? 32 : (head[at] ?? 0);
  return all;
}
