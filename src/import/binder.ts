/**
 * Files of Binder (repo2docker's configuration files): which of them count, as there, and what each gives. Nothing in
 * them is run: a script's lines are told, with what to do instead.
 * https://repo2docker.readthedocs.io/en/latest/configuration/
 */
import { readEnvironment } from "./conda.ts";
import { type Findings, joinedLines } from "./lines.ts";
import { readRequirements } from "./requirements.ts";

type Read = (text: string, file: string, findings: Findings) => void;

/** What Binder reads of a folder, in the order in which it is told. */
const READERS: Readonly<Record<string, Read>> = {
  "environment.yml": readEnvironment,
  "requirements.txt": readRequirements,
  "apt.txt": readApt,
  "runtime.txt": readRuntime,
  postBuild: readScript,
  start: readScript,
};

const LEFT: Readonly<Record<string, string>> = {
  Dockerfile: "A workbench is no container: write what it installs under packages: in workbench.yaml.",
  Pipfile: "Write its packages under packages: python: (pipenv requirements prints them).",
  "Pipfile.lock": "Write its packages under packages: python: (pipenv requirements prints them).",
  "setup.py": "Make a wheel of the project (pip wheel .) and put it into wheels/ beside workbench.yaml.",
  "pyproject.toml": "Make a wheel of the project (pip wheel .) and put it into wheels/ beside workbench.yaml.",
  "install.R": "A workbench has Python kernels only; R is not in it.",
  DESCRIPTION: "A workbench has Python kernels only; R is not in it.",
  "Project.toml": "A workbench has Python kernels only; Julia is not in it.",
  REQUIRE: "A workbench has Python kernels only; Julia is not in it.",
  "default.nix": "A workbench knows no Nix: write the packages under packages: in workbench.yaml.",
};

export const SETTINGS: ReadonlySet<string> = new Set([...Object.keys(READERS), ...Object.keys(LEFT)]);

/** The folder whose files Binder reads: "binder/", ".binder/" or "" (the top). With both of the first it refuses. */
export function binderFolder(paths: readonly string[], findings: Findings): string {
  const [first, second] = ["binder/", ".binder/"].filter((folder) => paths.some((path) => path.startsWith(folder)));
  if (first === undefined) return "";
  if (second !== undefined)
    findings.tell(
      { file: second },
      second,
      "could-not-take",
      `There is ${first} too, and Binder takes no two; the files of ${first} were read.`,
    );
  return first;
}

/** `read` gives a file's text, or tells why there is none. */
export async function readBinder(
  paths: readonly string[],
  read: (path: string) => Promise<string | undefined>,
  findings: Findings,
): Promise<void> {
  const folder = binderFolder(paths, findings);
  const there = (name: string): boolean => paths.includes(folder + name);
  for (const [name, reader] of Object.entries(READERS)) {
    if (!there(name)) continue;
    if (name === "requirements.txt" && there("environment.yml")) {
      findings.tell(
        { file: folder + name },
        name,
        "could-not-take",
        "Binder does not read it beside environment.yml; add what is missing to packages: python:.",
      );
      continue;
    }
    const text = await read(folder + name);
    if (text !== undefined) findings.attempt({ file: folder + name }, () => reader(text, folder + name, findings));
  }
  if (folder !== "")
    for (const name of SETTINGS)
      if (paths.includes(name)) {
        const message = `Binder reads ${folder} alone where there is such a folder; so does this.`;
        findings.tell({ file: name }, name, "could-not-take", message);
      }
  for (const [name, message] of Object.entries(LEFT))
    if (there(name)) findings.tell({ file: folder + name }, name, "could-not-take", message);
}

function readApt(text: string, file: string, findings: Findings): void {
  for (const [index, raw] of text.split(/\r\n|\r|\n/).entries()) {
    for (const word of raw.replace(/#.*$/, "").split(/\s+/).filter(Boolean)) {
      const [name = "", ...version] = word.split("=");
      const changed = "Stands under packages: apt: without its version, which only one release of a distribution has.";
      findings.addApt({ file, line: index + 1 }, word, name, version.length === 0 ? undefined : changed);
    }
  }
}

function readRuntime(text: string, file: string, findings: Findings): void {
  const wanted = text.trim().split(/\s/)[0] ?? "";
  const at = { file, line: 1 };
  if (/^python-3\.(?:11|12|13)\b/.test(wanted))
    findings.tell(
      at,
      wanted,
      "changed",
      "The workbench has the Python of its box: 3.13 on notebox/debian-13, 3.12 on Ubuntu 24.04.",
    );
  else if (/^python-/.test(wanted))
    findings.tell(
      at,
      wanted,
      "changed",
      "The workbench has the Python of its box (3.11 to 3.13): packages pinned to old versions may need newer ones.",
    );
  else findings.tell(at, wanted, "could-not-take", "A workbench has Python kernels only.");
}

/** postBuild and start are programs of others: never run, here or in the VM. */
function readScript(text: string, file: string, findings: Findings): void {
  const does = "It is never run.";
  for (const { line: number, words } of joinedLines(text)) {
    if (words === "" || words.startsWith("#") || /^set [-+]/.test(words)) continue;
    const line = { file, line: number };
    const install = /\b(?:pip3?|conda|mamba) install\b([^;&|]*)/.exec(words)?.[1];
    const apt = /\bapt(?:-get)? install\b([^;&|]*)/.exec(words)?.[1];
    if (install !== undefined)
      findings.tell(line, words, "could-not-take", `${does} Write ${names(install)} under packages: python:.`);
    else if (apt !== undefined)
      findings.tell(line, words, "could-not-take", `${does} Write ${names(apt)} under packages: apt:.`);
    else if (/\b(?:labextension|nbextension|serverextension)\b/.test(words))
      findings.tell(
        line,
        words,
        "could-not-take",
        `${does} Write the extension's Python package under packages: python:.`,
      );
    else
      findings.tell(
        line,
        words,
        "could-not-take",
        `${does} What a notebook needs of it can stand in the notebook's first cell.`,
      );
  }
}

/** Options of pip, conda and apt that the next word belongs to. */
const TAKES_A_WORD =
  /^(?:-[rcefintp]|--(?:requirement|constraint|editable|channel|name|prefix|file|target|(?:extra-)?index-url|find-links))$/;

function names(given: string): string {
  const words = given.split(/\s+/).filter(Boolean);
  const found = words.filter((word, at) => /^[A-Za-z0-9][^/:]*$/.test(word) && !TAKES_A_WORD.test(words[at - 1] ?? ""));
  return found.length === 0 ? "what it installs" : found.join(", ").slice(0, 100);
}
