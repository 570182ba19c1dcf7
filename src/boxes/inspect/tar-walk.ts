/**
 * Walks through a tar archive as its bytes go by: each member's header, and its content to whoever wants it. Made
 * because boxes hold sparse files (`tar -S`, bsdtar), which the tar package cannot read, and because a disk image is
 * passed over here by counting. Formats: POSIX ustar and pax, GNU and old (the manual of GNU tar, "Standard"; tar(5)).
 * What a member may be called, and whether it belongs into a box, is inspect.ts's.
 */

export interface TarMember {
  name: string;
  /** The header's letter: "0" file, "5" folder, "S" sparse file, "1" to "4" and "6" links, devices and pipes. */
  type: string;
  /** Bytes in the archive. */
  stored: number;
  /** Bytes of the unpacked file; more than `stored` when it is sparse. */
  size: number;
  /** Rights, as of chmod. */
  mode: number;
  /** Its content begins with a list of where its data belong (pax sparse format 1.0). */
  hasMap: boolean;
}

/** Told of each member; gives back who wants its content, piece by piece, if anybody does. */
export type OnMember = (member: TarMember) => ((piece: Buffer) => void) | undefined;

export interface TarWalk {
  /** Throws TarFault. */
  push(bytes: Buffer): void;
  /** Throws TarFault when the archive is not whole. */
  end(): void;
}

export class TarFault extends Error {}

const BLOCK = 512;
/** Of long names and pax headers: they are held in memory. */
const NOTE_LIMIT = 1024 * 1024;
/** Zeros after the end: tar programs fill up to a block of theirs, some to a tape's. */
const PADDING_LIMIT = 64 * 1024 * 1024;
const PLAIN = new Set(["0", "5", "S", "7"]);

export function walkTar(onMember: OnMember): TarWalk {
  let block: Buffer = Buffer.alloc(0);
  let zeros = 0;
  let padding = 0;
  let ended = false;
  /** Bytes of content, then of filling, still to come. */
  let content = 0;
  let filling = 0;
  let sink: ((piece: Buffer) => void) | undefined;
  let done: (() => void) | undefined;
  let moreSparse: (() => void) | undefined;
  let longName: string | undefined;
  let pax = new Map<string, string>();

  const note = (size: number, use: (text: Buffer) => void): void => {
    if (size > NOTE_LIMIT) throw new TarFault("a header in it is longer than any");
    const parts: Buffer[] = [];
    sink = (piece) => void parts.push(Buffer.from(piece));
    done = () => use(Buffer.concat(parts));
    content = size;
    filling = fill(size);
    if (size === 0) finishContent();
  };
  const finishContent = (): void => {
    const use = done;
    sink = undefined;
    done = undefined;
    use?.();
  };
  const begin = (member: TarMember): void => {
    longName = undefined;
    pax = new Map();
    sink = onMember(member);
    content = member.stored;
    filling = fill(content);
    if (content === 0) finishContent();
  };
  const notes: Readonly<Record<string, (text: Buffer) => void>> = {
    L: (text) => {
      longName = zeroEnded(text);
    },
    K: () => {},
    x: (text) => {
      pax = readPax(text);
    },
    g: (text) => {
      // Of every member that follows; nobody writes that, and here they would be read without it.
      for (const key of readPax(text).keys())
        if (/^(?:path|linkpath|size|GNU\.sparse\..*)$/.test(key))
          throw new TarFault(`a header in it sets the ${key} of all`);
    },
  };
  const header = (head: Buffer): void => {
    checkSum(head);
    const type = head[156] === 0 ? "0" : String.fromCharCode(head[156] ?? 0);
    const size = number(head, 124, 12);
    const use = notes[type];
    if (use) {
      note(size, use);
      return;
    }
    const name = pax.get("GNU.sparse.name") ?? pax.get("path") ?? longName ?? ownName(head);
    const stored = pax.has("size") ? decimal(pax.get("size")) : PLAIN.has(type) || size > 0 ? size : 0;
    const real = pax.get("GNU.sparse.realsize") ?? pax.get("GNU.sparse.size");
    const member: TarMember = {
      name,
      type: type === "0" && name.endsWith("/") ? "5" : type,
      stored,
      mode: number(head, 100, 8) & 0o777,
      size: type === "S" ? number(head, 483, 12) : real === undefined ? stored : decimal(real),
      hasMap: pax.get("GNU.sparse.major") === "1",
    };
    if (type === "S" && head[482] !== 0) moreSparse = () => begin(member);
    else begin(member);
  };
  const take = (whole: Buffer): void => {
    if (moreSparse) {
      // A further list of where the data belong; its last byte but seven says whether yet another follows.
      const go = moreSparse;
      if (whole[504] === 0) {
        moreSparse = undefined;
        go();
      }
      return;
    }
    if (isZero(whole)) {
      zeros++;
      if (zeros === 2) ended = true;
      return;
    }
    if (zeros > 0) throw new TarFault("something follows its end");
    header(whole);
  };

  return {
    push(bytes) {
      for (let at = 0; at < bytes.length; ) {
        if (content > 0) {
          const piece = bytes.subarray(at, at + content);
          sink?.(piece);
          content -= piece.length;
          at += piece.length;
          if (content === 0) finishContent();
        } else if (filling > 0) {
          const count = Math.min(filling, bytes.length - at);
          filling -= count;
          at += count;
        } else if (ended) {
          padding += bytes.length - at;
          if (padding > PADDING_LIMIT || !isZero(bytes.subarray(at))) throw new TarFault("something follows its end");
          return;
        } else {
          const piece = bytes.subarray(at, at + BLOCK - block.length);
          at += piece.length;
          block = block.length === 0 && piece.length === BLOCK ? piece : Buffer.concat([block, piece]);
          if (block.length < BLOCK) continue;
          const whole = block;
          block = Buffer.alloc(0);
          take(whole);
        }
      }
    },
    end() {
      if (content > 0 || filling > 0 || moreSparse || block.length > 0 || zeros === 0)
        throw new TarFault("it ends before its end");
    },
  };
}

