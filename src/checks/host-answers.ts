/**
 * What doctor's checks have in common: an answer with what goes into the three sentences, the questions that the table
 * of faults holds itself, and a few words about paths. templates/vagrant/host_answers.rb is the same in Ruby.
 */
import { systemErrorCode } from "../errors.ts";
import { type Fault, lineWith, type System, sentencesOf, theFault } from "../faults.ts";
import { type Answer, type Check, failed, notApplicable, passed } from "./check.ts";
import type { Computer } from "./computer.ts";

export { notApplicable, passed } from "./check.ts";

export type Found = Readonly<Record<string, string | number>>;

/** A failure before the table's words are put to it. */
export interface Fails {
  status: "fails";
  seen: string;
  found: Found;
}
export type HostAnswer = Exclude<Answer, { status: "failed" }> | Fails;

export function fails(seen: string, found: Found = {}): Fails {
  return { status: "fails", seen, found };
}

/** The check for one fault of the table. */
export function hostCheck(id: string, ask: (fault: Fault) => HostAnswer | Promise<HostAnswer>): Check {
  const fault = theFault(id);
  return {
    id,
    title: fault.title,
    needs: [],
    suspects: [],
    async ask() {
      const answer = await askSafely(ask, fault);
      if (answer.status !== "fails") return answer;
      const details = [...sentencesOf(fault, answer.found), `Code for IT: ${fault.code}`];
      // What is the matter with this computer does not pass while somebody waits.
      return failed(answer.seen, fault.title, fault.author ?? fault.user, { details, passing: false });
    },
  };
}

/** What the disk refuses to one check, or takes away while it looks, must not keep the others from being asked. */
async function askSafely(ask: (fault: Fault) => HostAnswer | Promise<HostAnswer>, fault: Fault): Promise<HostAnswer> {
  try {
    return await ask(fault);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return notApplicable(`it could not be asked: ${(error as Error).message}`);
  }
}

const NAMES: Readonly<Record<System, string>> = { windows: "Windows", macos: "macOS", linux: "Linux" };

/** Why a fault cannot be on this computer, or undefined when it can. */
export function elsewhere(computer: Computer, fault: Fault): string | undefined {
  if (fault.systems.includes(computer.system)) return undefined;
  return `this is not ${fault.systems.map((one) => NAMES[one]).join(" or ")}`;
}

/**
 * Puts the questions that the table holds for a fault. `values` fill {name} in a command; one without its value is not
 * asked. The first answer that passes counts, else the last that fails.
 */
export async function askTable(
  computer: Computer,
  fault: Fault,
  values: Readonly<Record<string, string | undefined>>,
): Promise<HostAnswer> {
  let evidence: string | undefined;
  let asked = false;
  for (const question of fault.ask ?? []) {
    if (!(question.systems ?? fault.systems).includes(computer.system)) continue;
    const command = question.run.map((word) => (word.startsWith("{") ? values[word.slice(1, -1)] : word));
    const [file, ...args] = command.filter((word) => word !== undefined);
    if (file === undefined || command.includes(undefined)) continue;
    const ran = await computer.run(file, ...args);
    if (ran === undefined) continue;
    asked = true;
    const good = lineWith(question.passes, ran.text);
    if (good !== undefined) return passed(good);
    evidence = lineWith(question.fails, ran.text) ?? evidence;
  }
  if (!asked) return { status: "not-applicable", reason: "nothing on this computer can be asked" };
  return evidence === undefined ? passed("nothing against it") : fails(evidence);
}

const CLOUDS =
  /[\\/](OneDrive[^\\/]*|Dropbox[^\\/]*|Google ?Drive|iCloud ?Drive|Mobile Documents|CloudStorage|Nextcloud)([\\/]|$)/i;

/** The folder of a program that copies to a cloud, if the path leads through one. */
export function cloud(place: string): string | undefined {
  return CLOUDS.exec(place)?.[1];
}

export function isUnc(place: string): boolean {
  return /^[\\/]{2}[^\\/?.]/.test(place);
}

/** A network drive: a UNC path, or a letter that Windows has connected to one. */
export async function isNetwork(computer: Computer, place: string): Promise<boolean> {
  if (computer.system !== "windows") return false;
  if (isUnc(place)) return true;
  const letter = /^([A-Za-z]:)/.exec(place)?.[1];
  if (letter === undefined || letter.toUpperCase() === (computer.deps.env["SystemDrive"] ?? "").toUpperCase())
    return false;
  return (await computer.run("net", "use", letter))?.code === 0;
}
