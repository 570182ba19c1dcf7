/**
 * Fetches one box into its `.part`, however often the connection breaks: goes on where it ended when the server can
 * vouch that it is still the same box, begins again when not. Hashes and inspection happen on the way (intake.ts).
 * Which box, its place and its record are the command's.
 */
import fs from "node:fs/promises";
import { asDiskFull, systemErrorCode, UserError } from "../../errors.ts";
import type { Digest } from "../digest.ts";
import { exists } from "../durable.ts";
import type { BoxFacts } from "../inspect/box-facts.ts";
import { type Inspector, inspectBox } from "../inspect/inspect.ts";
import { createIntake, type Intake } from "../intake.ts";
import { partFiles } from "../layout.ts";
import { keptHeaders, type Provenance, publicAddress } from "./address.ts";
import { type Checksum, extraHash, otherThan, spelledChecksum } from "./checksum.ts";
import { type Answer, ask, type FetchNeeds, pause, type Token } from "./fetch.ts";
import { bootMark, type PartState, readState, resumable, sourceMark, validator, writeState } from "./part-state.ts";
import { givenUp, isWorthAnotherTry, mismatch, otherLength, Refusal, refusal, unsteady } from "./refusal.ts";
import { checkRoom } from "./room.ts";
import { judge, marksOf } from "./same-box.ts";

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
    const told = asDiskFull(error, options.part, "it goes on where it stopped");
    if (told !== error) await job.giveBack();
    throw told;
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
  private cutShort = false; // the part ends before what was taken in
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
        if (++beginnings > 3) throw unsteady(this.from.url);
      } catch (error) {
        if (!isWorthAnotherTry(error)) throw error;
        const size = this.intake?.size ?? 0;
        failures = size - best >= PROGRESS ? 1 : failures + 1;
        best = Math.max(best, size);
        if (failures > PATIENCE) throw givenUp(error, this.from.url, PATIENCE + 1, size);
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
    const found = await readState(this.files.state);
    this.handle = await fs.open(part, "r+").catch(async (error: unknown) => {
      if (systemErrorCode(error) === "ENOENT") return await fs.open(part, "w+");
      throw error;
    });
    const wanted = { source: sourceMark(url), promised: spelledChecksum(promised), boot: this.boot };
    const { state, keep } = resumable(found, wanted, (await this.handle.stat()).size);
    this.state = state;
    await this.handle.truncate(keep);
    this.intake = this.newIntake();
    if (keep === 0) return;
    this.resumed = true;
    this.options.onNote?.("Reading what an earlier run has fetched.");
    const stream = this.handle.createReadStream({ start: 0, end: keep - 1, highWaterMark: PROGRESS, autoClose: false });
    for await (const chunk of stream) {
      this.stopIfAsked();
      await this.intake.write(chunk as Buffer);
      this.options.onBytes?.(this.intake.size, state.total);
    }
  }

  private newIntake(): Intake {
    const { handle } = this;
    if (!handle) throw new Error("the part is not open");
    this.inspector?.stop();
    this.intake?.stop();
    this.inspector = inspectBox(this.from.url);
    return createIntake({
      file: this.options.part,
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
    const { intake, state } = this.running;
    const at = intake.size;
    const verdict = judge(answer, at, state, this.options.promised);
    if (verdict === undefined) throw refusal(answer, this.from.url);
    if (verdict.next === "end") return "whole";
    if (verdict.next === "begin") {
      await this.begin();
      return "again";
    }
    if (verdict.next === "rest") this.resumed = true;
    else if (at > 0) await this.begin();
    await this.receive(answer, verdict.total);
    return "whole";
  }

  private async receive(answer: Answer, total: number | undefined): Promise<void> {
    const { intake, state } = this.running;
    const { headers } = answer;
    this.from = { url: publicAddress(this.options.url), redirects: answer.redirects, headers: keptHeaders(headers) };
    if (headers["content-type"]?.startsWith("text/html"))
      throw new UserError({
        code: "integrity",
        message: `${this.from.url} answers with a web page, not with a box.`,
        hint: "Open it in a browser: a log-in page or a proxy's message may stand in between.",
      });
    if (total !== undefined) await checkRoom(this.options.part, total - intake.size, total);
    state.total = total;
    Object.assign(state, marksOf(headers));
    await writeState(this.files.state, state);
    for await (const chunk of answer.body) {
      this.stopIfAsked();
      this.fetched += chunk.length;
      await intake.write(chunk);
      this.options.onBytes?.(intake.size, total);
      if (total !== undefined && intake.size > total) break;
    }
    if (total === undefined || intake.size === total) return;
    throw otherLength(this.from.url, intake.size, total);
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

  /** A little of a full disk's room, or nobody could tidy up: that takes a lock, and new catalogs. */
  async giveBack(): Promise<void> {
    const { size } = (await this.handle?.stat()) ?? { size: 0 };
    await this.handle?.truncate(Math.max(0, size - PROGRESS));
    this.cutShort = true;
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
      if (!this.cutShort) await intake?.settle();
      if (!this.cutShort && intake && state && intake.size > 0 && (await exists(this.files.state)))
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
}
