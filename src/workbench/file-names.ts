/** What the file systems of Windows and macOS make of names. Pure. */

// Windows gives these names to devices, whatever the extension; a file or folder cannot have them.
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;

/** Whether Windows takes this for a device and not for a file. */
export function isDeviceName(name: string): boolean {
  return DEVICE.test(name);
}

/** Whether a file or folder on Windows can be called so; of a path, ask for each part. */
export function fitsWindows(name: string): boolean {
  return !/[<>:"|?*]/.test(name) && !/[. ]$/.test(name) && !isDeviceName(name);
}

/** Paths as the file systems of Windows and macOS compare them: two with the same key are one file there. */
export function nameKey(path: string): string {
  return path.normalize("NFC").toLowerCase();
}
