// Runs two ways of doing the same thing by turns and compares their medians. What is run is in rows.mjs.
import { spawnSync } from "node:child_process";
import net from "node:net";

/** Seconds that a program takes; throws when it fails, because a failure measures nothing. */
export function timeProgram(file, args, options = {}) {
  const start = process.hrtime.bigint();
  const done = spawnSync(file, args, { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8", ...options });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (done.status !== 0)
    throw new Error(`${file} ${args.join(" ")}: exit ${done.status ?? done.error?.message}\n${done.stderr ?? ""}`);
  return seconds;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Measures `ours` and `theirs` `times` each, in turns, so that a busy moment hits both. The first turn is not
 * counted: it fills caches. @returns {{ ours: number, theirs: number, ratio: number, times: number }} medians, seconds
 */
export async function compare(ours, theirs, times, warmUp = true) {
  const taken = { ours: [], theirs: [] };
  for (let turn = warmUp ? -1 : 0; turn < times; turn++) {
    const first = await ours();
    const second = await theirs();
    if (turn < 0) continue;
    taken.ours.push(first);
    taken.theirs.push(second);
  }
  const [left, right] = [median(taken.ours), median(taken.theirs)];
  return { ours: left, theirs: right, ratio: left / right, times };
}

export function inWords(seconds) {
  if (seconds < 0.1) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 1) return `${(seconds * 1000).toFixed(0)} ms`;
  return seconds < 100 ? `${seconds.toFixed(1)} s` : `${seconds.toFixed(0)} s`;
}

/** A port of this computer that nobody listens at. */
export async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
