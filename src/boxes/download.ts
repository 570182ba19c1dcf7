/**
 * Fetches one box into its `.part`, however often the connection breaks: goes on where it ended when the server can
 * vouch that it is still the same box, begins again when not. Hashes and inspection happen on the way (intake.ts).
 * Which box, its place and its record are the command's.
 */
import fs from "node:fs/promises";
import { systemErrorCode, UserError } from "../errors.ts";
import { publicAddress } from "./address.ts";
import { isPassing } from "./back-off.ts";
import { type Checksum, extraHash, otherThan } from "./checksum.ts";
import type { Digest } from "./digest.ts";
import { type Answer, ask, type FetchNeeds, pause, type Token } from "./fetch.ts";
import { type BoxFacts, type Inspector, inspectBox } from "./inspect.ts";
import { createIntake, type Intake } from "./intake.ts";
import { partFiles } from "./layout.ts";
import { bootMark, type PartState, readState, sourceMark, trusted, writeState } from "./part-state.ts";
import { checkRoom } from "./room.ts";

export interface DownloadOptions {
  url: string;
  part: string;
  promised: Checksum | undefined;
  token: Token | undefined;
  idleMs: number;
  onBytes?: (done: number, total: number | undefined) => void;
  onNote?: (note: string) => void;
}

export interface Downloaded {
  digest: Digest;
  facts: BoxFacts;
  /** Bytes that came over the network in this run. */
  fetched: number;
  from: Provenance;
}

/** Where the bytes came from, fit to be read by everybody. */
export interface Provenance {
  url: string;
  redirects: string[];
  headers: Record<string, string>;
}

const KEPT_HEADERS = ["etag", "last-modified", "content-type", "server", "date"] as const;
/** Failures in a row, with next to nothing received in between. */
const PATIENCE = 6;
const PROGRESS = 1024 * 1024;

/**
 * Leaves the part, with its state, when it ends before its time, and removes both when they are worth nothing.
 * Throws UserError `unreachable`, `integrity`, `disk-full`, `interrupted`.
 */
export async function downloadBox(needs: FetchNeeds, options: DownloadOptions): Promise<Downloaded> {
  const job = new Job(needs, options);
  try {
    return await job.run();
  } catch (error) {
    if (error instanceof UserError && error.code === "integrity") await job.forget();
    throw full(error, options.part);
  } finally {
    await job.close();
  }
}

/** What one look at the server led to. */
type Outcome = "whole" | "again";

class Job {
  private handle: fs.FileHandle | undefined;
  private intake: Intake | undefined;
  private inspector: Inspector | undefined;
  private state: PartState | undefined;
  private boot = "";
  private fetched = 0;
  private from: Provenance;
  private resumed = false;
  private readonly files: ReturnType<typeof partFiles>;

  constructor(
    private readonly needs: FetchNeeds,
    private readonly options: DownloadOptions,
  ) {
    this.files = partFiles(options.part);
    this.from = { url: publicAddress(options.url), redirects: [], headers: {} };
  }

  async run(): Promise<Downloaded> {
    this.boot = await bootMark();
    await this.open();
    // A server that knows no ranges begins again and again: what counts as progress is to come further than before.
    for (let failures = 0, beginnings = 0, best = this.running.intake.size; ; ) {
      let headers: Readonly<Record<string, string>> = {};
      try {
        const answer = await this.look();
        if (answer === undefined) break;
        headers = answer.headers;
        try {
          if ((await this.take(answer)) === "whole") break;
        } finally {
          answer.close();
        }
        if (++beginnings > 3) throw this.unsteady();
      } catch (error) {
        if (!passing(error)) throw error;
        const size = this.intake?.size ?? 0;
        failures = size - best >= PROGRESS ? 1 : failures + 1;
        best = Math.max(best, size);
        if (failures > PATIENCE) throw this.givenUp(error);
        headers = error instanceof Refusal ? error.headers : {};
        const why = error instanceof Error ? error.message : "";
        await pause(this.needs, failures, headers, (ms) =>
          this.options.onNote?.(`${why} Trying again in ${Math.ceil(ms / 1000)} s.`),
        );
      }
    }
    return await this.finish();
  }

  /** The part of an earlier run is read and hashed again; what cannot be vouched for is cut off. */
  private async open(): Promise<void> {
    const { part, url, promised } = this.options;
    const mark = sourceMark(url);
    const found = await readState(this.files.state);
    const state = found?.source === mark && found.promised === spelled(promised) ? found : undefined;
    this.handle = await fs.open(part, "r+").catch(async (error: unknown) => {
      if (systemErrorCode(error) === "ENOENT") return await fs.open(part, "w+");
      throw error;
    });
    const keep = state ? trusted(state, (await this.handle.stat()).size, this.boot) : 0;
    const known = state && (validator(state) !== undefined || promised !== undefined || keep === state.total);
    const usable = keep > 0 && known === true;
    this.state =
      state && usable
        ? { ...state, synced: Math.min(state.synced, keep), boot: this.boot }
        : { layout: 1, source: mark, promised: spelled(promised), synced: 0, boot: this.boot };
    await this.handle.truncate(usable ? keep : 0);
    this.intake = this.newIntake();
    if (!usable) return;
    this.resumed = true;
    this.options.onNote?.("Reading what an earlier run has fetched.");
    const stream = this.handle.createReadStream({ start: 0, end: keep - 1, highWaterMark: PROGRESS, autoClose: false });
    for await (const chunk of stream) {
      this.stopIfAsked();
      await this.intake.write(chunk as Buffer);
      this.options.onBytes?.(this.intake.size, this.state.total);
    }
  }

