/**
 * What verify asks of a database in a notebook's kernel: that what a notebook finds in its environment is enough to ask it
 * and to write, and that it refuses whoever has no password. The Python that asks is the kind's own (src/services/kinds).
 */
import { randomBytes } from "node:crypto";
import { UserError } from "../errors.ts";
import type { Asked } from "./ask-guest.ts";
import { type Answer, type Check, clean, failed, passed } from "./check.ts";
import type { NotebookKernel } from "./notebook-kernel.ts";

/** What the kernel found out. */
export interface DatabaseFacts {
  version?: string;
  /** A question was answered. */
  query?: boolean;
  /** What was written was read again. */
  insert?: boolean;
  /** How the database refused a login that it has to refuse. */
  refused?: string;
  /** How one could log in all the same. */
  open?: string;
  /** Why the questions could not all be put. */
  error?: string;
}

const MARK = "NOTEBOX-DATABASE ";

/**
 * The code that a kernel runs. `python` fills the dict `facts` (keys as in DatabaseFacts); `mark` is a word of hexadecimal
 * digits for the names of what it makes.
 */
export function databaseQuestion(python: string): string {
  const mark = randomBytes(6).toString("hex");
  const inner = python.trim().replaceAll(/^(?=.)/gm, "    ");
  return `import json, os
facts, mark = {}, "${mark}"
try:
${inner}
except Exception as error:
    facts["error"] = (type(error).__name__ + ": " + str(error)).splitlines()[0][:300]
print("${MARK}" + json.dumps(facts))
`;
}

/** Asks once, whoever comes first; undefined where there is no kernel to ask in. */
export function databaseFacts(
  kernel: NotebookKernel | undefined,
  code: string,
): () => Promise<DatabaseFacts | undefined> {
  let asked: Promise<DatabaseFacts> | undefined;
  return async () => {
    if (kernel === undefined) return undefined;
    asked ??= ask(kernel, code);
    return await asked;
  };
}

async function ask(kernel: NotebookKernel, code: string): Promise<DatabaseFacts> {
  const run = await kernel.run(code);
  const line = run.text.split("\n").findLast((one) => one.startsWith(MARK));
  if (line === undefined) return { error: run.error ?? `the kernel printed ${clean(run.text, 80) || "nothing"}` };
  try {
    return JSON.parse(line.slice(MARK.length)) as DatabaseFacts;
  } catch (error) {
    throw new UserError({ code: "check-failed", message: "The kernel's answer is not JSON.", cause: error });
  }
}

interface SampleData {
  name: string;
  unit: string;
  /** Beside workbench.yaml. */
  folder: string;
  suspects: readonly string[];
  told: () => Asked;
}

/** What could not be loaded the service tells, and the guest's answer holds; where it does not run, that is told instead. */
export function dataIsLoaded({ name, unit, folder, suspects, told }: SampleData): Check {
  return {
    id: `data.${name}`,
    title: `The sample data of ${name} is loaded`,
    needs: ["guest"],
    suspects,
    ask: async () => {
      const said = told().answer.said?.[name];
      if (said === undefined || !said.serving) return passed(`nothing of ${folder}/ is left to load`);
      const hint = `Mend that file in the folder ${folder}; \`notebox ssh -- sudo systemctl restart ${unit}\` loads it again.`;
      return failed(said.message, `every file of ${folder}/ loaded, once, in order`, hint, { passing: false });
    },
  };
}

interface Words {
  /** The service. */
  name: string;
  /** The answer where there is no kernel. */
  none: Answer;
}

export function judgeQuery(facts: DatabaseFacts | undefined, { name, none }: Words): Answer {
  if (facts === undefined) return none;
  const expected = "a question answered, a row written and read again";
  const hint = `\`notebox logs ${name}\` shows what the database wrote; a kernel that was started before the database does not know it: restart it.`;
  if (facts.query !== true || facts.insert !== true)
    return failed(clean(facts.error ?? "no row came back", 300), expected, hint);
  return passed(`${clean(facts.version ?? "it", 60)} answered, and kept a row`);
}

export function judgeLogin(facts: DatabaseFacts | undefined, { name, none }: Words): Answer {
  if (facts === undefined) return none;
  const expected = "a refusal";
  if (facts.open !== undefined)
    return failed(
      `one can log in ${clean(facts.open, 60)}`,
      expected,
      `Whoever reaches ${name} can read and change everything: \`notebox down\` now, then \`notebox up\` and verify again.`,
      { passing: false },
    );
  if (facts.refused === undefined)
    return failed(clean(facts.error ?? "no answer", 300), expected, `\`notebox logs ${name}\` shows what it wrote.`);
  return passed(clean(facts.refused, 200));
}
