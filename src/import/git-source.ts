/**
 * A git repository as a source: its newest state alone is cloned into a folder of its own, with a git that asks nobody,
 * knows no settings and so runs no hook, filter or other program, and speaks HTTP only. Submodules are left out.
 */
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import { openFolder } from "./folder-source.ts";
import { MiB, type Source } from "./source.ts";

const WITHIN_MS = 10 * 60_000;
/** Of the repository and its files together; far more than a course's notebooks and data. */
const MOST_BYTES = 2 * 1024 * MiB;

/** Whether it is an address and not the name of a file: a scheme, or user@host:path as git takes it. */
export function isAddress(from: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:(?:\/\/|:)/.test(from) || /^[^/\\:\s]+@[^/\\:\s]+:/.test(from);
}

/** Throws UserError `usage` for an address that is not taken. */
export function checkAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const refuse = (message: string, hint: string): UserError => new UserError({ code: "usage", message, hint });
  if (url === undefined || !["https:", "http:"].includes(url.protocol))
    throw refuse(
      `--from takes addresses of git repositories that begin with https:// (or http://), and ${JSON.stringify(shown(address))} does not.`,
      "Clone it yourself, or unpack it, and name the folder.",
    );
  if (url.username !== "" || url.password !== "")
    throw refuse(
      "The address holds a user name or a password, which other programs on this computer could read.",
      "Clone the repository yourself, and name the folder.",
    );
  const repository = repositoryOf(url);
  if (repository !== undefined)
    throw refuse(
      `${JSON.stringify(shown(address))} is the address of a page about a repository, not of the repository.`,
      `Give --from ${repository}: its main branch is taken. For another branch, or one folder of it: clone it yourself, and name the folder.`,
    );
  return url;
}

/** Of a forge's page (a branch, a file, a list of issues): the address of the repository that it is about. */
function repositoryOf({ origin, host, pathname, search, hash }: URL): string | undefined {
  const path = pathname.replace(/\/+$/, "");
  // GitLab's own mark; it has groups within groups before it.
  const marked = /^((?:\/[^/]+){2,}?)\/-(?:\/|$)/.exec(path)?.[1];
  if (marked !== undefined) return origin + marked;
  const [, repository, below = ""] = /^(\/[^/]+\/[^/]+)(\/.*)?$/.exec(path) ?? [];
  if (repository === undefined || path.endsWith(".git")) return undefined;
  if (below === "") {
    const onForge = /^(?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org)$/.test(host);
    return onForge && search + hash !== "" ? origin + repository : undefined;
  }
  // Other forges of one's own have a page of a branch or a file at these; no group is called so.
  const isPage = /^(?:www\.)?github\.com$/.test(host) || /^\/(?:tree|blob|raw|src|commits?)\/./.test(below);
  return isPage ? origin + repository : undefined;
}

/** Throws UserError `missing-program`, `unreachable`, `interrupted`. The folder is gone when the source is closed. */
export async function openGit(deps: Pick<Deps, "processes" | "signal">, address: string): Promise<Source> {
  const url = checkAddress(address);
  const around = await fs.mkdtemp(path.join(os.tmpdir(), "notebox-from-"));
  const close = (): Promise<void> => fs.rm(around, { recursive: true, force: true, maxRetries: 3 });
  try {
    const folder = path.join(around, "source");
    const none = path.join(around, "none");
    await fs.mkdir(none);
    const env = {
      ...{ HOME: none, XDG_CONFIG_HOME: none, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: path.join(none, "config") },
      ...{
        GIT_TERMINAL_PROMPT: "0",
        GIT_ASKPASS: "",
        SSH_ASKPASS: "",
        GIT_LFS_SKIP_SMUDGE: "1",
        GIT_ALLOW_PROTOCOL: "https:http",
      },
      ...{
        GIT_DIR: undefined,
        GIT_WORK_TREE: undefined,
        GIT_TEMPLATE_DIR: undefined,
        GIT_CONFIG_PARAMETERS: undefined,
        GIT_CONFIG_COUNT: undefined,
      },
    };
    const settings = [
      "core.hooksPath=",
      "core.symlinks=false",
      "core.protectNTFS=true",
      "core.protectHFS=true",
      "credential.helper=",
    ];
    const args = [
      ...settings.flatMap((setting) => ["-c", setting]),
      ...["clone", "--quiet", "--depth", "1", "--single-branch", "--no-tags", "--no-recurse-submodules", "--template="],
      ...["--", url.href, folder],
    ];
    const run = await watched(folder, deps.signal, (signal) =>
      deps.processes.run("git", args, { cwd: around, env, timeoutMs: WITHIN_MS, signal }),
    );
    if (run === undefined) throw failure(url, "it is larger than 2 GiB");
    if (run.exitCode !== 0) throw failure(url, run.timedOut ? "it took longer than ten minutes" : run.stderr);
    const name = path.posix.basename(url.pathname).replace(/\.git$/, "") || url.hostname;
    return { ...(await openFolder(folder, name)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Ends the work when the folder grows too large, and gives back undefined then. */
async function watched<T>(
  folder: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const tooLarge = new AbortController();
  let ended = false;
  const look = async (): Promise<void> => {
    if ((await bytesIn(folder)) > MOST_BYTES) tooLarge.abort();
    // The work may have ended while the folder was looked at; a timer set then would never stop.
    else if (!ended) timer = setTimeout(look, 1000);
  };
  let timer = setTimeout(look, 1000);
  try {
    return await work(AbortSignal.any([signal, tooLarge.signal]));
  } catch (error) {
    if (tooLarge.signal.aborted && !signal.aborted) return undefined;
    throw error;
  } finally {
    ended = true;
    clearTimeout(timer);
  }
}

/** What vanishes meanwhile counts as nothing. */
async function bytesIn(folder: string): Promise<number> {
  const entries = await fs.readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const sizes = entries.map(async (entry) =>
    entry.isFile()
      ? await fs.lstat(path.join(entry.parentPath, entry.name)).then(
          ({ size }) => size,
          () => 0,
        )
      : 0,
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

function failure(url: URL, said: string): UserError {
  const why = said
    .split("\n")
    .map((line) => /^(?:fatal|error|remote): *(.+)$/.exec(line.trim())?.[1] ?? (said.includes("\n") ? undefined : line))
    .find((line) => line !== undefined && line !== "");
  return new UserError({
    code: "unreachable",
    message: `${shown(url.href)} could not be cloned${why === undefined ? "" : `: ${why.replace(/\.$/, "")}`}.`,
    hint: "Check the address. A repository that is not public: clone it yourself, and name the folder.",
  });
}

/** Without what may be a password. */
function shown(address: string): string {
  return address.replace(/\/\/[^/@]*@/, "//…@").slice(0, 300);
}
