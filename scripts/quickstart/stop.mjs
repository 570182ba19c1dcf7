// The one kind of failure that the quickstart tells a person, with notebox's own exit codes.

export const EXIT = {
  usage: 2,
  missing: 4,
  unreachable: 5,
  vagrant: 7,
  check: 8,
  busy: 9,
  refused: 10,
  interrupted: 130,
};

/** `message` says what happened, `hint` what to do next. */
export class Stop extends Error {
  constructor(exitCode, message, hint) {
    super(message);
    this.exitCode = exitCode;
    this.hint = hint;
  }
}