function fill(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

const ZEROS = Buffer.alloc(64 * 1024);

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const piece = bytes.subarray(at, at + ZEROS.length);
    if (!piece.equals(ZEROS.subarray(0, piece.length))) return false;
  }
  return true;
}

function checkSum(head: Buffer): void {
  let unsigned = 0;
  let signed = 0;
  for (let at = 0; at < BLOCK; at++) {
    const byte = at >= 148 && at < 156 ? 32 : (head[at] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const said = number(head, 148, 8);
  // Some old programs added up signed bytes.
  if (said !== unsigned && said !== signed) throw new TarFault("a header in it is damaged, or it is no tar archive");
}

/** Octal digits, or GNU's binary for what those cannot hold. */
function number(head: Buffer, at: number, length: number): number {
  if (((head[at] ?? 0) & 0x80) !== 0) {
    let value = BigInt((head[at] ?? 0) & 0x7f);
    for (let index = at + 1; index < at + length; index++) value = (value << 8n) | BigInt(head[index] ?? 0);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new TarFault("a header in it holds an impossible number");
    return Number(value);
  }
  const text = zeroEnded(head.subarray(at, at + length)).trim();
  if (text === "") return 0;
  if (!/^[0-7]+$/.test(text)) throw new TarFault("a header in it is damaged, or it is no tar archive");
  return Number.parseInt(text, 8);
}

function decimal(text: string | undefined): number {
  if (text === undefined || !/^\d{1,15}$/.test(text)) throw new TarFault("a header in it holds an impossible number");
  return Number(text);
}

function ownName(head: Buffer): string {
  const name = zeroEnded(head.subarray(0, 100));
  const prefix = head.toString("latin1", 257, 263) === "ustar\0" ? zeroEnded(head.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function zeroEnded(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

/** "27 path=some/name\n" and so on; the number counts itself. */
function readPax(bytes: Buffer): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const space = bytes.indexOf(32, at);
    const length = decimal(space < 0 ? undefined : bytes.toString("latin1", at, space));
    const equals = bytes.indexOf(61, space);
    if (length === 0 || at + length > bytes.length || equals < 0 || equals >= at + length)
      throw new TarFault("a header in it is damaged");
    found.set(bytes.toString("utf8", space + 1, equals), bytes.toString("utf8", equals + 1, at + length - 1));
    at += length;
  }
  return found;
}
