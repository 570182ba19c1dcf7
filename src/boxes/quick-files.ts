/**
 * Reading many small files and folders: node:fs with callbacks takes a third of the time of node:fs/promises, whose
 * file handles cost more than the files, and as many requests are under way at once.
 */
import fs from "node:fs";
import { promisify } from "node:util";

const file = promisify(fs.readFile);
const folder = promisify(fs.readdir);

export async function readText(name: string): Promise<string> {
  return await file(name, "utf8");
}

export async function readEntries(name: string): Promise<fs.Dirent[]> {
  return await folder(name, { withFileTypes: true });
}
