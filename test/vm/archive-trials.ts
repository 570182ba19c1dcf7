/**
 * Counted trials of `box archive`: killed, cut off, upstream swapped, the disk full, two at once beside readers. After
 * each the same question: does a catalog name a box that is missing, short or wrong? They need no VM. `npm run
 * test:soak` runs all of each, `npm test` a few.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { isLeftover } from "../../src/boxes/layout.ts";
import { box } from "../unit/box-bytes.ts";
import { mutateCatalogs } from "../unit/catalog-mutations.ts";
import { listed } from "../wire/fakes/archiver.ts";
import { openUpstream, type Upstream } from "../wire/fakes/upstream.ts";
import { checkout } from "./places.ts";
import { expect } from "./trials.ts";

const program = path.join(checkout, "dist/notebox.cjs");
const MIB = 1024 * 1024;
/** What a resume may fetch again, and what may have been under way in sockets when the connection broke. */
const AGAIN = 8 * MIB;

export const archiveTrials = [
  { name: "archive: killed", body: () => killed(200) },
  { name: "archive: cut off at random bytes", body: () => cutOff(200) },
  { name: "archive: upstream swapped half-way", body: () => swapped(100) },
  { name: "archive: the disk full", body: () => diskFull(20) },
  { name: "archive: two at once beside readers", body: () => twoAtOnce(20, 20) },
  { name: "archive: hostile catalogs", body: async () => mutateCatalogs(10_000) },
];

interface Run {
  child: ChildProcess;
  done: Promise<{ code: number | null; said: string }>;
}

interface Place {
  folder: string;
  share: string;
  upstream: Upstream;
  archive(...more: string[]): Run;
}

