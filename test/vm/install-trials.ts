/**
 * Counted trials of getting a box onto a computer, killed at random moments: Vagrant's own `box add` against
 * `box serve`, and `box install`. `npm run test:soak` runs them in full, `npm test` a few of each; no VM is needed.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { catalogAddress } from "../../src/boxes/doors.ts";
import { asVagrant, type BoxLab, installed, NAME, type Outcome, openBoxLab, vagrants } from "../vagrant/box-lab.ts";
import { program } from "./places.ts";
import { expect } from "./trials.ts";

export const installTrials: { name: string; body: () => Promise<string> }[] = vagrants.flatMap((vagrant) => [
  { name: `${vagrant}: box add against box serve, killed 50 times`, body: () => addKilled(vagrant, 50) },
  { name: `${vagrant}: box install, killed 200 times`, body: () => installKilled(vagrant, 200) },
  { name: `${vagrant}: box install of 4 GB, memory and disk`, body: () => installLean(vagrant, 4e9) },
]);

async function withLab(bytes: number, work: (lab: BoxLab) => Promise<string>): Promise<string> {
  const lab = openBoxLab();
  try {
    await lab.publish({ version: "1.0.0", bytes });
    return await work(lab);
  } finally {
    await lab.close();
  }
}

/** `kill -9` of the whole process group after so many milliseconds, unless it has ended before. */
async function killedAfter({ child, done }: ReturnType<BoxLab["start"]>, ms: number): Promise<Outcome> {
  const timer = setTimeout(() => {
    try {
      process.kill(-(child.pid ?? 0), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }, ms);
  const outcome = await done;
  clearTimeout(timer);
  return outcome;
}

/** A plain second run always ends with the box installed, whole. */
export async function addKilled(vagrant: string, count: number): Promise<string> {
  return await withLab(24 << 20, async (lab) => {
    const server = await lab.serve();
    const args = ["box", "add", catalogAddress(server.url, NAME), "--provider", "virtualbox"];
    const add = (home: string): ReturnType<BoxLab["start"]> => lab.start(vagrant, args, { VAGRANT_HOME: home });
    const reference = lab.home();
    const times: number[] = [];
    // The first one finds nothing in memory; too long a time would put most kills behind the end.
    for (const home of [lab.home(), reference]) {
      const began = performance.now();
      const { code, text } = await add(home).done;
      times.push(performance.now() - began);
      expect(code === 0, text);
    }
    const whole = Math.min(...times);
    let killed = 0;
    for (let turn = 0; turn < count; turn++) {
      const home = lab.home();
      // Evenly over the whole run, so that no part of it is left out; where exactly is chance.
      const after = ((turn + Math.random()) / count) * whole;
      const first = await killedAfter(add(home), after);
      if (first.code === null) killed += 1;
      const second = await add(home).done;
      // Killed when the box was in its place and only the last words were missing: then it is installed, and whole.
      const there = /already exists/.test(second.text);
      expect(second.code === 0 || there, `killed after ${after.toFixed(0)} ms; the second run: ${second.text}`);
      same(installed(home), installed(reference), `killed after ${after.toFixed(0)} ms`);
      fs.rmSync(home, { recursive: true, force: true });
    }
    expect(killed > 0, "no run was killed before it ended");
    return `${killed} of ${count} killed within ${whole.toFixed(0)} ms, each installed by the second run`;
  });
}

/** Vagrant never sees half a box, and the next run leaves nothing of the killed ones. */
export async function installKilled(vagrant: string, count: number): Promise<string> {
  return await withLab(64 << 20, async (lab) => {
    const env = asVagrant(lab, vagrant);
    const args = [program, "box", "install", NAME, "--share", lab.share];
    const install = (home: string): ReturnType<BoxLab["start"]> =>
      lab.start(process.execPath, args, { ...env, VAGRANT_HOME: home });
    const reference = lab.home();
    const plain = install(reference);
    await begun(reference, plain.done);
    const began = performance.now();
    const { code, text } = await plain.done;
    // Only what happens in Vagrant's folder counts; before that there is nothing to break.
    const whole = performance.now() - began;
    expect(code === 0, text);
    const wanted = installed(reference);
    const home = lab.home();
    let halfway = 0;
    for (let turn = 0; turn < count; turn++) {
      const run = install(home);
      await begun(home, run.done);
      const after = ((turn + Math.random()) / count) * whole;
      const ended = await killedAfter(run, after);
      expect(ended.code === 0 || ended.code === null, ended.text);
      const found = Object.entries(installed(home));
      if (found.some(([name]) => name.includes("/.notebox-install-"))) halfway += 1;
      // As lib/vagrant/box_collection.rb looks: folders with a dot are none of its.
      const seen = Object.fromEntries(found.filter(([name]) => !name.includes("/.")));
      const listed = Object.keys(seen).some((name) => name.endsWith("/metadata.json"));
      if (listed) same(seen, wanted, `killed after ${after.toFixed(0)} ms`);
      // From the beginning again, but with what the killed ones left.
      if (listed) fs.rmSync(path.join(boxFolder(home), "1.0.0"), { recursive: true });
    }
    expect(halfway > 0, "no run was killed while it unpacked");
    const last = await install(home).done;
    expect(last.code === 0, last.text);
    same(installed(home), wanted, "the last run");
    return `${halfway} of ${count} killed while they unpacked, never half a box, nothing left behind`;
  });
}

/** Resolves when a run has begun to write into Vagrant's folder, or has ended without. */
async function begun(home: string, done: Promise<unknown>): Promise<void> {
  let over = false;
  void done.then(() => (over = true));
  const unpacking = (): boolean =>
    fs.existsSync(boxFolder(home)) && fs.readdirSync(boxFolder(home)).includes(".notebox-install.lock");
  // A killed run leaves its lock; the next one takes it over and makes a folder of its own.
  const before = leftovers(home);
  while (!over && !(unpacking() && leftovers(home) !== before)) await new Promise((resolve) => setTimeout(resolve, 1));
}

function leftovers(home: string): string {
  const names = fs.existsSync(boxFolder(home)) ? fs.readdirSync(boxFolder(home)) : [];
  return names.filter((name) => name.startsWith(".notebox-install-")).join();
}

/** Memory does not grow with the box, and there is no second copy of it. */
export async function installLean(vagrant: string, bytes: number): Promise<string> {
  return await withLab(0, async (lab) => {
    await layLarge(lab, bytes);
    const home = lab.home();
    const args = [program, "box", "install", NAME, "--share", lab.share];
    const { child, done } = lab.start(process.execPath, args, { ...asVagrant(lab, vagrant), VAGRANT_HOME: home });
    let disk = 0;
    let memory = 0;
    const watch = setInterval(() => {
      disk = Math.max(disk, bytesBelow(home));
      const status = readStatus(child.pid);
      memory = Math.max(memory, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024);
    }, 50);
    child.once("exit", () => clearInterval(watch));
    const { code, text } = await done;
    expect(code === 0, text);
    const unpacked = fs.statSync(path.join(boxFolder(home), "9.0.0", archOf(home), "virtualbox/disk.vmdk")).size;
    expect(unpacked === bytes, `${unpacked} of ${bytes} bytes were unpacked`);
    expect(memory > 0 && memory < 150e6, `it took ${Math.round(memory / 1e6)} MB of memory`);
    expect(disk <= 1.05 * bytes, `it took ${(disk / bytes).toFixed(2)} times the box on the disk`);
    return `at most ${Math.round(memory / 1e6)} MB of memory, ${(disk / bytes).toFixed(2)} times the box on the disk`;
  });
}

function readStatus(pid: number | undefined): string {
  try {
    return fs.readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
}

/** On the disk, as du counts; what vanishes meanwhile counts nothing. */
function bytesBelow(folder: string): number {
  try {
    const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
    const stats = names.map((name) => fs.statSync(path.join(folder, name), { throwIfNoEntry: false }));
    return stats.reduce((sum, stat) => sum + (stat?.blocks ?? 0) * 512, 0);
  } catch {
    return 0;
  }
}

function archOf(home: string): string {
  return fs.existsSync(path.join(boxFolder(home), "9.0.0/amd64")) ? "amd64" : "";
}

/** A box with a disk of zeros that takes no room in the share, as version 9.0.0. */
async function layLarge(lab: BoxLab, bytes: number): Promise<void> {
  const id = path.join(lab.share, "boxes", NAME, "9.0.0/virtualbox-amd64");
  fs.mkdirSync(path.dirname(id), { recursive: true });
  const metadata = Buffer.from('{"provider":"virtualbox"}');
  const block = (size: number): number => Math.ceil(size / 512) * 512;
  const start = Buffer.concat([header("metadata.json", metadata.length), metadata]);
  fs.writeFileSync(
    `${id}.box`,
    Buffer.concat([start, Buffer.alloc(block(start.length) - start.length), header("disk.vmdk", bytes)]),
  );
  const size = block(start.length) + 512 + block(bytes) + 1024;
  fs.truncateSync(`${id}.box`, size);
  const hash = createHash("sha256");
  for await (const piece of fs.createReadStream(`${id}.box`, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
  fs.writeFileSync(`${id}.json`, JSON.stringify({ sha256: hash.digest("hex"), size }));
}

/** POSIX.1-1988 (ustar), "Header Block". */
function header(name: string, size: number): Buffer {
  const head = Buffer.alloc(512);
  head.write(name, 0);
  head.write("0000644\0", 100);
  head.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  head.write("0", 156);
  head.write("ustar\u000000", 257);
  const sum =
    head.reduce((total, byte) => total + byte, 0) - head.subarray(148, 156).reduce((t, byte) => t + byte, 0) + 256;
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return head;
}

function boxFolder(home: string): string {
  return path.join(home, "boxes", NAME.replace("/", "-VAGRANTSLASH-"));
}

function same(found: Record<string, string>, wanted: Record<string, string>, when: string): void {
  const files = new Set([...Object.keys(found), ...Object.keys(wanted)]);
  const wrong = [...files].filter((name) => found[name] !== wanted[name]);
  expect(wrong.length === 0, `${when}: missing, left over or other than they should be: ${wrong.join(", ")}`);
}
