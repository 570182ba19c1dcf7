/**
 * What a workbench is brought in from: a list of plain files with their sizes, read one by one and never followed,
 * unpacked or run beyond that. Where the list comes from is folder-source.ts's, zip-source.ts's and git-source.ts's.
 */
import { UserError } from "../errors.ts";

export interface SourceFile {
  /** Below the source, with forward slashes; no part of it is `..` or empty. */
  path: string;
  size: number;
  /** Throws UserError `integrity` when the file is not what the list says, or larger. */
  read(): Promise<Buffer>;
}

export interface Source {
  /** What people call it: the folder's, the zip's or the repository's name. */
  name: string;
  files: readonly SourceFile[];
  /** What is there and is no plain file that can be taken, with the reason. */
  skipped: readonly { path: string; why: string }[];
  close(): Promise<void>;
}

export const MOST_FILES = 20_000;
export const MiB = 1024 * 1024;
/** The largest file that is read at all. */
export const LARGEST_FILE = 50 * MiB;
/** The largest file of settings: requirements.txt, docker-compose.yml and their kin. */
export const LARGEST_SETTINGS = MiB;

/** Made anew wherever people work; nobody misses them. */
export const LITTER = new Set([
  ...[".git", ".hg", ".svn", "node_modules", "__pycache__", ".ipynb_checkpoints", "__MACOSX"],
  ...[".venv", "venv", ".DS_Store", "Thumbs.db", "desktop.ini"],
]);

/** Why a path of a foreign list cannot be taken, or undefined. */
export function pathComplaint(path: string): string | undefined {
  if (path.length > 400) return "its path is longer than 400 characters";
  if (path.includes("\uFFFD")) return "its name is not UTF-8";
  if (/^[/\\]|^[A-Za-z]:/.test(path)) return "its path is absolute";
  if (/[\\\p{Cc}]/u.test(path)) return "its name holds a backslash or a control character";
  const parts = path.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) return "its path leads out of its folder";
  return undefined;
}

/** A file of settings as text. Throws UserError `invalid` with the reason: too large, or in no encoding of text. */
export async function textOf(file: SourceFile): Promise<{ text: string; was?: string }> {
  const refuse = (why: string): UserError => new UserError({ code: "invalid", message: why });
  if (file.size > LARGEST_SETTINGS) throw refuse("it is larger than 1 MiB, which no such file is");
  const bytes = await file.read();
  for (const [encoding, mark] of [
    ["utf-16le", [0xff, 0xfe]],
    ["utf-16be", [0xfe, 0xff]],
  ] as const) {
    if (bytes[0] === mark[0] && bytes[1] === mark[1])
      return { text: decode(encoding, bytes, refuse), was: "UTF-16, as Windows writes it" };
  }
  return { text: decode("utf-8", bytes, refuse) };
}

function decode(encoding: string, bytes: Buffer, refuse: (why: string) => UserError): string {
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw refuse("it is not UTF-8 text: save it as UTF-8 and try again");
  }
  if (text.includes("\0")) throw refuse("it is no text file");
  return text;
}
