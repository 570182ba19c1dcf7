/** The text of an .ipynb with repairs made in it; what is not repaired keeps every byte. Pure. */
import type { Fix } from "./catalogue.ts";
import { type Span, spanOf } from "./json-spans.ts";

/** The fixes are findings' of this very text, at most one for a cell. */
export function applyFixes(json: string, fixes: readonly Fix[]): string {
  const edits = fixes.map((fix) => ("kernel" in fix ? kernelEdit(json, fix.kernel) : cellEdit(json, fix.replace)));
  return edits
    .sort((a, b) => b.span.from - a.span.from)
    .reduce((text, { span, by }) => text.slice(0, span.from) + by + text.slice(span.to), json);
}

interface Edit {
  span: Span;
  by: string;
}

function kernelEdit(json: string, name: string): Edit {
  return { span: sure(spanOf(json, ["metadata", "kernelspec", "name"])), by: JSON.stringify(name) };
}

/** The source keeps its form: one string, or a list of lines laid out as it was. */
function cellEdit(json: string, { cell, length, by }: { cell: number; length: number; by: string }): Edit {
  const span = sure(spanOf(json, ["cells", cell, "source"]));
  const written = json.slice(span.from, span.to);
  const value = JSON.parse(written) as string | string[];
  if (typeof value === "string") return { span, by: JSON.stringify(by + value.slice(length)) };
  const lines = (by + value.join("").slice(length)).split(/(?<=\n)/).map((line) => JSON.stringify(line));
  const head = /^\[\s*/.exec(written)?.[0] ?? "[";
  const tail = /\s*\]$/.exec(written)?.[0] ?? "]";
  const between = value.length > 1 ? `,${head.slice(1)}` : ", ";
  return { span, by: head + lines.join(between) + tail };
}

function sure(span: Span | undefined): Span {
  if (span === undefined) throw new Error("a place in a notebook that was read before is not there");
  return span;
}