  private newIntake(): Intake {
    const { handle } = this;
    if (!handle) throw new Error("the part is not open");
    this.inspector?.stop();
    this.intake?.stop();
    this.inspector = inspectBox(this.from.url);
    return createIntake({
      handle,
      inspector: this.inspector,
      threads: this.needs.hashThreads,
      extra: extraHash(this.options.promised),
      onSynced: async (bytes) => {
        if (!this.state) return;
        this.state.synced = bytes;
        await writeState(this.files.state, this.state);
      },
    });
  }

  private get running(): { intake: Intake; state: PartState; handle: fs.FileHandle } {
    const { intake, state, handle } = this;
    if (!intake || !state || !handle) throw new Error("the part is not open");
    return { intake, state, handle };
  }

  /** The server's answer, or undefined when nothing is missing. */
  private async look(): Promise<Answer | undefined> {
    const { intake, state } = this.running;
    if (intake.size > 0 && intake.size === state.total) return undefined;
    if (intake.size > 0 && validator(state) === undefined && this.options.promised === undefined) await this.begin();
    const at = this.running.intake.size;
    const vouched = validator(state);
    const headers =
      at === 0 ? {} : { range: `bytes=${at}-`, ...(vouched === undefined ? {} : { "if-range": vouched }) };
    const { url, token, idleMs, promised } = this.options;
    return await ask(this.needs, { url, token, idleMs, headers, mayLeaveTls: promised !== undefined });
  }

  private async begin(): Promise<void> {
    const { intake, state, handle } = this.running;
    await intake.settle();
    await handle.truncate(0);
    this.resumed = false;
    this.state = { layout: 1, source: state.source, promised: state.promised, synced: 0, boot: this.boot };
    this.intake = this.newIntake();
  }

  private async take(answer: Answer): Promise<Outcome> {
    const at = this.running.intake.size;
    if (answer.status === 416 && at > 0) {
      const total = /^bytes \*\/(\d+)$/.exec(answer.headers["content-range"] ?? "")?.[1];
      // Nothing is missing; that it is the same box the checksum or the inspection tells.
      if (total !== undefined && Number(total) === at && this.same(answer)) return "whole";
      await this.begin();
      return "again";
    }
    if (answer.status === 206) {
      const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(answer.headers["content-range"] ?? "");
      const total = range?.[3] === "*" ? undefined : Number(range?.[3]);
      const fits = range !== null && Number(range[1]) === at && at > 0 && this.same(answer);
      if (!fits || (total !== undefined && this.state?.total !== undefined && total !== this.state.total)) {
        await this.begin();
        return "again";
      }
      this.resumed = true;
      await this.receive(answer, total ?? this.state?.total);
      return "whole";
    }
    if (answer.status === 200) {
      // It has changed, or the server knows no ranges.
      if (at > 0) await this.begin();
      const length = answer.headers["content-length"];
      await this.receive(answer, length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined);
      return "whole";
    }
    throw refusal(answer, this.from.url);
  }

  /** Whether a part of an answer is of the same box, as far as the server says what it is of. */
  private same({ headers }: Answer): boolean {
    const { state } = this.running;
    const { promised } = this.options;
    if (state.etag !== undefined)
      return headers["etag"] === state.etag || (headers["etag"] === undefined && promised !== undefined);
    if (state.lastModified !== undefined)
      return (
        headers["last-modified"] === state.lastModified ||
        (headers["last-modified"] === undefined && promised !== undefined)
      );
    return promised !== undefined;
  }

  private async receive(answer: Answer, total: number | undefined): Promise<void> {
    const { intake, state } = this.running;
    const { headers } = answer;
    this.from = { url: publicAddress(this.options.url), redirects: answer.redirects, headers: kept(headers) };
    if (headers["content-type"]?.startsWith("text/html"))
      throw new UserError({
        code: "integrity",
        message: `${this.from.url} answers with a web page, not with a box.`,
        hint: "Open it in a browser: a log-in page or a proxy's message may stand in between.",
      });
    if (total !== undefined) await checkRoom(this.options.part, total - intake.size, total);
    state.total = total;
    state.etag = headers["etag"];
    state.lastModified = vouchedDate(headers);
    await writeState(this.files.state, state);
    for await (const chunk of answer.body) {
      this.stopIfAsked();
      this.fetched += chunk.length;
      await intake.write(chunk);
      this.options.onBytes?.(intake.size, total);
      if (total !== undefined && intake.size > total) break;
    }
    if (total === undefined || intake.size === total) return;
    if (intake.size < total)
      throw new UserError({ code: "unreachable", message: `${this.from.url} was cut off before its end.` });
    throw new UserError({
      code: "integrity",
      message: `${this.from.url} sent more bytes than it said it would.`,
      hint: "Run this again; if it happens again, ask whoever keeps that server.",
    });
  }

