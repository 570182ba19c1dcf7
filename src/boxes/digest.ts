/** Size and hashes of bytes, in one pass. Where the bytes are is others' question. */
import { createHash, type Hash } from "node:crypto";
import fs from "node:fs/promises";
import { UserError } from "../errors.ts";
import type { HashThreads } from "../ports.ts";

/** Bytes and hashes, in lower-case hex. */
export interface Digest {
  size: number;
  sha256: string;
  sha1: string;
  md5: string;
  /** Only where upstream's checksum is one of these. */
  sha384?: string;
  sha512?: string;
}

export type HashType = "sha256" | "sha1" | "md5" | "sha384" | "sha512";

export interface Hashes {
  update(bytes: Uint8Array): void;
  /** Once, at the end. */
  digest(): Digest;
}

const CHUNK = 1024 * 1024;

export function startHashes(extra?: HashType): Hashes {
  const all = new Map<HashType, Hash>();
  for (const type of ["sha256", "sha1", "md5", extra] as const) if (type !== undefined) all.set(type, createHash(type));
  let size = 0;
  return {
    update(bytes) {
      size += bytes.length;
      for (const hash of all.values()) hash.update(bytes);
    },
    digest: () =>
      ({ size, ...Object.fromEntries([...all].map(([type, hash]) => [type, hash.digest("hex")])) }) as Digest,
  };
}

/** The same with the work in other threads; bytes must lie in shared memory and wait for the promise. */
export interface SplitHashes {
  update(bytes: Uint8Array): Promise<void>;
  digest(): Promise<Digest>;
  stop(): void;
}

/**
 * In threads where there are threads, else here. MD5 takes as long as the two SHAs together, which processors have
 * instructions for; and this thread has the network, the inspection and the disk to do.
 */
export function splitHashes(threads: HashThreads | undefined, extra?: HashType): SplitHashes {
  if (!threads) {
    const hashes = startHashes(extra);
    return { update: async (bytes) => hashes.update(bytes), digest: async () => hashes.digest(), stop: () => {} };
  }
  const shas: HashType[] = ["sha256", "sha1", ...(extra === "sha384" || extra === "sha512" ? [extra] : [])];
  const both = [threads.start(["md5"]), threads.start(shas)];
  let size = 0;
  return {
    async update(bytes) {
      size += bytes.length;
      await Promise.all(both.map((thread) => thread.update(bytes)));
    },
    digest: async () =>
      Object.assign({ size }, ...(await Promise.all(both.map((thread) => thread.digest())))) as Digest,
    stop: () => {
      for (const thread of both) thread.stop();
    },
  };
}

/** Size and hashes of a file that is there already. Throws UserError `interrupted`. */
export async function digestFile(file: string, signal: AbortSignal, extra?: HashType): Promise<Digest> {
  const hashes = startHashes(extra);
  const input = await fs.open(file, "r");
  try {
    for await (const chunk of input.createReadStream({ highWaterMark: CHUNK, autoClose: false })) {
      stopIfAsked(signal);
      hashes.update(chunk as Buffer);
    }
  } finally {
    await input.close();
  }
  return hashes.digest();
}

export function stopIfAsked(signal: AbortSignal): void {
  if (signal.aborted)
    throw new UserError({ code: "interrupted", message: "Interrupted; the share is as it was before." });
}
