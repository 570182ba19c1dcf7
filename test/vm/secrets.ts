/**
 * Watches for the token where it must never be: the process lists of the host (sampled while commands run) and of
 * the VM, what notebox prints, its logs, and every file of the workbench but the page that exists to hold it.
 */
import fs from "node:fs";
import path from "node:path";
import { inGuest } from "./guest.ts";
import type { Lab } from "./lab.ts";

const PAGE = path.join(".notebox", "open.html");

/** Remembers every command line that was seen; `stop` ends it. */
export class CommandLines {
  readonly seen = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#look(), 300);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        this.seen.add(fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "));
      } catch {
        // It ended between the two looks.
      }
    }
  }
}

/** The tokens of all services, by name. */
export async function readTokens(lab: Lab): Promise<Record<string, string>> {
  const script = 'cd /var/lib/notebox/tokens; for name in *; do printf "%s %s\\n" "$name" "$(cat "$name")"; done';
  const lines = (await inGuest(lab.workbench, script)).split("\n");
  return Object.fromEntries(lines.map((line) => line.split(" ") as [string, string]));
}

/** Every place where one of the tokens was found and must not be. */
export async function leaks(lab: Lab, tokens: readonly string[], watched: CommandLines): Promise<string[]> {
  const places: string[] = [];
  const holds = (text: string): boolean => tokens.some((token) => text.includes(token));
  if ([...watched.seen].some(holds)) places.push("a process list of the host");
  if (lab.transcript.some(holds)) places.push("what notebox printed");
  for (const file of filesIn(lab.workbench)) {
    const relative = path.relative(lab.workbench, file);
    if (relative !== PAGE && holds(fs.readFileSync(file, "latin1"))) places.push(relative);
  }
  const inside = await inGuest(lab.workbench, "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; true");
  if (holds(inside)) places.push("a process list of the VM");
  if (holds(await inGuest(lab.workbench, "journalctl --no-pager -o cat || true", 120))) places.push("the VM's journal");
  return places;
}

function filesIn(folder: string): string[] {
  return fs.readdirSync(folder, { withFileTypes: true, recursive: true }).flatMap((entry) => {
    return entry.isFile() ? [path.join(entry.parentPath, entry.name)] : [];
  });
}
