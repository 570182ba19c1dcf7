// The rows of the benchmark about boxes: `box archive` beside curl and sha256sum, `box install` beside `vagrant box add`, `box serve`
// beside nginx. What a share is made of and who starts what stands here; rows.mjs lists them.
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { compare, freePort, timeProgram } from "./measure.mjs";

const program = path.resolve(import.meta.dirname, "../dist/notebox.cjs");
const MIB = 1024 ** 2;
const BOX_MIB = 1024;
const NAME = "bench/box";

export const boxRows = [
  {
    what: `\`box archive\` of a box of ${BOX_MIB} MiB (plain tar), without a checksum upstream`,
    beside: "`curl -o f` and `sha256sum f`",
    aim: 0.6,
    bound:
      "the processor: MD5 in one thread, SHA-1 and SHA-256 in another, together three times as long as OpenSSL's SHA-256 alone. The network and the disk cost little beside them, though the box is safely on the disk at the end, which curl leaves to chance.",
    needs: () => missing("nginx") ?? missing("curl"),
    measure: () =>
      withShare(async ({ folder, share, port }) => {
        const server = await nginx(folder, share, port);
        const url = `http://127.0.0.1:${port}/boxes/${NAME}/1.0.0/virtualbox-amd64.box`;
        const [to, copy] = [path.join(folder, "to"), path.join(folder, "f")];
        const named = ["--name", NAME, "--version", "1.0.0", "--share", to];
        const shell = `curl -sSf --noproxy '*' -o "$0" "$1" && sha256sum "$0"`;
        try {
          return await compare(
            () => {
              fs.rmSync(to, { recursive: true, force: true });
              fs.mkdirSync(to);
              return timeProgram(process.execPath, [program, "box", "archive", url, ...named]);
            },
            () => {
              fs.rmSync(copy, { force: true });
              return timeProgram("sh", ["-c", shell, copy, url]);
            },
            3,
          );
        } finally {
          server.kill();
        }
      }),
  },
  {
    what: `\`box install\` of a box of ${BOX_MIB} MiB (plain tar)`,
    beside: "`vagrant box add` of the same catalog",
    aim: 0.33,
    bound:
      "one read, SHA-256 in one thread and the writes of the unpacked files. Vagrant copies first and hashes in Ruby.",
    needs: () => missing("vagrant"),
    measure: () =>
      withShare(async ({ folder, share, catalog }) => {
        const home = path.join(folder, "home");
        const env = { ...process.env, VAGRANT_HOME: home, VAGRANT_CHECKPOINT_DISABLE: "1" };
        const fresh = (file, args) => {
          fs.rmSync(home, { recursive: true, force: true });
          return timeProgram(file, args, { env, cwd: folder });
        };
        return await compare(
          () => fresh(process.execPath, [program, "box", "install", NAME, "--share", share]),
          () => fresh("vagrant", ["box", "add", catalog, "--provider", "virtualbox"]),
          3,
        );
      }),
  },
  ...[1, 30].map((clients) => ({
    what: `\`box serve\` to ${clients === 1 ? "one client" : `${clients} clients`}, ${mibOf(clients)} MiB each`,
    beside: "nginx with the configuration that `box serve --print nginx` prints",
    // 0.7 of nginx's throughput.
    aim: 1.43,
    bound: "copying through the loopback: server and clients share the processors. A disk or a network is slower.",
    needs: () => missing("nginx") ?? missing("curl"),
    measure: () =>
      withShare(async ({ folder, share, port }) => {
        const [own, theirs] = [await serve(share), await nginx(folder, share, port)];
        try {
          return await compare(
            () => fetchAll(own.port, clients),
            () => fetchAll(port, clients),
            5,
          );
        } finally {
          own.child.kill();
          theirs.kill();
        }
      }),
  })),
];

function mibOf(clients) {
  return clients === 1 ? BOX_MIB : 64;
}

function missing(name) {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  return spawnSync("sh", ["-c", `command -v ${name}`], { env }).status === 0 ? undefined : `needs ${name}`;
}

/** Seconds until all of them have their bytes. The clients are curl, as Vagrant's are. */
async function fetchAll(port, clients) {
  const url = `http://127.0.0.1:${port}/boxes/${NAME}/1.0.0/virtualbox-amd64.box`;
  const args = ["-sSf", "--noproxy", "*", "-r", `0-${mibOf(clients) * MIB - 1}`, "-o", "/dev/null", url];
  const start = performance.now();
  const codes = await Promise.all(
    Array.from(
      { length: clients },
      () => new Promise((resolve) => spawn("curl", args, { stdio: "inherit" }).once("close", resolve)),
    ),
  );
  if (codes.some((code) => code !== 0)) throw new Error(`curl ended with ${codes.join(", ")}`);
  return (performance.now() - start) / 1000;
}

/** A share with one box of incompressible bytes, an http door on a free port and its own path. */
async function withShare(work) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "notebox-bench-"));
  try {
    const share = path.join(folder, "share");
    fs.mkdirSync(share);
    const parts = { "metadata.json": '{"provider":"virtualbox","architecture":"amd64"}', "box.ovf": "<Envelope/>" };
    for (const [name, text] of Object.entries(parts)) fs.writeFileSync(path.join(folder, name), text);
    run("sh", ["-c", `head -c ${BOX_MIB * MIB} /dev/urandom > disk.bin`], folder);
    run("tar", ["-cf", "one.box", ...Object.keys(parts), "disk.bin"], folder);
    fs.rmSync(path.join(folder, "disk.bin"));
    const port = await freePort();
    const named = ["--name", NAME, "--version", "1.0.0", "--share", share, "--door", `http://127.0.0.1:${port}`];
    run(process.execPath, [program, "box", "publish", "one.box", ...named], folder);
    fs.rmSync(path.join(folder, "one.box"));
    return await work({ folder, share, port, catalog: catalogOf(share) });
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** The catalog behind the share's own path: the one whose addresses are files. */
function catalogOf(share) {
  const doors = fs.readdirSync(path.join(share, "catalogs"));
  const files = doors.map((door) => path.join(share, "catalogs", door, `${NAME}.json`));
  return files.find((file) => fs.readFileSync(file, "utf8").includes("file://"));
}

function run(file, args, cwd) {
  const done = spawnSync(file, args, { cwd, encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${file} ${args.join(" ")}: ${done.stderr}`);
  return done.stdout;
}

async function serve(share) {
  const child = spawn(process.execPath, [program, "box", "serve", "--share", share, "--port", "0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  const port = await new Promise((resolve) =>
    child.stderr.on("data", (text) => {
      said += text;
      const found = /at http:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (found) resolve(Number(found));
    }),
  );
  return { child, port };
}

async function nginx(folder, share, port) {
  const place = path.join(folder, "nginx");
  fs.mkdirSync(place);
  const printed = run(process.execPath, [program, "box", "serve", "--share", share, "--print", "nginx"], folder);
  fs.writeFileSync(path.join(place, "boxes.conf"), printed);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${name};`);
  const user = process.getuid?.() === 0 ? "user root;" : "";
  // One worker, as notebox is one process.
  const text = `${user} daemon off; pid pid; worker_processes 1; events {}
http { access_log off; ${temporary.join(" ")} include ${place}/boxes.conf; }\n`;
  fs.writeFileSync(path.join(place, "nginx.conf"), text);
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const child = spawn("nginx", ["-p", place, "-c", "nginx.conf", "-e", "stderr"], { env, stdio: "ignore" });
  while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 30));
  return child;
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket
      .once("error", () => resolve(false))
      .once("connect", () => {
        socket.destroy();
        resolve(true);
      });
  });
}
