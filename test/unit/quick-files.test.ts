/** Whether files are read at once or many at a time: as quickly as the disk answers. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";

let folder: string;
let read: typeof import("../../src/boxes/quick-files.ts");
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-quick-"));
  for (const name of ["a", "b"]) fs.writeFileSync(path.join(folder, name), name);
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  // What is known of the disk is known for one run of the program.
  vi.resetModules();
  read = await import("../../src/boxes/quick-files.ts");
});
afterEach(() => void vi.restoreAllMocks());

/** A clock on which each reading takes so many milliseconds. */
function everyReadingTakes(ms: number): void {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => (now += ms));
}

/** How many of the readings were made at once; what they give is the same either way. */
async function atOnce(count: number): Promise<number> {
  const files = vi.spyOn(fs, "readFileSync");
  const folders = vi.spyOn(fs, "readdirSync");
  for (let turn = 0; turn < count; turn++) {
    expect(await read.readText(path.join(folder, "a"))).toBe("a");
    expect((await read.readEntries(folder)).map(({ name }) => name).sort()).toEqual(["a", "b"]);
    await expect(read.readText(path.join(folder, "none"))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(read.readEntries(path.join(folder, "a"))).rejects.toMatchObject({ code: "ENOTDIR" });
  }
  return files.mock.calls.length + folders.mock.calls.length;
}

test("a disk that answers at once is read at once", async () => {
  everyReadingTakes(0.1);
  expect(await atOnce(50)).toBe(200);
});

test("a file server is found out within some readings", async () => {
  everyReadingTakes(2);
  expect(await atOnce(50)).toBeLessThan(10);
});

test("so is one that grows slow later", async () => {
  everyReadingTakes(0.1);
  await atOnce(10);
  vi.restoreAllMocks();
  everyReadingTakes(50);
  expect(await atOnce(10)).toBe(1);
});
