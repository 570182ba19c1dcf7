/**
 * The steps of provision/ as the one file in which a hand-out holds them: provision/guest.tar.gz, a gzipped tar (POSIX
 * ustar). Apart they are half of the zip's files and a third of its size. What the workbench says, provision/workbench/,
 * stays as it is: programs and people look it up there. vagrant/notebox.rb (provisioning.rb) brings both into the VM.
 * Pure; the same files give the same bytes everywhere, which is why fflate packs here, too.
 */
import { gzipSync } from "fflate";
import { byPath, file, type PlannedFile } from "./planned-file.ts";

export const GUEST_TAR = "provision/guest.tar.gz";
const ROOM = "provision/";
const APART = "provision/workbench/";
const BLOCK = 512;

/** The bundle as a hand-out holds it, sorted by path. */
export function packGuest(planned: readonly PlannedFile[]): PlannedFile[] {
  const isPacked = ({ path }: PlannedFile): boolean => path.startsWith(ROOM) && !path.startsWith(APART);
  const members = planned.filter(isPacked).sort(byPath);
  const tar = Buffer.concat([...members.flatMap(member), Buffer.alloc(2 * BLOCK)]);
  const packed = file(GUEST_TAR, Buffer.from(gzipSync(tar, { level: 9, mtime: 0 })));
  return [...planned.filter((each) => !isPacked(each)), packed].sort(byPath);
}

function member({ path, content, executable }: PlannedFile): Buffer[] {
  const rest = (BLOCK - (content.length % BLOCK)) % BLOCK;
  return [header(path.slice(ROOM.length), content.length, executable ? 0o755 : 0o644), content, Buffer.alloc(rest)];
}

/** Fields and their places: POSIX.1-2017, pax, "ustar Interchange Format". Owner and time are always the same. */
function header(name: string, size: number, mode: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new Error(`provision/${name}: a tar's header has no room for this name`);
  const block = Buffer.alloc(BLOCK);
  const number = (value: number, at: number, length: number): void => {
    block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  };
  block.write(name, 0, "utf8");
  number(mode, 100, 8);
  number(0, 108, 8);
  number(0, 116, 8);
  number(size, 124, 12);
  number(0, 136, 12);
  block.write("        ", 148, "latin1"); // the checksum counts its own place as blanks
  block.write("0", 156, "latin1"); // a file
  block.write("ustar\x0000", 257, "latin1");
  number(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return block;
}
