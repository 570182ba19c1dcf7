/**
 * The sign of life of a lock's owner: every half minute it writes its lock anew, so that the file server's own clock
 * says when it was last alive. Computers' clocks differ; no other is asked. Whose lock it is, is lock.ts's.
 */
import fs from "node:fs/promises";
import path from "node:path";

const PULSE_MS = 30_000;
/** Ten missed signs: longer than a file server takes to restart. */
export const DEAD_AFTER_MS = 5 * 60_000;

export interface Pulse {
  stop(): Promise<void>;
}

/** Writes the same bytes into the file that is open: should somebody else have put theirs in its place, they stay. */
export async function startPulse(file: string, text: string): Promise<Pulse> {
  const handle = await fs.open(file, "r+");
  let beating = Promise.resolve();
  const timer = setInterval(() => {
    // A share that is away for a moment is no reason to stop; whoever asks at the end learns whether the lock was kept.
    beating = handle.write(text, 0).then(
      () => {},
      () => {},
    );
  }, PULSE_MS);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await beating;
      await handle.close();
    },
  };
}

/** Milliseconds since the file was last written, both by the clock of the computer that holds it. */
export async function quietFor(file: string): Promise<number> {
  try {
    const now = await serverTime(path.dirname(file));
    return now - (await fs.stat(file)).mtimeMs;
  } catch {
    return 0; // released meanwhile, or the share cannot be written: then nothing is known
  }
}

/** Milliseconds since 1970 as the computer counts them that holds this folder: the time of a file made just now. */
export async function serverTime(folder: string): Promise<number> {
  const probe = path.join(folder, `.notebox-probe-${Math.random().toString(36).slice(2, 10)}`);
  try {
    await fs.writeFile(probe, "");
    return (await fs.stat(probe)).mtimeMs;
  } finally {
    await fs.rm(probe, { force: true });
  }
}
