/** Questions to a person, by @clack/prompts, on standard error so that standard output stays the result's. */
import { UserError } from "../errors.ts";
import type { Prompts } from "../ports.ts";

/** Without anybody to answer, each question takes its default. */
export function createPrompts(options: { interactive: boolean }): Prompts {
  const { interactive } = options;
  const clack = async () => await import("@clack/prompts");
  const output = process.stderr;
  return {
    interactive,
    async confirm({ message, initial }) {
      if (!interactive) return initial;
      const { confirm, isCancel } = await clack();
      const answer = await confirm({ message, initialValue: initial, output });
      if (isCancel(answer)) throw cancelled();
      return answer;
    },
    async text({ message, initial, validate }) {
      if (!interactive) return initial ?? "";
      const { text, isCancel } = await clack();
      const answer = await text({
        message,
        output,
        ...(initial === undefined ? {} : { initialValue: initial }),
        ...(validate === undefined ? {} : { validate: (value) => validate(value ?? "") }),
      });
      if (isCancel(answer)) throw cancelled();
      return answer;
    },
    async select({ message, options: choices }) {
      const first = choices[0]?.value ?? "";
      if (!interactive) return first;
      const { select, isCancel } = await clack();
      const answer = await select<string>({ message, options: [...choices], output });
      if (isCancel(answer)) throw cancelled();
      return answer;
    },
  };
}

function cancelled(): UserError {
  return new UserError({ code: "interrupted", message: "Cancelled; nothing was changed." });
}
