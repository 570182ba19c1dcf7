// The row of the benchmark about `box list`: a share of 1,000 boxes in 250 names, each with its record.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { compare, timeProgram } from "./measure.mjs";

const program = path.resolve(import.meta.dirname, "../dist/notebox.cjs");

export const listRow = {
  what: "`box list` of 1,000 boxes",
  beside: "`node -e 0` (0.3 s is 5 times of it, where Node starts in 60 ms)",
  aim: 5,
  bound: "starting Node and parsing the program, then opening, reading and closing 1,000 small files.",
  measure: async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-bench-list-"));
    try {
      layDown(folder);
      return await compare(
        () => timeProgram(process.execPath, [program, "box", "list", "--share", folder]),
        () => timeProgram(process.execPath, ["-e", "0"]),
        11,
      );
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  },
};

function layDown(share) {
  fs.writeFileSync(path.join(share, "notebox-share.json"), JSON.stringify({ layout: 1, doors: [share] }));
  for (let number = 0; number < 250; number++)
    for (const version of ["1.0.0", "1.1.0"])
      for (const provider of ["libvirt", "virtualbox"]) {
        const name = `bench/box-${number}`;
        const stem = path.join(share, "boxes", name, version, `${provider}-amd64`);
        fs.mkdirSync(path.dirname(stem), { recursive: true });
        fs.writeFileSync(`${stem}.box`, "x");
        const hashes = { size: 1, sha256: "a".repeat(64), sha1: "b".repeat(40), md5: "c".repeat(32) };
        const origin = { source: "x.box", published: "2026-01-01T00:00:00.000Z", by: "notebox 0" };
        const record = { name, version, provider, arch: "amd64", ...hashes, ...origin };
        fs.writeFileSync(`${stem}.json`, JSON.stringify(record, null, 2));
      }
}
