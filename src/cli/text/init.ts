/** `init` for people: what was written, and what to do next. */
import path from "node:path";
import type { InitResult } from "../../commands/init.ts";

export function text(result: InitResult): string {
  const lines = [`${result.folder} holds the workbench “${result.title}” now:`];
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
  lines.push(`Next: notebox -C ${quoted(result.folder)} up`);
  return lines.join("\n");
}

function quoted(folder: string): string {
  const shown = path.relative(process.cwd(), folder) || ".";
  const short = shown.length < folder.length ? shown : folder;
  return /^[\w./\\:-]+$/.test(short) ? short : `"${short}"`;
}
