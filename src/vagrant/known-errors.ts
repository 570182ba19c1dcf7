/**
 * What a failure of Vagrant's means and what to do about it, from the table of faults: by the error's class, which
 * Vagrant prints with `--machine-readable`, and by the names that VirtualBox, QEMU or the system print. Pure.
 */
import type { ErrorCode } from "../errors.ts";
import { faultOfError } from "../faults.ts";

export interface KnownError {
  code: ErrorCode;
  /** Why, in a person's words. */
  cause: string;
  hint: string;
  /** NB-D06: what IT is told. */
  fault: string;
}

/** The known error for a class and all that was printed around it. */
export function knownError(errorClass: string, output: string): KnownError | undefined {
  const fault = faultOfError(errorClass, output);
  if (fault === undefined) return undefined;
  const { code, exit, cause, author, user } = fault;
  return {
    code: exit,
    cause,
    hint: `${author ?? user}\nCode for IT: ${code}; \`notebox doctor --explain ${code}\` says more.`,
    fault: code,
  };
}
