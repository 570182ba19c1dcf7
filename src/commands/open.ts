/**
 * `notebox open`: shows the workbench in the browser. It opens the page that the Vagrantfile's trigger wrote; that
 * page knows the token, so the token stands on no command line.
 */
import fs from "node:fs";
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { openPage, requireEndpoints } from "../vagrant/machine-files.ts";

export interface OpenOptions {
  folder: string;
}

export interface OpenResult {
  page: string;
  /** The program that was asked to show it. */
  program: string;
}

/** An opener that fails does so at once. */
const PATIENCE_MS = 5000;

export async function open(deps: Deps, options: OpenOptions): Promise<OpenResult> {
  const page = openPage(options.folder);
  requireEndpoints(options.folder);
  if (!fs.existsSync(page))
    throw new UserError({
      code: "vagrant",
      message: "The VM runs, but its page is missing.",
      hint: "`notebox up` writes it again.",
    });
  const [program, ...args] = opener(deps.platform, page);
  const byHand = `Open this file in a browser: ${page}`;
  const found = await deps.processes.which(program);
  if (found === undefined || (deps.platform === "linux" && !hasDisplay(deps)))
    throw new UserError({
      code: "missing-program",
      message:
        found === undefined
          ? `This system has no ${program} to show a page with.`
          : "There is no graphical desktop here.",
      hint: byHand,
    });
  const running = deps.processes.run(found, args);
  // Some openers stay until the browser is closed. It must not be ended then, so after a while they are left alone.
  const result = await Promise.race([running, deps.clock.sleep(PATIENCE_MS).then(() => undefined)]);
  if (result !== undefined && result.exitCode !== 0)
    throw new UserError({
      code: "missing-program",
      message: `${program} could not show the page (exit code ${result.exitCode}).`,
      hint: byHand,
    });
  return { page, program };
}

function opener(platform: NodeJS.Platform, page: string): [string, ...string[]] {
  if (platform === "darwin") return ["open", page];
  // Unlike `start`, this takes the path as it is: no shell reads it.
  if (platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler", page];
  return ["xdg-open", page];
}

function hasDisplay(deps: Pick<Deps, "env">): boolean {
  // BROWSER may name a program for the terminal, which needs no desktop.
  return ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"].some((name) => (deps.env[name] ?? "") !== "");
}
