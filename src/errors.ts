/**
 * The errors that reach a person, and the exit code of each.
 * Everything else that is thrown is a bug in notebox: main.ts says so and points to the log.
 */

/** What went wrong, as a word; the exit codes are part of the command line's contract. */
export const EXIT_CODES = {
  bug: 1,
  usage: 2,
  invalid: 3,
  "missing-program": 4,
  unreachable: 5,
  integrity: 6,
  vagrant: 7,
  "check-failed": 8,
  busy: 9,
  refused: 10,
  "disk-full": 11,
  interrupted: 130,
} as const;

export type ErrorCode = keyof typeof EXIT_CODES;

/** One fault among several, with the place where it stands. Lines and columns count from 1. */
export interface Problem {
  id: string;
  message: string;
  file?: string;
  line?: number;
  column?: number;
  /** Index of a notebook's cell, from 0. */
  cell?: number;
  /** The offending value, as the author wrote it. */
  value?: unknown;
  hint?: string;
}

export interface UserErrorOptions {
  code: ErrorCode;
  /** What happened, and why if that is known. */
  message: string;
  /** What to do next. */
  hint?: string;
  problems?: readonly Problem[];
  /** A report that is worth having although the command failed (`verify`, `box verify`). */
  result?: unknown;
  cause?: unknown;
}

/** A failure that is not notebox's fault, told in words that the person who meets it understands. */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly problems: readonly Problem[];
  readonly result: unknown;

  constructor(options: UserErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.hint = options.hint;
    this.problems = options.problems ?? [];
    this.result = options.result;
  }
}

/** The code of a Node system error (`ENOENT`, `EADDRINUSE`), or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return undefined;
}

/** Turns "no space left" and its kin into the error with exit code 11; others pass through. */
export function asDiskFull(error: unknown, path: string, after = "nothing half-written was kept"): unknown {
  const code = systemErrorCode(error);
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  return new UserError({
    code: "disk-full",
    message: `The disk is full: ${path} could not be written.`,
    hint: `Free some space (or your quota) and run the same command again: ${after}.`,
    cause: error,
  });
}
