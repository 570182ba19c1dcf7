/**
 * How long to wait before a server is asked again, by what it answered and how often it has failed. Pure; who asks
 * and who waits is fetch.ts and download.ts.
 */

type Headers = Readonly<Record<string, string>>;

/** In milliseconds. Longer than this nobody waits: the command ends and says when to come back. */
export const LONGEST_WAIT = 15 * 60_000;
const FIRST = 500;
const LONGEST_OWN = 30_000;

/** Answers after which the same question can have another answer. */
export function isPassing(status: number, headers: Headers): boolean {
  if ([408, 425, 429, 500, 502, 503, 504].includes(status)) return true;
  // Some registries answer 403 when a client has asked too often.
  return status === 403 && remaining(headers) === 0;
}

/**
 * Milliseconds to wait before attempt `failures` + 1. `now` is in milliseconds, `chance` between 0 and 1. What the
 * server asks for counts (RFC 9110 §10.2.3, and the X-RateLimit fields of most APIs), else the time doubles.
 */
export function waitFor(failures: number, headers: Headers, now: number, chance: number): number {
  const asked = retryAfter(headers, now) ?? reset(headers, now);
  const own = Math.min(LONGEST_OWN, FIRST * 2 ** Math.min(failures - 1, 10)) * (0.5 + chance / 2);
  return asked === undefined ? own : Math.max(asked, 0) + 100 * chance;
}

function retryAfter(headers: Headers, now: number): number | undefined {
  const text = headers["retry-after"]?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = text === "" ? Number.NaN : Date.parse(text);
  return Number.isNaN(date) ? undefined : date - now;
}

function reset(headers: Headers, now: number): number | undefined {
  if (remaining(headers) !== 0) return undefined;
  const value = Number(headers["x-ratelimit-reset"] ?? headers["ratelimit-reset"] ?? Number.NaN);
  if (!Number.isFinite(value) || value < 0) return undefined;
  // Either the time of day in seconds, or the seconds until then.
  return value > 1e9 ? value * 1000 - now : value * 1000;
}

function remaining(headers: Headers): number | undefined {
  const text = headers["x-ratelimit-remaining"] ?? headers["ratelimit-remaining"];
  return text !== undefined && /^\d+$/.test(text.trim()) ? Number(text) : undefined;
}
