/**
 * A box's bytes from an http door, one after the other, however often the connection breaks: each new answer goes on
 * where the last one ended. Nothing is kept; whether they are the right bytes is told by the checksum of all of them.
 */
import { UserError } from "../../errors.ts";
import { isPassing } from "./back-off.ts";
import { type Answer, ask, type FetchNeeds, pause } from "./fetch.ts";
import { Final, isWorthAnotherTry } from "./refusal.ts";
import { lengthOf } from "./same-box.ts";

/** Failures in a row, with next to nothing received in between: some minutes, because ending means to begin anew. */
const PATIENCE = 14;
/** Before the first byte there is nothing to lose. */
const PATIENCE_AT_FIRST = 2;
const PROGRESS = 1024 * 1024;
const IDLE_MS = 60_000;

export interface Received {
  done: number;
  total: number | undefined;
}

/** Throws UserError `unreachable` when there is no getting it, `interrupted`. */
export async function* fetchPieces(
  needs: FetchNeeds,
  url: string,
  onBytes: (received: Received) => void,
): AsyncGenerator<Buffer> {
  let done = 0;
  let total: number | undefined;
  let version: string | undefined;
  for (let failures = 0; ; ) {
    const before = done;
    let headers: Readonly<Record<string, string>> = {};
    try {
      const answer = await ask(needs, { url, headers: rest(done, version), idleMs: IDLE_MS, mayLeaveTls: true });
      headers = answer.headers;
      try {
        let skip = alreadyHad(answer, done, url);
        if (done === 0) {
          total = lengthOf(answer.headers);
          version = strongTag(answer);
        }
        for await (const chunk of answer.body) {
          const piece = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
          const fresh = piece.subarray(Math.min(skip, piece.length));
          skip -= piece.length - fresh.length;
          if (fresh.length === 0) continue;
          done += fresh.length;
          yield fresh;
          onBytes({ done, total });
        }
        if (total === undefined || done >= total) return;
        throw broken(url, done);
      } finally {
        answer.close();
      }
    } catch (error) {
      if (!isWorthAnotherTry(error)) throw error;
      failures = done - before >= PROGRESS ? 1 : failures + 1;
      if (failures > (done === 0 ? PATIENCE_AT_FIRST : PATIENCE)) throw error;
      await pause(needs, failures, headers, () => {});
    }
  }
}

function rest(done: number, version: string | undefined): Record<string, string> {
  if (done === 0) return {};
  return { range: `bytes=${done}-`, ...(version === undefined ? {} : { "if-range": version }) };
}

/** How many bytes of this answer's body were received before. Throws UserError `unreachable` for no answer of use. */
function alreadyHad(answer: Answer, done: number, url: string): number {
  const { status, headers } = answer;
  if (status === 206 && done > 0 && (headers["content-range"] ?? "").startsWith(`bytes ${done}-`)) return 0;
  // A server without ranges sends all of it again; should it be another box now, the checksum tells.
  if (status === 200) return done;
  const options = {
    code: "unreachable",
    message: `${url} cannot be fetched: the server answers ${status}.`,
    hint: "Check the address, or ask the people who keep the share.",
  } as const;
  throw isPassing(status, headers) ? new UserError(options) : new Final(options);
}

function strongTag({ headers }: Answer): string | undefined {
  const tag = headers["etag"];
  return tag?.startsWith('"') ? tag : undefined;
}

function broken(url: string, done: number): UserError {
  return new UserError({ code: "unreachable", message: `${url} broke off after ${done} bytes.` });
}
