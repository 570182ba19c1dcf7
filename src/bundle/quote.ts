/**
 * One quoting function per language that rendered files are written in: what goes in as data comes out as data.
 * A text that a language cannot hold is refused, never changed. Which value goes where is for the templates.
 */
import { UserError } from "../errors.ts";

/** A Ruby literal. Letters stay readable; whatever cannot be seen (controls, marks that turn text round) is escaped. */
export function ruby(value: string | number | boolean | undefined): string {
  if (value === undefined) return "nil";
  if (typeof value !== "string") return String(value);
  wellFormed(value, "Ruby");
  const escaped = value
    .replace(/["\\#]/g, "\\$&")
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
  return `"${escaped}"`;
}

/** A Bash word: between single quotes everything but the quote stands for itself. */
export function bash(value: string): string {
  wellFormed(value, "Bash");
  if (value.includes("\0")) throw refused(value, "Bash");
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/**
 * A word of a Windows batch file. There is no way to quote all of them there (% and ! are read inside quotes, and
 * the file's encoding is whatever the computer has), so only plain ones are let through.
 */
export function cmd(value: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9 ._-]*$/.test(value)) throw refused(value, "a batch file");
  return value;
}

/**
 * A sentence of our own after `echo` in a batch file, outside of brackets. Windows' consoles know ASCII for sure, so
 * quotation marks become plain ones; a sentence with anything that cmd.exe reads as code is refused.
 */
export function cmdText(value: string): string {
  const plain = value.replace(/[“”]/g, "'");
  if (!/^[A-Za-z0-9][A-Za-z0-9 ,.;:'()/_-]*$/.test(plain)) throw refused(value, "a batch file");
  return plain;
}

/**
 * The value of a key of type localestring in a .desktop file.
 * https://specifications.freedesktop.org/desktop-entry-spec/latest/value-types.html
 */
export function desktop(value: string): string {
  wellFormed(value, "a desktop entry");
  if (/\p{Cc}/u.test(value)) throw refused(value, "a desktop entry");
  // Readers trim spaces at either end.
  return value.replaceAll("\\", "\\\\").replace(/^ | $/g, "\\s");
}

/**
 * Text in an HTML page, between tags or in an attribute's quotes: https://html.spec.whatwg.org/#escapingString, and the
 * single quote. Marks that turn text round stay; the page keeps each value in an element of its own (bdi, h1).
 */
export function html(value: string): string {
  wellFormed(value, "an HTML page");
  // HTML knows no control characters but white space, and readers make a line feed of a carriage return.
  if (/(?![\n\t])\p{Cc}/u.test(value)) throw refused(value, "an HTML page");
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return value.replace(/[&<>"']/g, (character) => names[character] ?? character);
}

/** A sentence of templates/read-me: *words* between stars are strong. For our own texts, never for a workbench's. */
export function rich(value: string): string {
  return html(value).replace(/\*([^*]+)\*/g, "<strong>$1</strong>");
}

/** One line of a data file that guests read line by line. */
export function line(value: string): string {
  wellFormed(value, "a line of text");
  if (/\p{Cc}/u.test(value)) throw refused(value, "a line of text");
  return `${value}\n`;
}

/** Half a surrogate pair cannot be written as UTF-8: it would silently become another character. */
function wellFormed(value: string, language: string): void {
  if (/\p{Surrogate}/u.test(value)) throw refused(value, language);
}

function refused(value: string, language: string): UserError {
  return new UserError({
    code: "invalid",
    message: `${JSON.stringify(value.slice(0, 80))} holds a character that ${language} cannot.`,
    hint: "Take that character out of workbench.yaml.",
  });
}