  private async finish(): Promise<Downloaded> {
    const { intake, state } = this.running;
    await intake.settle();
    const digest = await intake.digest();
    const { promised } = this.options;
    const found = otherThan(promised, digest);
    if (found !== undefined && this.resumed) {
      // The server may have changed the box without saying so. From one piece it is either right or wrong.
      this.options.onNote?.("The pieces do not fit together; fetching all of it once more.");
      return await this.runAgain();
    }
    if (found !== undefined) throw mismatch(this.from.url, promised, found);
    const facts = await this.inspector?.finish();
    if (!facts) throw new Error("the part is not open");
    state.synced = digest.size;
    state.total = digest.size;
    await writeState(this.files.state, state);
    return { digest, facts, fetched: this.fetched, from: this.from };
  }

  /** A second run, from nothing. */
  private async runAgain(): Promise<Downloaded> {
    await this.close();
    await this.forget();
    this.resumed = false;
    return await this.run();
  }

  async forget(): Promise<void> {
    for (const file of [this.options.part, this.files.state]) await fs.rm(file, { force: true });
  }

  /** What has been received stays in the part, also when the run has failed. */
  async close(): Promise<void> {
    const { handle, intake, state } = this;
    this.handle = undefined;
    this.intake = undefined;
    if (!handle) return;
    try {
      await intake?.settle();
      if (intake && state && intake.size > 0 && (await exists(this.files.state)))
        await writeState(this.files.state, { ...state, synced: intake.synced });
    } catch {
      // The disk is full or gone: then what counts is the error that came before.
    } finally {
      intake?.stop();
      this.inspector?.stop();
      await handle.close().catch(() => {});
    }
  }

  private stopIfAsked(): void {
    if (this.needs.signal.aborted)
      throw new UserError({
        code: "interrupted",
        message: "Interrupted; what has been fetched is kept, and the same command goes on from there.",
      });
  }

  private unsteady(): UserError {
    return new UserError({
      code: "unreachable",
      message: `${this.from.url} answers with other bytes each time it is asked.`,
      hint: "Wait until whoever keeps that server is done with it, then run this again.",
    });
  }

  private givenUp(error: unknown): UserError {
    const size = this.intake?.size ?? 0;
    const kept = size > 0 ? ` ${(size / 1e6).toFixed(0)} MB are kept, and the same command goes on from there.` : "";
    const told = error instanceof UserError ? error : undefined;
    return new UserError({
      code: "unreachable",
      message: `${told?.message ?? this.from.url} It was tried ${PATIENCE + 1} times.`,
      hint: `${told?.hint ?? "Check the network, then try again."}${kept}`,
      cause: error,
    });
  }
}

/** A server that says "not now": worth another try. */
class Refusal extends UserError {
  constructor(
    message: string,
    readonly headers: Readonly<Record<string, string>>,
  ) {
    super({ code: "unreachable", message });
  }
}

function passing(error: unknown): boolean {
  return error instanceof UserError && error.code === "unreachable" && !(error instanceof Final);
}

/** A server that says "no": asking again would be a nuisance. */
class Final extends UserError {}

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

function mismatch(url: string, promised: Checksum | undefined, found: string): UserError {
  return new UserError({
    code: "integrity",
    message: `${url} is not the box that its catalog promises: its ${promised?.type} is ${found}, not ${promised?.value}.`,
    hint: "It was deleted. Run this again; if it happens again, the catalog or the box is wrong: tell whoever keeps them.",
  });
}

function spelled(checksum: Checksum | undefined): string | undefined {
  return checksum === undefined ? undefined : `${checksum.type}:${checksum.value}`;
}

/** What If-Range may be asked with: a strong ETag, or a date that is old enough to be one (RFC 9110 §13.1.5). */
function validator({ etag, lastModified }: PartState): string | undefined {
  return etag !== undefined && /^"/.test(etag) ? etag : lastModified;
}

function vouchedDate(headers: Readonly<Record<string, string>>): string | undefined {
  const text = headers["last-modified"];
  const age = Date.parse(headers["date"] ?? "") - Date.parse(text ?? "");
  return age >= 1000 ? text : undefined;
}

function kept(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    KEPT_HEADERS.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name].slice(0, 200)]])),
  );
}

async function exists(file: string): Promise<boolean> {
  return await fs.access(file).then(
    () => true,
    () => false,
  );
}

function full(error: unknown, part: string): unknown {
  const code = systemErrorCode(error);
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  return new UserError({
    code: "disk-full",
    message: `The disk is full: ${part} could not be written.`,
    hint: "Free some space (or your quota) and run the same command again: it goes on where it stopped.",
    cause: error,
  });
}