async function withPlace<T>(work: (place: Place) => Promise<T>): Promise<T> {
  // In memory where that is possible: a kill is no power cut, and a disk that others keep busy makes syncing very slow.
  const place = fs.existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir();
  const folder = fs.mkdtempSync(path.join(place, "notebox-archiving-"));
  const share = path.join(folder, "share");
  fs.mkdirSync(share);
  const upstream = await openUpstream();
  const env = { ...process.env, HOME: folder, VAGRANT_SERVER_URL: upstream.url };
  const archive = (...more: string[]): Run => {
    const args = [program, "--json", "box", "archive", "lab/tiny", "--all-versions", "--share", share, ...more];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (said += text));
    const done = new Promise<{ code: number | null; said: string }>((resolve) =>
      child.once("close", (code) => resolve({ code, said })),
    );
    return { child, done };
  };
  try {
    return await work({ folder, share, upstream, archive });
  } finally {
    await upstream.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

const offer = (version: string, mib: number) => ({
  version,
  provider: "virtualbox",
  arch: "amd64",
  bytes: box("virtualbox", { arch: "amd64", filling: randomBytes(mib * MIB) }),
});
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function filesOf(share: string): string[] {
  return (fs.readdirSync(share, { recursive: true, withFileTypes: true }) as fs.Dirent[])
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}

/** What is in a share beside boxes, records, catalogs and settings must be something that `prune` finds. */
function nothingUnknown(share: string): void {
  const unknown = filesOf(share).filter(
    (name) => !isLeftover(name) && !/\.(box|json)$/.test(name) && !name.startsWith("notebox-share."),
  );
  expect(unknown.length === 0, `${unknown.join(", ")}: no prune would find that`);
}

function nothingLeft(share: string): void {
  const left = filesOf(share).filter((name) => isLeftover(name) || name.includes("lock"));
  expect(left.length === 0, `a successful run left ${left.join(", ")}`);
}

/** Killed at random moments, again and again, until one run is let through; then from the start. */
export async function killed(count: number, mib = 12): Promise<string> {
  let kills = 0;
  let again = 0;
  while (kills < count)
    await withPlace(async ({ share, upstream, archive }) => {
      const boxes = [offer("1.0.0", mib), offer("1.1.0", mib)];
      upstream.offer(...boxes);
      upstream.mood.pace = 4;
      const whole = boxes.reduce((sum, { bytes }) => sum + bytes.length, 0);
      const before = kills;
      for (let ended = false; kills < count && kills - before < 10 && !ended; ) {
        const run = archive();
        run.done.then(() => (ended = true));
        await sleep(150 + Math.random() * 900);
        if (ended) break;
        run.child.kill("SIGKILL");
        await run.done;
        ended = false;
        kills++;
        await listed(share);
        nothingUnknown(share);
      }
      upstream.mood.pace = 0;
      const { code, said } = await archive().done;
      expect(code === 0, `the run after ${kills - before} kills ended with ${code}: ${said}`);
      const found = await listed(share);
      expect(found.length === 2, `${found.length} boxes are listed, not 2`);
      nothingLeft(share);
      // What was in the sockets at each kill was sent, but never received.
      again = Math.max(again, (upstream.sent() - whole) / Math.max(1, kills - before));
    });
  expect(again <= AGAIN, `a resume fetched ${(again / MIB).toFixed(1)} MiB again`);
  return `${kills} kills; at most ${(again / MIB).toFixed(1)} MiB were sent again after one, on average of its round`;
}

/** Each connection ends after some random bytes. */
export async function cutOff(count: number, mib = 24): Promise<string> {
  let cuts = 0;
  let most = 0;
  while (cuts < count)
    await withPlace(async ({ share, upstream, archive }) => {
      const one = offer("1.0.0", mib);
      upstream.offer(one);
      const timer = setInterval(() => (upstream.mood.cutAfter = Math.ceil((1.2 + (Math.random() * mib) / 3) * MIB)), 5);
      upstream.mood.cutAfter = (mib * MIB) / 3;
      const { code, said } = await archive().done.finally(() => clearInterval(timer));
      const asked = upstream.asked.filter(({ path: name }) => name.endsWith(".box"));
      const here = asked.length - 1;
      cuts += here;
      expect(here > 0, "the connection was never cut");
      expect(code === 0, `after ${here} cuts it ended with ${code}: ${said}`);
      expect((await listed(share)).length === 1, "the box is not listed");
      nothingLeft(share);
      most = Math.max(most, (upstream.sent() - one.bytes.length) / here);
    });
  expect(most <= AGAIN, `after a cut ${(most / MIB).toFixed(1)} MiB were fetched again`);
  return `${cuts} cuts; at most ${(most / MIB).toFixed(1)} MiB were sent again after one, on average of its run`;
}

/** Another box stands under the same address when the connection is taken up again; with and without checksums. */
export async function swapped(count: number): Promise<string> {
  const outcomes = { old: 0, new: 0, refused: 0 };
  for (let turn = 0; turn < count; turn++)
    await withPlace(async ({ share, upstream, archive }) => {
      const [first, second] = [offer("1.0.0", 6), offer("1.0.0", 6)];
      const checksum = turn % 2 === 0 ? { checksum: null } : {};
      upstream.offer({ ...first, ...checksum });
      upstream.mood = { cutAfter: Math.ceil((1.1 + Math.random() * 4.5) * MIB), noEtag: turn % 4 > 1 };
      const timer = setInterval(() => {
        if (upstream.sent() === 0) return;
        clearInterval(timer);
        upstream.offer({ ...second, ...checksum });
        setTimeout(() => (upstream.mood.cutAfter = 100 * MIB), Math.random() * 300);
      }, 1);
      const { code, said } = await archive().done.finally(() => clearInterval(timer));
      const [found] = await listed(share);
      // With the old catalog's checksum only the old box is right.
      expect(code === 0 || (code === 6 && found === undefined), `it ended with ${code}: ${said}`);
      outcomes[code === 6 ? "refused" : found?.record.sha256 === hash(first.bytes) ? "old" : "new"]++;
      if (found)
        expect(
          [first, second].some(({ bytes }) => hash(bytes) === found.record.sha256),
          "a mixture is listed",
        );
    });
  return `${count} swaps: ${outcomes.old} times the old box, ${outcomes.new} times the new one, ${outcomes.refused} times refused`;
}

const hash = (bytes: Buffer): string =>
  execFileSync("sha256sum", { input: bytes, maxBuffer: 1e9 }).toString().slice(0, 64);

/** A file system of a few MiB: too small to begin with, then full half-way, then large enough. */
export async function diskFull(count: number): Promise<string> {
  let stops = 0;
  for (let turn = 0; turn < count; turn++)
    await withPlace(async ({ folder, share, upstream, archive }) => {
      const unmount = mountSmallDisk(path.join(folder, "disk"), share);
      try {
        upstream.offer(offer("1.0.0", 6));
        // Without its length the size of a box is not known before its last byte.
        upstream.mood = { noLength: turn % 2 === 0, pace: 3 };
        const filler = path.join(share, "filler");
        const run = archive();
        const fill = Math.ceil((4.5 + Math.random() * 4) * MIB);
        if (turn % 3 > 0) await sleep(300);
        fs.writeFileSync(filler, Buffer.alloc(fill));
        const { code, said } = await run.done;
        expect(code === 11 || code === 0, `on a full disk it ended with ${code}: ${said}`);
        if (code === 11) {
          stops++;
          // Whoever is told to tidy up must be able to, on the disk that is full.
          const prune = spawnSync(process.execPath, [program, "box", "prune", "--share", share], { encoding: "utf8" });
          expect(prune.status === 0, `on the full disk prune ended with ${prune.status}: ${prune.stderr}`);
        }
        await listed(share);
        fs.rmSync(filler);
        upstream.mood = {};
        const next = await archive().done;
        expect(next.code === 0, `with room again it ended with ${next.code}: ${next.said}`);
        expect((await listed(share)).length === 1, "the box is not listed");
        nothingLeft(share);
      } finally {
        unmount();
      }
    });
  return `${count} times, ${stops} of them the disk was full; each went on with room`;
}

/** A loop device with a file system of its own, as a small disk has; gives back what takes it away again. */
function mountSmallDisk(image: string, at: string): () => void {
  fs.writeFileSync(image, "");
  fs.truncateSync(image, 12 * MIB);
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-m", "0", "-O", "^has_journal", image]);
  execFileSync("mount", ["-o", "loop", image, at]);
  fs.rmSync(path.join(at, "lost+found"), { recursive: true });
  return () => execFileSync("umount", [at]);
}

/** Two archivers of the same boxes, and readers that follow the catalogs all the time. */
export async function twoAtOnce(count: number, readers: number): Promise<string> {
  let reads = 0;
  for (let turn = 0; turn < count; turn++)
    await withPlace(async ({ share, upstream, archive }) => {
      const boxes = ["1.0.0", "1.1.0", "1.2.0"].map((version) => offer(version, 4));
      upstream.offer(...boxes);
      upstream.mood.pace = 2;
      let over = false;
      const read = async (): Promise<void> => {
        while (!over) {
          await listed(share);
          reads++;
          await sleep(Math.random() * 200);
        }
      };
      const reading = Array.from({ length: readers }, read);
      const outcomes = await Promise.all([archive().done, archive().done]);
      over = true;
      await Promise.all(reading);
      for (const { code, said } of outcomes) expect(code === 0, `one of the two ended with ${code}: ${said}`);
      expect((await listed(share)).length === 3, "not all boxes are listed");
      nothingLeft(share);
      const whole = boxes.reduce((sum, { bytes }) => sum + bytes.length, 0);
      expect(upstream.sent() === whole, "a box was fetched twice");
    });
  return `${count} times, ${reads} reads of whole shares; no box was fetched twice`;
}
