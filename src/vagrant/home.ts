/**
 * Where Vagrant keeps its files (VAGRANT_HOME): the usual .vagrant.d in the profile, or another place where that one is
 * not fit. The launchers follow the same rule (templates/launchers/home.cmd.hbs and home.sh.hbs), so that a workbench
 * has one home whoever starts it; a test compares them case by case. What is chosen is noted in .notebox/host.json.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { UserError } from "../errors.ts";
import type { Deps } from "../ports.ts";

/** Below it Vagrant and a box's files need some 120 of the 260 characters that Windows takes. */
const LONGEST = 100;
const PLAIN = /^[A-Za-z0-9:/\\._~@+, -]*$/;

/** A place that was looked at; `network` and `writable` are asked only of one that is fit by its name. */
export interface Place {
  folder: string;
  network: boolean;
  writable: boolean;
}

export type Unfit = "not-local" | "long" | "letters" | "network" | "read-only";

/** What a path alone says against it. Pure. */
export function unfitName(folder: string, platform: NodeJS.Platform): Unfit | undefined {
  const local = platform === "win32" ? /^.:\\/.test(folder) : folder.startsWith("/");
  if (!local) return "not-local";
  if (folder.length > LONGEST) return "long";
  return PLAIN.test(folder) ? undefined : "letters";
}

/** Pure. */
export function unfit(place: Place, platform: NodeJS.Platform): Unfit | undefined {
  const name = unfitName(place.folder, platform);
  if (name !== undefined) return name;
  if (place.network) return "network";
  return place.writable ? undefined : "read-only";
}

/**
 * The places in the order in which they are tried; the first is the usual one. Pure. The last resort, which has to be
 * made, is not among them.
 */
export function homeCandidates(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
  known: { homeDir: string; noted: string | undefined; remembered: string | undefined },
): string[] {
  const { homeDir, noted, remembered } = known;
  if (platform !== "win32")
    return [`${homeDir}/.vagrant.d`, ...[noted].filter((folder): folder is string => folder !== undefined)];
  const more = [noted, `${env["LOCALAPPDATA"] ?? ""}\\notebox\\vagrant`, remembered];
  const usual = `${env["USERPROFILE"] ?? homeDir}\\.vagrant.d`;
  return [usual, ...more.filter((folder): folder is string => folder !== undefined && folder !== "")];
}

type Needs = Pick<Deps, "processes" | "env" | "platform" | "homeDir">;

/**
 * The same dependencies, with VAGRANT_HOME set for everything that is run, where the usual place is not fit and nobody
 * has set it. Notes the choice in the workbench folder, if there is one. Throws `check-failed` when no place is fit.
 */
export async function withVagrantHome<T extends Needs>(deps: T, folder?: string): Promise<T> {
  if (deps.env["VAGRANT_HOME"]) return deps;
  const home = await chooseHome(deps, folder);
  if (folder !== undefined) note(folder, home);
  if (home === undefined) return deps;
  const { processes } = deps;
  return {
    ...deps,
    env: { ...deps.env, VAGRANT_HOME: home },
    processes: {
      ...processes,
      run: async (file: string, args: readonly string[], options = {}) =>
        await processes.run(file, args, { ...options, env: { VAGRANT_HOME: home, ...options.env } }),
    },
  };
}

/** undefined: the usual place. */
async function chooseHome(deps: Needs, folder: string | undefined): Promise<string | undefined> {
  const windows = deps.platform === "win32";
  const noteFile = path.join(deps.env["LOCALAPPDATA"] ?? "", "notebox", "vagrant-home");
  const known = {
    homeDir: deps.homeDir,
    noted: existing(folder === undefined ? undefined : readNoted(folder)),
    remembered: windows ? existing(readLine(noteFile)) : undefined,
  };
  const [usual, ...others] = homeCandidates(deps.env, deps.platform, known);
  if (usual !== undefined && (await isFit(deps, usual))) return undefined;
  for (const place of others) if ((await isFit(deps, place)) && isOwn(place, deps)) return place.replaceAll("\\", "/");
  const made = windows ? await makeOnWindows(deps, noteFile) : await makeShared(deps);
  if (made !== undefined) return made.replaceAll("\\", "/");
  throw new UserError({
    code: "check-failed",
    message: "There is no place on this computer where Vagrant could keep its files.",
    hint: "Ask IT for a local folder with a short path without special letters and 6 GiB free, and set VAGRANT_HOME to it.",
  });
}

