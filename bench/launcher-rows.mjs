// The rows of the benchmark about launchers: how long Start takes by itself. Vagrant is the tests' stand-in, which runs the
// Vagrantfile's Ruby with all its checks and makes no VM; under Wine it is one that ends at once.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { runWine, wineRoot } from "../test/launchers/wine-root.mjs";
import { compare, timeProgram } from "./measure.mjs";

const root = path.resolve(import.meta.dirname, "..");
const program = path.join(root, "dist/notebox.cjs");
const standins = path.join(root, "test/launchers/standin");
const ALLOWED_SECONDS = 3;

export const launcherRows = [
  {
    what: "a first `Start.sh`, Vagrant's and the VM's work apart",
    beside: `\`sleep ${ALLOWED_SECONDS}\``,
    aim: 1,
    needs: () => (spawnSync("ruby", ["--version"]).status === 0 ? undefined : "needs Ruby"),
    measure: () =>
      inHandout(async ({ around, folder }) => {
        const env = { HOME: around, PATH: `${path.join(around, "bin")}:/usr/bin:/bin`, NOTEBOX_STANDIN: around };
        return await compare(
          () => {
            fs.rmSync(path.join(folder, ".vagrant"), { recursive: true, force: true });
            return timeProgram(path.join(folder, "Start.sh"), [], { env: { ...env, LC_ALL: "C.UTF-8" } });
          },
          () => timeProgram("sleep", [String(ALLOWED_SECONDS)]),
          5,
        );
      }),
  },
  {
    what: "`Start.cmd` up to Vagrant, under Wine",
    beside: `\`ver\` under Wine, and ${ALLOWED_SECONDS} s`,
    aim: 1,
    needs: () => (wineRoot() ? undefined : "needs the build root that npm run test:launchers makes"),
    measure: () =>
      inHandout(async ({ around, folder }) => {
        fs.writeFileSync(path.join(around, "bin/vagrant.cmd"), "@exit /b 0\r\n");
        const cwd = `/w/${path.relative(around, folder)}`;
        const inWine = async (words) => {
          const start = process.hrtime.bigint();
          const ran = await runWine(wineRoot(), around, words, { cwd, env: { WINEPATH: "Z:\\w\\bin" } });
          if (ran.code !== 0) throw new Error(ran.output);
          return Number(process.hrtime.bigint() - start) / 1e9;
        };
        return await compare(
          () => inWine(["cmd", "/c", "Start.cmd"]),
          async () => (await inWine(["cmd", "/c", "ver"])) + ALLOWED_SECONDS,
          5,
        );
      }),
  },
];

/** A hand-out of the smallest example with a share that has its catalog, and the stand-ins in `bin`. */
async function inHandout(measure) {
  const around = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-bench-launchers-"));
  try {
    const folder = path.join(around, "hello");
    const run = (...words) => timeProgram(process.execPath, [program, ...words]);
    run("init", folder, "--yes", "--template", "hello", "--name", "hello", "--share", path.join(around, "share"));
    run("render", "-C", folder);
    fs.mkdirSync(path.join(around, "bin"));
    fs.copyFileSync(path.join(standins, "VBoxManage"), path.join(around, "bin/VBoxManage"));
    fs.symlinkSync(path.join(standins, "vagrant.rb"), path.join(around, "bin/vagrant"));
    fs.writeFileSync(path.join(around, "bin/xdg-open"), "#!/bin/sh\n", { mode: 0o755 });
    layCatalog(folder);
    return await measure({ around, folder });
  } finally {
    fs.rmSync(around, { recursive: true, force: true });
  }
}

function layCatalog(folder) {
  const catalog = /^ +"(\/[^"]+\.json)",$/m.exec(fs.readFileSync(path.join(folder, "Vagrantfile"), "utf8"))[1];
  const box = {
    name: "virtualbox",
    url: "/nowhere.box",
    architecture: "amd64",
    checksum_type: "sha256",
    checksum: "0".repeat(64),
  };
  fs.mkdirSync(path.dirname(catalog), { recursive: true });
  const versions = [{ version: "13.1.0", providers: [box] }];
  fs.writeFileSync(catalog, JSON.stringify({ name: "notebox/debian-13", versions }));
}
