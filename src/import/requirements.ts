/** requirements.txt (pip's file of requirements) → Python packages. Addresses, files and options of pip are told. */
import { type At, type Findings, joinedLines } from "./lines.ts";

/** https://pip.pypa.io/en/stable/reference/requirements-file-format/ */
export function readRequirements(text: string, file: string, findings: Findings): void {
  for (const { line, words: raw } of joinedLines(text)) {
    const words = raw.replace(/(?:^|\s)#.*$/, "").trim();
    if (words !== "") addPipLine({ file, line }, words, findings);
  }
}

/** One line as pip takes it, also from a list of pip's in environment.yml. */
export function addPipLine(at: At, words: string, findings: Findings): void {
  if (words.startsWith("-")) option(at, words, findings);
  else addRequirement(at, words, findings);
}

function addRequirement(at: At, what: string, findings: Findings): void {
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
  if (/^(?:-[rc]|--requirement\b|--constraint\b)/.test(words))
    return void findings.tell(
      at,
      words,
      "could-not-take",
      "Another file's lines are not followed: copy them into this file.",
    );
  if (/^(?:-e|--editable\b)/.test(words))
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