async function isFit(deps: Needs, folder: string): Promise<boolean> {
  if (unfitName(folder, deps.platform) !== undefined) return false;
  const place = { folder, network: await isOnNetwork(deps, folder), writable: canWrite(folder) };
  return unfit(place, deps.platform) === undefined;
}

/** As the launchers ask it: `net use X:` knows a network drive; df names the server of one. */
async function isOnNetwork(deps: Needs, folder: string): Promise<boolean> {
  if (deps.platform === "win32") {
    const ran = await deps.processes.run("net", ["use", folder.slice(0, 2)]).catch(() => undefined);
    return ran?.exitCode === 0;
  }
  let above = folder;
  while (!fs.existsSync(above)) above = path.dirname(above);
  const ran = await deps.processes.run("df", ["-P", "--", above]).catch(() => undefined);
  const device = ran?.stdout.split("\n")[1]?.split(" ")[0] ?? "";
  return /:\/|^\/\/|@.*:/.test(device);
}

function canWrite(folder: string): boolean {
  const probe = path.join(folder, ".notebox-probe");
  try {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(probe, "");
    fs.rmSync(probe);
    return true;
  } catch {
    return false;
  }
}

/** Below a place where everybody may make folders, a folder may be somebody else's, with plugins that Vagrant would run. */
async function makeShared(deps: Needs): Promise<string | undefined> {
  const place = path.join(deps.platform === "darwin" ? "/Users/Shared" : "/var/tmp", `notebox-${os.userInfo().uid}`);
  try {
    fs.mkdirSync(place, { mode: 0o700 });
  } catch {
    // It is there already; whose it is, is asked next.
  }
  if (!isOwn(place, deps)) return undefined;
  fs.chmodSync(place, 0o700);
  return (await isFit(deps, place)) ? place : undefined;
}

/** A new folder below ProgramData that nobody else may enter; its name is kept where only this user can write. */
async function makeOnWindows(deps: Needs, noteFile: string): Promise<string | undefined> {
  const who = await deps.processes.run("whoami", ["/user", "/fo", "csv", "/nh"]).catch(() => undefined);
  const sid = /"(S-[0-9-]+)"\s*$/.exec(who?.stdout ?? "")?.[1];
  const place = path.join(deps.env["ProgramData"] ?? "", `notebox-${Math.floor(Math.random() * 2 ** 30)}`);
  if (sid === undefined || unfitName(place, deps.platform) !== undefined) return undefined;
  try {
    fs.mkdirSync(place);
    const rights = ["/inheritance:r", "/grant:r", `*${sid}:(OI)(CI)F`];
    const shut = await deps.processes.run("icacls", [place, ...rights]);
    if (shut.exitCode !== 0 || !(await isFit(deps, place))) throw new Error("others may write there");
    fs.mkdirSync(path.dirname(noteFile), { recursive: true });
    fs.writeFileSync(noteFile, `${place}\r\n`);
    return place;
  } catch {
    fs.rmSync(place, { recursive: true, force: true });
    return undefined;
  }
}

function isOwn(folder: string, deps: Needs): boolean {
  if (deps.platform === "win32") return true; // only this user can have written the names that are tried there
  const stats = fs.lstatSync(folder, { throwIfNoEntry: false });
  return stats?.isDirectory() === true && stats.uid === os.userInfo().uid;
}

const hostFile = (folder: string): string => path.join(folder, ".notebox", "host.json");

/** What a launcher or an earlier notebox has noted. */
function readNoted(folder: string): string | undefined {
  try {
    const home: unknown = JSON.parse(fs.readFileSync(hostFile(folder), "utf8")).vagrantHome;
    return typeof home === "string" && home !== "" ? path.normalize(home) : undefined;
  } catch {
    return undefined;
  }
}

/** Nothing depends on the note being written: who reads it follows the same rule. */
function note(folder: string, home: string | undefined): void {
  try {
    if (home === undefined) {
      fs.rmSync(hostFile(folder), { force: true });
      return;
    }
    fs.mkdirSync(path.dirname(hostFile(folder)), { recursive: true });
    fs.writeFileSync(hostFile(folder), `${JSON.stringify({ version: 1, vagrantHome: home })}\n`);
  } catch {
    // A folder that cannot be written is told by whoever has to write there.
  }
}

function readLine(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8").split(/\r?\n/)[0];
  } catch {
    return undefined;
  }
}

function existing(folder: string | undefined): string | undefined {
  return folder !== undefined && fs.existsSync(folder) ? folder : undefined;
}
