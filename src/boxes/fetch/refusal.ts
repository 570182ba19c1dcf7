/**
 * Why there is no box: what a server's answer means ("not now", which is worth another try, or "no"), and what to say
 * when trying has come to its end. Pure; when to try again is download.ts's and fetch-pieces.ts's.
 */
import { UserError } from "../../errors.ts";
import { isPassing } from "./back-off.ts";
import type { Checksum } from "./checksum.ts";
import type { Answer } from "./fetch.ts";

/** A server that says "not now": worth another try. */
export class Refusal extends UserError {
  constructor(
    message: string,
    readonly headers: Readonly<Record<string, string>>,
  ) {
    super({ code: "unreachable", message });
  }
}

/** Whether it is worth asking again. */
export function isWorthAnotherTry(error: unknown): boolean {
  return error instanceof UserError && error.code === "unreachable" && !(error instanceof Final);
}

/** A server that says "no": asking again would be a nuisance. */
export class Final extends UserError {}

/** What any other status than the expected ones means. */
export function refusal({ status, headers }: Answer, url: string): UserError {
  if (isPassing(status, headers)) return new Refusal(`${url} answers ${status}.`, headers);
  const meaning: Record<number, [string, string]> = {
    401: ["it wants to know who is asking", "Set VAGRANT_CLOUD_TOKEN to a token of that registry."],
    403: ["it does not give this to you", "Set VAGRANT_CLOUD_TOKEN to a token that may read it, if it is private."],
    404: ["it is not there", "It may have been deleted, be private (then set VAGRANT_CLOUD_TOKEN), or be misspelt."],
    410: ["it is gone for good", "Look for the box elsewhere: another registry, a colleague's ~/.vagrant.d/boxes."],
  };
  const [why, hint] = meaning[status] ?? ["an answer that is no box", "Ask whoever keeps that server."];
  return new Final({ code: "unreachable", message: `${url} answers ${status}: ${why}.`, hint });
}

/** The server sent fewer or more bytes than it said. */
export function otherLength(url: string, size: number, total: number): UserError {
  if (size < total) return new UserError({ code: "unreachable", message: `${url} was cut off before its end.` });
  return new UserError({
    code: "integrity",
    message: `${url} sent more bytes than it said it would.`,
    hint: "Run this again; if it happens again, ask whoever keeps that server.",
  });
}

export function unsteady(url: string): UserError {
  return new UserError({
    code: "unreachable",
    message: `${url} answers with other bytes each time it is asked.`,
    hint: "Wait until whoever keeps that server is done with it, then run this again.",
  });
}

/** `size`: bytes of the part that the next run goes on from. */
export function givenUp(error: unknown, url: string, times: number, size: number): UserError {
  const kept = size > 0 ? ` ${(size / 1e6).toFixed(0)} MB are kept, and the same command goes on from there.` : "";
  const told = error instanceof UserError ? error : undefined;
  return new UserError({
    code: "unreachable",
    message: `${told?.message ?? url} It was tried ${times} times.`,
    hint: `${told?.hint ?? "Check the network, then try again."}${kept}`,
    cause: error,
  });
}

export function mismatch(url: string, promised: Checksum | undefined, found: string): UserError {
  return new UserError({
    code: "integrity",
    message: `${url} is not the box that its catalog promises: its ${promised?.type} is ${found}, not ${promised?.value}.`,
    hint: "It was deleted. Run this again; if it happens again, the catalog or the box is wrong: tell whoever keeps them.",
  });
}
