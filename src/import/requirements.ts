/** requirements.txt (pip's file of requirements) → Python packages. Addresses, files and options of pip are told. */
import type { At, Findings } from "./lines.ts";

/** https://pip.pypa.io/en/stable/reference/requirements-file-format/ */
export function readRequirements(text: string, file: string, findings: Findings): void {
  for (const { line, words } of logicalLines(text)) {
    const at: At = { file, line };
    if (words.startsWith("-")) option(at, words, findings);
    else addRequirement(at, words, findings);
  }
}

/** One requirement as pip takes it, also from a list of pip's in environment.yml. */
export function addRequirement(at: At, what: string, findings: Findings): void {
  const bare = what.replace(/(?:\s+--[a-z-]+(?:[= ]\S+)?)+\s*$/, "").trim();
  const changed =
    bare === what ? undefined : "Taken without its options: workbench.lock, made at the first start, holds the hashes.";
  const address = /^(?:([A-Za-z0-9._-]+) *(?:\[[^\]]*\])? *@ *)?(?:git\+|[a-z+]+:\/\/|file:)/.exec(bare);
  if (address !== null)
    return void findings.tell(
      at,
      bare,
      "could-not-take",
      `It comes from an address. Put its wheel into wheels/ beside workbench.yaml and write ${address[1] ?? "its name"} under packages: python:.`,
    );
  findings.addPython(at, what, bare, changed);
}

function option(at: At, words: string, findings: Findings): void {
  const [name = ""] = words.split(/[\s=]/);
  if (["-r", "--requirement", "-c", "--constraint"].includes(name))
    return void findings.tell(
      at,
      words,
      "could-not-take",
      "Another file's lines are not followed: copy them into this file.",
    );
  if (["-e", "--editable"].includes(name))
    return void findings.tell(
      at,
      words,
      "could-not-take",
      "Make a wheel of it (pip wheel .) and put that into wheels/ beside workbench.yaml.",
    );
  findings.tell(
    at,
    words,
    "could-not-take",
    "An option of pip: an index and its kin come from the settings of the computer that runs the VM.",
  );
}

/** Without comments and empty lines; a backslash at a line's end joins it to the next. */
function* logicalLines(text: string): Generator<{ line: number; words: string }> {
  let pending = "";
  let began = 0;
  for (const [index, raw] of `${text}\n`.split(/\r\n|\r|\n/).entries()) {
    if (pending === "") began = index + 1;
    if (raw.endsWith("\\") && !/^\s*#/.test(raw)) {
      pending += `${raw.slice(0, -1)} `;
      continue;
    }
    const words = (pending + raw).replace(/(?:^|\s)#.*$/, "").trim();
    pending = "";
    if (words !== "") yield { line: began, words };
  }
}
