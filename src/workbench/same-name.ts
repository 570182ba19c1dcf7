/** Paths as the file systems of Windows and macOS compare them: two with the same key are one file there. */
export function nameKey(path: string): string {
  return path.normalize("NFC").toLowerCase();
}
