/**
 * Counted trials of a share's writers, killed at random moments while twenty readers go on: whatever a catalog names
 * is there, whole and right, and what the dead leave `box prune` finds. `npm run test:soak` runs them in full,
 * `npm test` a few; no VM is needed.
 */
import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { compareVersions } from "../../src/boxes/versions.ts";
import { box } from "../unit/box-bytes.ts";
import { age, openShare, type ShareFolder } from "../unit/share-folder.ts";
import { expect } from "./trials.ts";

export const shareTrials: { name: string; body: () => Promise<string> }[] = [
  { name: "share: writers killed 200 times, with 20 readers", body: () => writersKilled(200, 20) },
];

const NAME = "lab/tiny";

/** Kills `count` writers, with that many readers beside them. */
export async function writersKilled(count: number, readers: number): Promise<string> {
  const lab = openShare();
  try {
    for (let number = 0; number < 4; number++) lab.add({ version: `0.${number}.0`, content: randomBytes(300_000) });
    const reading = startReaders(lab, readers);
    let killed = 0;
    try {
      // Each writer once to its end, to know how long that takes here; then the kills fall into that time.
      const lasts: number[] = [];
      for (let turn = 0; turn < KINDS; turn++) lasts.push((await killOne(lab, turn)).ms);
      for (let turn = KINDS; turn < KINDS + count; turn++)
        if ((await killOne(lab, turn, Math.random() * 1.1 * (lasts[turn % KINDS] ?? 0))).killed) killed++;
    } finally {
      await reading.stop();
    }
    expect(reading.faults.length === 0, reading.faults.slice(0, 5).join("; "));
    expect(reading.boxes > 0, "the readers read nothing");
    await tidiedUp(lab);
    return `${killed} of ${count} killed before their end; ${reading.boxes} boxes read, each as its catalog says; nothing left behind`;
  } finally {
    lab.remove();
  }
}

/** How many kinds of writers there are. */
const KINDS = 4;

/** By turns each writer, broken off after so many milliseconds, if it has not ended before. */
async function killOne(lab: ShareFolder, turn: number, after?: number): Promise<{ killed: boolean; ms: number }> {
  const file = path.join(lab.folder, "new.box");
  fs.writeFileSync(file, box("virtualbox", { arch: "amd64", filling: randomBytes(200_000) }));
  const door = ["--add", "--remove"][Math.floor(turn / KINDS) % 2] ?? "";
  const commands = [
    ["publish", file, "--name", NAME, "--version", `1.${turn}.0`],
    ["rebase", door, "https://boxes.example.edu/x"],
    ["verify"],
    ["prune", "--keep", "3", "--parts-older-than", "0h"],
  ];
  // The scrub has something to find: the newest box but one loses its record, as after a kill.
  if (turn % KINDS === 2) loseRecord(lab);
  const { child, done } = lab.start(commands[turn % KINDS] ?? []);
  const began = performance.now();
  const timer = after === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), after);
  const { code, json } = await done;
  clearTimeout(timer);
  // A door that an earlier, killed run had added or removed already, a box that was half published.
  const allowed = [0, 2, 6, 10];
  expect(code === null || allowed.includes(code), `turn ${turn}: ${JSON.stringify(json?.error ?? code)}`);
  return { killed: code === null, ms: performance.now() - began };
}

/** Takes the box out of the catalogs first, as a writer would. */
function loseRecord(lab: ShareFolder): void {
  const folder = lab.at(`boxes/${NAME}`);
  const versions = fs.readdirSync(folder).sort(compareVersions);
  const version = versions.at(-2);
  if (version === undefined || versions.length < 4) return;
  for (const door of fs.readdirSync(lab.at("catalogs"))) {
    const file = lab.at(`catalogs/${door}/${NAME}.json`);
    if (!fs.existsSync(file)) continue;
    const catalog = JSON.parse(fs.readFileSync(file, "utf8"));
    catalog.versions = catalog.versions.filter((one: { version: string }) => one.version !== version);
    fs.writeFileSync(`${file}.new`, JSON.stringify(catalog));
    fs.renameSync(`${file}.new`, file);
  }
  fs.rmSync(path.join(folder, version, "virtualbox-amd64.json"), { force: true });
}

interface Reading {
  faults: string[];
  boxes: number;
  stop(): Promise<void>;
}

function startReaders(lab: ShareFolder, count: number): Reading {
  let over = false;
  const reading: Reading = {
    faults: [],
    boxes: 0,
    stop: async () => {
      over = true;
      await Promise.all(loops);
    },
  };
  const catalog = lab.at(lab.catalog(NAME));
  const loop = async (): Promise<void> => {
    while (!over) {
      for (const offer of await offers(catalog, reading)) {
        const fault = await wrong(offer);
        // A reader that comes late to a box that was pruned meanwhile asks again, and is sent there no more.
        if (fault && (await offers(catalog, reading)).some(({ url }) => url === offer.url)) reading.faults.push(fault);
        else reading.boxes++;
      }
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 200));
    }
  };
  const loops = Array.from({ length: count }, loop);
  return reading;
}

interface Offer {
  url: string;
  checksum: string;
}

async function offers(catalog: string, reading: Reading): Promise<Offer[]> {
  let text = "";
  try {
    text = await fs.promises.readFile(catalog, "utf8");
    const { versions } = JSON.parse(text) as { versions: { providers: Offer[] }[] };
    return versions.flatMap(({ providers }) => providers);
  } catch (error) {
    reading.faults.push(
      `the catalog cannot be read: ${error instanceof Error ? error.message : error} (${text.length})`,
    );
    return [];
  }
}

async function wrong({ url, checksum }: Offer): Promise<string | undefined> {
  try {
    const hash = createHash("sha256");
    hash.update(await fs.promises.readFile(fileURLToPath(url)));
    return hash.digest("hex") === checksum ? undefined : `${url} has another checksum`;
  } catch (error) {
    return `${url}: ${error instanceof Error ? error.message : error}`;
  }
}

/** What is left is old tomorrow; then `prune` finds all of it, and `verify` finds nothing more. */
async function tidiedUp(lab: ShareFolder): Promise<void> {
  for (const entry of fs.readdirSync(lab.share, { recursive: true }) as string[]) age(lab.at(entry), 2 * 86_400);
  const pruned = await lab.run(["prune", "--quarantine-older-than", "0h", "--parts-older-than", "0h"]);
  expect(pruned.code === 0, `prune: ${JSON.stringify(pruned.json)}`);
  // A killed writer may have left catalogs behind the records, which sends nobody wrong; rebase writes them.
  const rebased = await lab.run(["rebase"]);
  expect(rebased.code === 0, `rebase: ${JSON.stringify(rebased.json)}`);
  const verified = await lab.run(["verify"]);
  expect(verified.code === 0 && verified.json.result.faults.length === 0, `verify: ${JSON.stringify(verified.json)}`);
  const known =
    /^(?:boxes\/lab\/tiny\/[^/]+\/virtualbox-amd64\.(?:box|json)|catalogs\/[^/]+\/lab\/tiny\.json|notebox-share\.json)$/;
  const left = lab.tree().filter((name) => !known.test(name));
  expect(left.length === 0, `left behind: ${left.join(", ")}`);
}
