/**
 * Python source → the same text with strings and comments blanked out, and its statements, so that rules do not take
 * words in a string for code. It knows Python's tokens, not its grammar. Pure.
 */

export interface Statement {
  /** Offset of its first character that is no blank. */
  start: number;
  /** Its code, strings and comments blanked out, without the blanks around it. */
  code: string;
  /** How far it is indented, in characters. */
  indent: number;
}

export interface PythonText {
  source: string;
  /** As long as the source: each character of a string's inside and of a comment is a blank, line feeds stay. */
  code: string;
  /** Like `code`, but with strings as they are. */
  withStrings: string;
  statements: readonly Statement[];
}

const TOKEN = /#[^\n]*|("""|'''|"|')|\n|[()[\]{}]/g;

/** Lines that begin with % or ! (IPython's own) count as statements like any other. */
export function readPython(source: string): PythonText {
  const code: string[] = [];
  const withStrings: string[] = [];
  const starts: number[] = [0];
  let at = 0;
  let depth = 0;
  const keep = (to: number): void => {
    const text = source.slice(at, to);
    code.push(text);
    withStrings.push(text);
    at = to;
  };
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(source); match !== null; match = TOKEN.exec(source)) {
    keep(match.index);
    const token = match[0];
    if (token.startsWith("#")) {
      blank(token, code);
      blank(token, withStrings);
      at += token.length;
    } else if (match[1] !== undefined) {
      const end = stringEnd(source, at + token.length, token);
      const inside = source.slice(at + token.length, end.inside);
      code.push(
        token,
        inside.includes("\n") ? inside.replace(/[^\n]/g, " ") : " ".repeat(inside.length),
        source.slice(end.inside, end.after),
      );
      withStrings.push(source.slice(at, end.after));
      at = end.after;
      TOKEN.lastIndex = at;
    } else {
      keep(at + 1);
      if (token === "\n") {
        if (depth === 0 && source[at - 2] !== "\\") starts.push(at);
      } else depth = Math.max(0, depth + ("([{".includes(token) ? 1 : -1));
    }
  }
  keep(source.length);
  const text = { source, code: code.join(""), withStrings: withStrings.join("") };
  return { ...text, statements: statementsOf(text.code, starts) };
}

function blank(text: string, into: string[]): void {
  into.push(" ".repeat(text.length));
}

function stringEnd(source: string, from: number, quote: string): { inside: number; after: number } {
  for (let at = from; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (source.startsWith(quote, at)) return { inside: at, after: at + quote.length };
    // A string in single quotes ends with its line, closed or not.
    else if (source[at] === "\n" && quote.length === 1) return { inside: at, after: at };
  }
  return { inside: source.length, after: source.length };
}

function statementsOf(code: string, starts: readonly number[]): Statement[] {
  return starts.flatMap((from, index) => {
    const text = code.slice(from, starts[index + 1] ?? code.length);
    const trimmed = text.trim();
    if (trimmed === "") return [];
    const indent = text.length - text.trimStart().length;
    return [{ start: from + indent, code: trimmed, indent: indent - (text.slice(0, indent).lastIndexOf("\n") + 1) }];
  });
}
