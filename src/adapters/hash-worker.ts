/**
 * Hashes in a thread of their own, beside whatever the main thread does: md5 and sha1 take longer than the network of
 * a quick file server. Which bytes are hashed, and what the hashes are for, is the callers'.
 */
import { Worker } from "node:worker_threads";
import type { HashThread, HashThreads } from "../ports.ts";

/** Runs in the thread; plain JavaScript, because the program is bundled into files that no thread could find. */
const PROGRAM = `
const { parentPort, workerData } = require("node:worker_threads");
const { createHash } = require("node:crypto");
const hashes = workerData.map((type) => [type, createHash(type)]);
parentPort.on("message", (bytes) => {
  if (bytes === null) {
    parentPort.postMessage(Object.fromEntries(hashes.map(([type, hash]) => [type, hash.digest("hex")])));
    return;
  }
  for (const [, hash] of hashes) hash.update(bytes);
  parentPort.postMessage(null);
});
`;

export function createHashThreads(): HashThreads {
  return { start };
}

function start(types: readonly string[]): HashThread {
  const worker = new Worker(PROGRAM, { eval: true, workerData: types });
  // Whoever forgets to stop it does not keep the program from ending.
  worker.unref();
  type Reply = Record<string, string> | null;
  const waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void }[] = [];
  let failure: Error | undefined;
  worker.on("message", (reply: Reply) => {
    waiting.shift()?.resolve(reply);
    if (waiting.length === 0) worker.unref();
  });
  const fail = (error: Error): void => {
    failure = error;
    for (const one of waiting.splice(0)) one.reject(error);
  };
  worker.on("error", fail);
  worker.on("exit", () => fail(new Error("the hashing thread has ended")));
  const send = (message: Uint8Array | null): Promise<Reply> =>
    new Promise((resolve, reject) => {
      if (failure) return reject(failure);
      waiting.push({ resolve, reject });
      worker.ref();
      worker.postMessage(message);
    });
  return {
    update: async (bytes) => void (await send(bytes)),
    digest: async () => (await send(null)) ?? {},
    stop: () => void worker.terminate(),
  };
}
