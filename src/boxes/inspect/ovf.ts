/**
 * Just enough of an OVF to know that it can be one: well-formed, without a DOCTYPE, an Envelope, and which files it
 * names (DSP0243, "References"). Pure; whether those files are in the box is inspect.ts's.
 */

export interface OvfFile {
  href: string;
}

/** The files that it names, or what is wrong with it. */
export function readOvf(text: string): OvfFile[] | { fault: string } {
  if (text.includes("\0")) return { fault: "is not XML" };
  // Entities can read files of the computer that opens it, and blow up; no program that writes OVFs uses them.
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) return { fault: "holds a DOCTYPE, which no OVF needs" };
  const bare = text.replace(/^\uFEFF/, "").replace(/<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>/g, "");
  const open: string[] = [];
  const files: OvfFile[] = [];
  let root: string | undefined;
  let last = 0;
  for (const match of bare.matchAll(
    /<(\/?)([A-Za-z_][\w.:-]*)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/g,
  )) {
    const [all, closing, name = "", attributes = "", empty] = match;
    if (bare.slice(last, match.index).includes("<")) return { fault: "is not well-formed XML" };
    last = match.index + all.length;
    if (open.length === 0 && root !== undefined) return { fault: "is not well-formed XML" };
    if (closing) {
      if (open.pop() !== name) return { fault: "is not well-formed XML" };
      continue;
    }
    root ??= name;
    if (localName(name) === "File") {
      const href = /(?:^|[\s:])href\s*=\s*(?:"([^"]*)"|'([^']*)')/.exec(attributes);
      files.push({ href: unescaped(href?.[1] ?? href?.[2] ?? "") });
    }
    if (!empty) open.push(name);
  }
  if (root === undefined || open.length > 0 || bare.slice(last).includes("<"))
    return { fault: "is not well-formed XML" };
  return localName(root) === "Envelope" ? files : { fault: "is no OVF: its root is no Envelope" };
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name] ?? "");
}
