/**
 * Numbers with units, as workbench.yaml writes them: "2 GiB", "30 s". Pure; what range a value may have
 * is for the schema.
 */

const SIZES: Readonly<Record<string, number>> = { MiB: 1, GiB: 1024 };
const TIMES: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600 };

/** What people write instead, and what they most likely mean. */
const SIZE_SLIPS: Readonly<Record<string, string>> = {
  m: "MiB",
  mb: "MiB",
  mib: "MiB",
  g: "GiB",
  gb: "GiB",
  gib: "GiB",
};
const TIME_SLIPS: Readonly<Record<string, string>> = {
  s: "s",
  sec: "s",
  secs: "s",
  second: "s",
  seconds: "s",
  m: "min",
  min: "min",
  mins: "min",
  minute: "min",
  minutes: "min",
  h: "h",
  hour: "h",
  hours: "h",
};

/** A fault as words, and what to write instead. */
export interface Complaint {
  message: string;
  hint?: string;
}

export type Measured = { value: number } | Complaint;

/** "2 GiB" → 2048: whole mebibytes. */
export function parseSize(text: string): Measured {
  return parse(text, SIZES, SIZE_SLIPS, { example: "2 GiB", what: "a size", whole: "MiB" });
}

/** "2 min" → 120: whole seconds. */
export function parseDuration(text: string): Measured {
  return parse(text, TIMES, TIME_SLIPS, { example: "30 s", what: "a time", whole: "seconds" });
}

/** 2048 → "2 GiB": the shortest text that parseSize reads back. */
export function formatSize(mebibytes: number): string {
  return mebibytes % 1024 === 0 ? `${mebibytes / 1024} GiB` : `${mebibytes} MiB`;
}

/** 120 → "2 min". */
export function formatDuration(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

function parse(
  text: string,
  units: Readonly<Record<string, number>>,
  slips: Readonly<Record<string, string>>,
  words: { example: string; what: string; whole: string },
): Measured {
  const names = Object.keys(units).join(", ");
  const match = /^([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([A-Za-z]*)$/.exec(text);
  if (!match) {
    return {
      message: `must be ${words.what}: a number and a unit`,
      hint: `Write it like ${words.example} (${names}).`,
    };
  }
  const [, number = "", unit = ""] = match;
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (factor === undefined) {
    const slip = Object.hasOwn(slips, unit.toLowerCase()) ? slips[unit.toLowerCase()] : undefined;
    const message = unit === "" ? "has no unit" : `has the unknown unit ${unit}`;
    return { message, hint: slip ? `Did you mean ${number} ${slip}?` : `Write it like ${words.example} (${names}).` };
  }
  const value = Number(number) * factor;
  if (!Number.isInteger(value)) {
    return { message: `is not a whole number of ${words.whole}`, hint: `Write it like ${words.example}.` };
  }
  return { value };
}
