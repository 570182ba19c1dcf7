/** Variables in a compose file: their plain defaults stand for them. No .env file is read and no environment: they hold secrets. */

// The innermost first: a default may hold another variable.
const VARIABLE = /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-?+])([^${}]*))?\})/g;
const MOST_NESTED = 8;

/** https://docs.docker.com/reference/compose-file/interpolation/, as if no variable were set. */
export class Variables {
  /** Names of those whose default was taken. */
  readonly byDefault = new Set<string>();
  /** Names of those that have none. */
  readonly unset = new Set<string>();

  plain(given: string): string {
    let text = given.replaceAll("$$", "\0");
    for (let depth = 0; depth < MOST_NESTED && text.includes("$"); depth++)
      text = text.replace(VARIABLE, (_all, bare: string | undefined, braced = "", operator = "", word = "") =>
        this.valueOf(bare ?? braced, operator, word),
      );
    return text.replaceAll("\0", "$");
  }

  private valueOf(name: string, operator: string, word: string): string {
    if (operator.endsWith("+")) return "";
    if (operator.endsWith("-")) {
      this.byDefault.add(name);
      return word;
    }
    this.unset.add(name);
    return "";
  }

  /** A sentence with a space before it; empty where no default was taken. */
  get defaultsTold(): string {
    const names = listed(this.byDefault);
    return names === "" ? "" : ` It is the default of ${names}: values in .env files are not read.`;
  }

  get unsetTold(): string {
    return `${listed(this.unset)} has no default here, and values in .env files are not read.`;
  }
}

function listed(names: ReadonlySet<string>): string {
  return [...names]
    .slice(0, 3)
    .map((name) => name.slice(0, 60))
    .join(", ");
}
