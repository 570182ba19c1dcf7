/**
 * The table of known faults, templates/vagrant/faults.json: what is wrong, why, and what to do. notebox, the Ruby beside
 * the Vagrantfile (templates/vagrant/faults.rb) and the launchers read the one file. Pure; it leans on errors.ts alone.
 */
import * as z from "zod";
import data from "../templates/vagrant/faults.json" with { type: "json" };
import { type ErrorCode, EXIT_CODES } from "./errors.ts";

const words = z.string().min(1);
const system = z.enum(["windows", "macos", "linux"]);
export type System = z.infer<typeof system>;

/** A regular expression that JavaScript and Ruby read alike: no anchors but ^ $ and \b, no look-behind, no names. */
const pattern = z.string().refine((text) => {
  if (/\\[AzZhHRKGpPkux]|\(\?[<P#]|\[\[:/.test(text)) return false;
  return compiles(text);
}, "not a regular expression that JavaScript and Ruby read alike");

const question = z.strictObject({
  /** Where it is asked; without it, wherever the fault can be. */
  systems: z.array(system).optional(),
  /** A program and its arguments; {name} stands for something that is found out first. */
  run: z.array(words).min(1),
  passes: pattern.optional(),
  fails: pattern.optional(),
});
export type Question = z.infer<typeof question>;

const fault = z.strictObject({
  code: z.string().regex(/^NB-[DVL]\d\d$/),
  /** The check that finds it. */
  id: z.string().regex(/^[a-z]+(?:-[a-z]+)*$/),
  /** What is true when nothing is wrong. */
  title: words,
  exit: z.enum(Object.keys(EXIT_CODES) as [ErrorCode, ...ErrorCode[]]),
  systems: z.array(system).min(1),
  /** Whether a start has to stop for it. */
  stops: z.boolean(),
  /** Texts of Vagrant, its providers and the system that tell of it. */
  symptoms: z.array(pattern).optional(),
  /** Vagrant's and its plugins' error classes, their last part. */
  classes: z.array(words).optional(),
  /** What the Vagrantfile's own checks say (class Notebox::Failure). */
  own: z.array(pattern).optional(),
  /** It counts before every other symptom and class. */
  firm: z.literal(true).optional(),
  ask: z.array(question).optional(),
  cause: words,
  /** What the person at the computer can do, what IT can, and what an author with notebox does instead. */
  user: words,
  it: words,
  author: words.optional(),
  /** What is wrong, who can mend it, how: the three sentences that a person reads. */
  sentences: z.tuple([words, words, words]),
  source: words.optional(),
});
export type Fault = z.infer<typeof fault>;

export const tableSchema = z.strictObject({
  about: words,
  exits: z.record(z.string(), z.number()),
  oldestVagrant: words,
  /** VirtualBox's series and the first Vagrant that knows it. */
  pairs: z.array(z.strictObject({ virtualbox: words, vagrant: words })),
  needs: z.strictObject({ newVmBytes: z.number(), oldVmBytes: z.number(), hostMemoryMiB: z.number() }),
  registryEnds: z.iso.date(),
  deadPlugins: z.array(words),
  faults: z.array(fault),
});
export type FaultTable = z.infer<typeof tableSchema>;

let read: FaultTable | undefined;

export function faultTable(): FaultTable {
  read ??= tableSchema.parse(data);
  return read;
}

/** By code (NB-D06 or D06, in whatever case) or id; undefined when there is none. */
export function findFault(name: string): Fault | undefined {
  const upper = name.toUpperCase();
  return faultTable().faults.find(({ code, id }) => code === upper || code === `NB-${upper}` || id === name);
}

/** Like findFault, for names that stand in the code. */
export function theFault(name: string): Fault {
  const found = findFault(name);
  if (found === undefined) throw new Error(`the table of faults has no ${name}`);
  return found;
}

/**
 * The fault that a failure of Vagrant's stands for. What is firm counts before all else; a symptom tells more than a
 * class, which may stand for many causes. templates/vagrant/faults.rb does the same.
 */
export function faultOfError(errorClass: string, output: string): Fault | undefined {
  const { faults } = faultTable();
  const name = errorClass.split("::").at(-1) ?? "";
  const byClass = faults.find(({ classes }) => classes?.includes(name));
  if (byClass?.firm) return byClass;
  const firm = faults.find((one) => one.firm === true && any(one.symptoms, output));
  if (firm !== undefined) return firm;
  if (name === "Failure") return faults.find(({ own }) => any(own, output));
  return faults.find(({ symptoms }) => any(symptoms, output)) ?? byClass;
}

/** Every fault whose symptoms stand in a text, in the table's order. */
export function faultsIn(text: string): Fault[] {
  return faultTable().faults.filter(({ symptoms }) => any(symptoms, text));
}

/** As Ruby's Regexp::IGNORECASE, whose ^ and $ are those of a line. */
export function matches(text: string, expression: string): boolean {
  return new RegExp(expression, "im").test(text);
}

/** The first line that an expression is found in, trimmed; undefined when there is none. */
export function lineWith(expression: string | undefined, text: string): string | undefined {
  if (expression === undefined || !matches(text, expression)) return undefined;
  return (text.split("\n").find((line) => matches(line, expression)) ?? text).trim();
}

/** {name|words} becomes what was found under that name, or the words. */
export function sentencesOf(one: Fault, found: Readonly<Record<string, string | number>> = {}): string[] {
  return one.sentences.map((sentence) =>
    sentence
      .replace(/\{([a-z]+)\|([^}]*)\}/g, (_all, name: string, other: string) => String(found[name] ?? other))
      .replace(/ +/g, " ")
      .replace(/ (?=[.,;](?: |$))/g, ""),
  );
}

function any(expressions: readonly string[] | undefined, text: string): boolean {
  return expressions?.some((expression) => matches(text, expression)) ?? false;
}

function compiles(text: string): boolean {
  try {
    new RegExp(text, "im");
    return true;
  } catch {
    return false;
  }
}
