/** A box's bytes on their way to the disk: what the file holds, what was hashed, and which way they went. */
import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHashThreads } from "../../src/adapters/hash-worker.ts";
import { type DirectFile, openDirect, sharedMemory } from "../../src/boxes/direct-file.ts";
import { createIntake } from "../../src/boxes/intake.ts";

const EXT = 0xef53;
const XFS = 0x58465342;
const MIB = 1024 * 1024;

let folder: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "notebox-intake-"));
});
afterAll(async () => await fs.rm(folder, { recursive: true, force: true }));

test.each([0, 5, 4096, MIB, 9 * MIB + 3])("%i bytes arrive in the file and in the hashes", async (size) => {
  const file = path.join(folder, `${size}.part`);
  const bytes = randomBytes(size);
  const handle = await fs.open(file, "w+");
  const synced: number[] = [];
  const intake = createIntake({
    file,
    handle,
    threads: createHashThreads(),
    syncEvery: MIB,
    onSynced: async (count) => void synced.push(count),
  });
  try {
    for (let at = 0; at < size; ) {
      const length = 1 + Math.floor(Math.random() * 700_000);
      await intake.write(bytes.subarray(at, at + length));
      at += length;
    }
    await intake.settle();
    const digest = await intake.digest();
    expect([intake.size, intake.synced, digest.size]).toEqual([size, size, size]);
    for (const type of ["sha256", "sha1", "md5"] as const)
      expect(digest[type]).toBe(createHash(type).update(bytes).digest("hex"));
    expect((await fs.readFile(file)).equals(bytes)).toBe(true);
    if (size > 8 * MIB) expect(synced.length).toBeGreaterThan(0);
    expect(synced).toEqual([...synced].sort((a, b) => a - b));
  } finally {
    intake.stop();
    await handle.close();
  }
});

/** The direct way is for file systems that are known to bear it; on others these hold too, and say that there is none. */
const directly = async (name: string, work: (file: string, direct: DirectFile) => Promise<void>): Promise<void> => {
  const file = path.join(folder, name);
  await fs.writeFile(file, "");
  const isKnown = process.platform === "linux" && [EXT, XFS].includes((await fs.statfs(folder)).type);
  const direct = await openDirect(file);
  expect(direct !== undefined).toBe(isKnown);
  if (!direct) return;
  try {
    await work(file, direct);
  } finally {
    await direct.close();
  }
};

test("blocks in shared memory go directly to the disk", async () => {
  await directly("aligned", async (file, direct) => {
    const memory = sharedMemory(2 * MIB);
    randomBytes(2 * MIB).copy(memory);
    for (const at of [0, MIB]) expect(await direct.write(memory.subarray(at, at + MIB), at)).toBe(true);
    expect((await fs.readFile(file)).equals(memory)).toBe(true);
  });
});

test("what does not fit is left to the usual way, and the next block goes directly again", async () => {
  await directly("odd", async (_, direct) => {
    const memory = sharedMemory(MIB);
    expect(await direct.write(memory.subarray(0, 5), 0)).toBe(false);
    expect(await direct.write(memory, 5)).toBe(false);
    expect(await direct.write(memory, 0)).toBe(true);
  });
});

test("once a direct write has failed there is no further one", async () => {
  await directly("failing", async (_, direct) => {
    const memory = sharedMemory(2 * MIB);
    expect(await direct.write(memory.subarray(1, MIB + 1), 0)).toBe(false);
    expect(await direct.write(memory.subarray(0, MIB), 0)).toBe(false);
  });
});
