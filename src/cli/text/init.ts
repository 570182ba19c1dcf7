/** `init` for people: what was written, and what to do next. */
import path from "node:path";
import type { InitResult } from "../../commands/init.ts";

const WORDS = { took: "took", changed: "changed", "could-not-take": "could not take" } as const;

export function text(result: InitResult): string {
  const lines = [...broughtIn(result), `${result.folder} holds the workbench “${result.title}” now:`];
  for (const file of result.files) {
    if (file.path.startsWith(".notebox/")) continue;
    lines.push(`  ${file.path}${file.action === "kept" ? " (was there already; kept)" : ""}`);
  }
  if (result.registryCloses !== undefined) {
    const closes = result.registryClosed ? "closed" : "closes";
    lines.push(
      `The box ${result.box.name} comes from the public registry, which ${closes} on ${result.registryCloses}:`,
      "from then on a workbench needs a share with boxes (box: shares: in workbench.yaml, or init --share).",
    );
  }
  for (const { service, message, hint } of result.lacks ?? [])
    lines.push(`Before it can start, ${service}: ${message}`, `  ${hint}`);
  const here = path.relative(process.cwd(), result.folder) === "";
  lines.push(here ? "Next: notebox up" : `Next: notebox -C ${quoted(result.folder)} up`);
  return lines.join("\n");
}

/** Each line of the source, and what became of it; nothing is left unsaid. */
function broughtIn({ from, lines = [] }: InitResult): string[] {
  if (from === undefined) return [];
  const told = lines.map(({ file, line, what, verdict, message }) => {
    const place = file === "." ? "" : `${file}${line === undefined ? "" : `:${line}`}`;
    const shown = what === file ? place : [place, what].filter(Boolean).join("  ");
    return [`${WORDS[verdict].padEnd(14)}  ${shown}`, `${" ".repeat(16)}${message}`];
  });
  const count = (verdict: keyof typeof WORDS) => lines.filter((one) => one.verdict === verdict).length;
  const sum = `From ${from}: ${count("took")} taken, ${count("changed")} changed, ${count("could-not-take")} could not be taken.`;
  return [
    ...told.flat(),
    lines.length === 0 ? `From ${from}: nothing that a workbench knows was found in it.` : sum,
    "",
  ];
}

function quoted(folder: string): string {
  const shown = path.relative(process.cwd(), folder);
  const short = shown.length < folder.length ? shown : folder;
  return /^[\w./\\:-]+$/.test(short) ? short : `"${short}"`;
}
