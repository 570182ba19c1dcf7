/**
 * The counted trial of `box build --from-vm`, under each provider that can pack a VM: a verified VM becomes a box, the
 * box is published, and a folder that knows nothing of the first VM starts from it, verified. Nothing of the first VM
 * may be in the box, not even as bytes of files that were deleted; and the first VM must work again afterwards.
 */
import fs from "node:fs";
import path from "node:path";
import { parseDocument } from "yaml";
import { inGuest } from "./guest.ts";
import { type Lab, mustNotebox, up } from "./lab.ts";
import { program } from "./places.ts";
import { must, run } from "./programs.ts";
import { readTokens } from "./secrets.ts";
import { apiAnswers, verified } from "./steps.ts";
import { expect } from "./trials.ts";

const NAME = "lab/packed";

/** What a VM has for itself: what it is → a text that must be nowhere in the box. */
type Own = Record<string, string>;

const MARK = "notebox-trial-mark-in-the-log";

async function ownOf(lab: Lab): Promise<Own> {
  const lines = await inGuest(
    lab.workbench,
    `cat /etc/machine-id
# The first lines of such a file are the same in all of them.
for key in /etc/ssh/ssh_host_*_key; do sed -n 4p "$key"; done
cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub`,
  );
  const [machineId = "", ...keys] = lines.split("\n");
  const tokens = await readTokens(lab);
  return {
    "the machine-id": machineId,
    ...Object.fromEntries(keys.map((key, index) => [`host key ${index + 1}`, key])),
    ...Object.fromEntries(Object.entries(tokens).map(([name, token]) => [`the token of ${name}`, token])),
  };
}

/** The lab has a share and a workbench that is not up yet. */
export async function boxFromVm(lab: Lab): Promise<string> {
  await up(lab);
  const own = await ownOf(lab);
  for (const [what, text] of Object.entries(own)) expect(text.length >= 20, `${what} is ${JSON.stringify(text)}`);
  // Split, so that the mark is in the log and not in the shell's own traces of this line.
  await inGuest(
    lab.workbench,
    `mark=${MARK.slice(0, 12)}; logger "\${mark}${MARK.slice(12)}"; journalctl --sync; sync`,
  );

  // It checks the VM itself before it packs it, as `up` does at its end.
  const out = path.join(lab.folder, "packed");
  const { files } = (await mustNotebox(lab, ["box", "build", "--from-vm", "--out", out])) as {
    files: { file: string }[];
  };
  const box = files[0]?.file ?? "";
  const named = ["--share", path.join(lab.folder, "share"), "--name", NAME, "--version", lab.boxes.version];
  await must(process.execPath, [program, "box", "publish", box, ...named, "--arch", "amd64"], { seconds: 300 });
  // The machine-id is no secret, and the name of a deleted folder (/var/log/journal/ID) may keep its letters: that the
  // second VM has another one shows that it was forgotten.
  const { "the machine-id": _, ...secrets } = own;
  const searched = await holdsNothingOf(lab, box, { ...secrets, "a line of the log": MARK });
  fs.rmSync(box);
  console.log(`     packed, published and searched: ${searched}`);

  const fresh: Lab = { ...lab, workbench: path.join(lab.folder, "fresh") };
  layFresh(lab, fresh);
  let second: Own;
  try {
    await up(fresh);
    await verified(fresh);
    await apiAnswers(fresh);
    second = await ownOf(fresh);
    for (const [what, text] of Object.entries(second)) expect(own[what] !== text, `${what} is that of the first VM`);
    const log = await inGuest(fresh.workbench, `journalctl --no-pager -o cat | grep -c ${MARK} || true`);
    expect(log === "0", "the log of the first VM goes on in the second");
  } finally {
    await run("vagrant", ["destroy", "-f"], { cwd: fresh.workbench, env: lab.env, seconds: 180 });
  }

  console.log("     a fresh folder started from it");
  await up(lab);
  await apiAnswers(lab);
  return `${searched}; a fresh folder started from it, verified; the first VM works again, with new tokens`;
}

/** The workbench as its author would hand it out, with the new box. */
function layFresh(lab: Lab, fresh: Lab): void {
  fs.mkdirSync(fresh.workbench);
  for (const name of ["workbench.yaml", "notebooks", "api"])
    fs.cpSync(path.join(lab.workbench, name), path.join(fresh.workbench, name), { recursive: true });
  const file = path.join(fresh.workbench, "workbench.yaml");
  const document = parseDocument(fs.readFileSync(file, "utf8"));
  document.setIn(["box", "name"], NAME);
  fs.writeFileSync(file, String(document));
}

/** Every byte of the disk, deleted files and all, and every other file of the box. */
async function holdsNothingOf(lab: Lab, box: string, own: Own): Promise<string> {
  const work = path.join(lab.folder, "unpacked");
  fs.mkdirSync(work);
  try {
    await must("tar", ["-xf", box, "-C", work], { seconds: 300 });
    const disk = fs.readdirSync(work).find((name) => /\.vmdk$|^box\.img$/.test(name)) ?? "";
    expect(disk !== "", `${box} holds no disk`);
    const raw = path.join(work, "disk.raw");
    await must("qemu-img", ["convert", "-O", "raw", path.join(work, disk), raw], { seconds: 600 });
    fs.rmSync(path.join(work, disk));
    expect(fs.existsSync(path.join(work, "vagrant_private_key")) === false, "the box holds a private key");
    const { seen, bytes } = await searchDisk(raw, Object.values({ ...own, known: KNOWN }));
    // A search that finds nothing at all would prove nothing.
    expect(seen.has(KNOWN), "the disk cannot be searched");
    fs.rmSync(raw);
    const rest = fs.readdirSync(work).map((name) => fs.readFileSync(path.join(work, name), "latin1"));
    const found = Object.entries(own).filter(
      ([, text]) => seen.has(text) || rest.some((other) => other.includes(text)),
    );
    expect(found.length === 0, `the box holds ${found.map(([what]) => what).join(", ")}`);
    return `${Object.keys(own).length} things of the first VM are nowhere in ${Math.round(bytes / 1e6)} MB of the box`;
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** This stands in every Debian. */
const KNOWN = "PRETTY_NAME=";
const PIECE = 4 * 1024 * 1024;

/** Which of the texts are anywhere on a raw disk; its holes are passed over. */
async function searchDisk(raw: string, texts: readonly string[]): Promise<{ seen: Set<string>; bytes: number }> {
  const map = JSON.parse(await must("qemu-img", ["map", "--output=json", "-f", "raw", raw])) as {
    start: number;
    length: number;
    data: boolean;
  }[];
  const overlap = Math.max(...texts.map(({ length }) => length));
  const seen = new Set<string>();
  const piece = Buffer.alloc(PIECE + overlap);
  let bytes = 0;
  const file = fs.openSync(raw, "r");
  try {
    for (const { start, length, data } of map) {
      for (let at = data ? 0 : length; at < length; at += PIECE) {
        const read = fs.readSync(file, piece, 0, Math.min(PIECE + overlap, length - at), start + at);
        for (const text of texts) if (piece.subarray(0, read).includes(text)) seen.add(text);
      }
      if (data) bytes += length;
    }
  } finally {
    fs.closeSync(file);
  }
  return { seen, bytes };
}
