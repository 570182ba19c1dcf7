/** The real clock: the time of day, and sleep that a signal can end. */
import { UserError } from "../errors.ts";
import type { Clock } from "../ports.ts";

export function createClock(): Clock {
  return {
    now: () => Date.now(),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const stop = (): void => {
          clearTimeout(timer);
          reject(new UserError({ code: "interrupted", message: "Interrupted." }));
        };
        if (signal?.aborted) {
          reject(new UserError({ code: "interrupted", message: "Interrupted." }));
          return;
        }
        const timer = setTimeout(() => {
          signal?.removeEventListener("abort", stop);
          resolve();
        }, ms);
        signal?.addEventListener("abort", stop, { once: true });
      }),
  };
}
