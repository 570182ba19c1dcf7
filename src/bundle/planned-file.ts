/** One file of the bundle before it is written anywhere. */

export interface PlannedFile {
  /** Below the workbench folder, with forward slashes. */
  path: string;
  content: Buffer;
  executable: boolean;
}

/** A file whose content says itself whether it is to be executed: by its first two characters. */
export function file(path: string, content: Buffer): PlannedFile {
  return { path, content, executable: content.subarray(0, 2).toString("latin1") === "#!" };
}

export function textFile(path: string, text: string): PlannedFile {
  return file(path, Buffer.from(text, "utf8"));
}

/** The same order everywhere, whatever the locale. */
export function byPath(a: { path: string }, b: { path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
