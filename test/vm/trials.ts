/**
 * Runs trials one after another and keeps the score: one line each with its seconds, the closing line at the end.
 * A trial that throws has failed. Within a scenario, trials stand on each other: after a failure of one that
 * others need, those count as failed too, because they were not shown to work.
 */
export interface Result {
  name: string;
  passed: boolean;
  seconds: number;
  /** What was seen, in a few words; or why it failed. */
  remark: string;
}

export class Trials {
  readonly results: Result[] = [];
  readonly #only: string | undefined;
  #brokenBy: string | undefined;
  #interrupted = false;

  /** With `only`, trials whose name does not contain it are left out. */
  constructor(only?: string) {
    this.#only = only;
  }

  /** A new scenario: what failed before does not matter to it. */
  fresh(): void {
    if (!this.#interrupted) this.#brokenBy = undefined;
  }

  /** No further trial runs; scenarios tidy up and end. */
  interrupt(): void {
    this.#interrupted = true;
    this.#brokenBy = "Ctrl-C";
  }

  get failures(): number {
    return this.results.filter((result) => !result.passed).length;
  }

  /** Runs one trial; the remark that it returns stands on its line. `vital`: nothing after it works without it. */
  async trial(name: string, body: () => Promise<string | undefined>, vital = false): Promise<boolean> {
    if (this.#only !== undefined && !vital && !name.includes(this.#only)) return true;
    if (this.#brokenBy !== undefined) {
      this.#note({ name, passed: false, seconds: 0, remark: `not run, because of: ${this.#brokenBy}` });
      return false;
    }
    const began = performance.now();
    const seconds = (): number => (performance.now() - began) / 1000;
    try {
      const remark = (await body()) ?? "";
      this.#note({ name, passed: true, seconds: seconds(), remark });
      return true;
    } catch (error) {
      const remark = error instanceof Error ? error.message : String(error);
      this.#note({ name, passed: false, seconds: seconds(), remark });
      if (vital) this.#brokenBy ??= name;
      return false;
    }
  }

  /** Prints the closing line; returns the exit code. */
  close(): number {
    return closeAll([this]);
  }

  #note(result: Result): void {
    this.results.push(result);
    const time = `${result.seconds.toFixed(1)} s`.padStart(8);
    console.log(
      `${result.passed ? "ok  " : "FAIL"} ${time}  ${result.name}${result.remark ? `: ${result.remark}` : ""}`,
    );
  }
}

/** Prints the closing line of all of them; returns the exit code: each has to have passed something. */
export function closeAll(all: readonly Trials[]): number {
  const failed = all.reduce((sum, { failures }) => sum + failures, 0);
  const passed = all.reduce((sum, { results }) => sum + results.length, 0) - failed;
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  return failed === 0 && all.every(({ results }) => results.length > 0) ? 0 : 1;
}

/** Throws an Error with this message unless the condition holds. */
export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}
