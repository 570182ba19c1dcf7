/**
 * Where Vagrant keeps installed boxes, by version: lib/vagrant/box_collection.rb and box.rb of 2.3.4 and 2.4.9, of
 * which the versions between and beside them do not differ in this. Putting boxes there is src/boxes/install/install.ts's.
 */
import fs from "node:fs";
import path from "node:path";
import type { Deps } from "../ports.ts";

/** 2.4 puts a folder for the architecture between version and provider; 2.3 would not see a box in it. */
export type BoxLayout = "flat" | "architectures";

/** How that Vagrant lays boxes out, or undefined for one that nobody here has looked at. */
export function boxLayout(vagrantVersion: string): BoxLayout | undefined {
  if (/^2\.3\.[4-7]$/.test(vagrantVersion)) return "flat";
  return /^2\.4\.[0-9]$/.test(vagrantVersion) ? "architectures" : undefined;
}

/** The folder of all boxes. */
export function boxesFolder(deps: Pick<Deps, "env" | "homeDir">): string {
  return path.join(path.resolve(deps.env["VAGRANT_HOME"] || path.join(deps.homeDir, ".vagrant.d")), "boxes");
}

/** A box's folder in it: BoxCollection#dir_name. */
export function boxFolderName(name: string, platform: NodeJS.Platform): string {
  const escaped = platform === "win32" ? name.replaceAll(":", "-VAGRANTCOLON-") : name;
  return escaped.replaceAll("/", "-VAGRANTSLASH-");
}

/**
 * Where in a box's folder one version for one provider lies. A box of unknown architecture has no folder for it in
 * 2.4 either; Vagrant takes such a box for the computer's own.
 */
export function boxPlace(layout: BoxLayout, box: { version: string; provider: string; arch: string }): string {
  const arch = layout === "architectures" && box.arch !== "unknown" ? [box.arch] : [];
  return path.join(box.version, ...arch, box.provider);
}

/** The versions of a box that this Vagrant would use here: BoxCollection#find with the architecture left to it. */
export function installedVersions(
  folder: string,
  layout: BoxLayout,
  wanted: { provider: string; arch: string },
): string[] {
  return foldersIn(folder).filter((version) => {
    const flat = boxPlace("flat", { ...wanted, version });
    return [flat, boxPlace(layout, { ...wanted, version })].some((place) =>
      fs.existsSync(path.join(folder, place, "metadata.json")),
    );
  });
}

function foldersIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder).filter((name) => !name.startsWith("."));
  } catch {
    return [];
  }
}

/** Vagrant's word for this computer's architecture: Platform.architecture, which a variable overrides. */
export function hostArchitecture(deps: Pick<Deps, "env" | "arch">): string {
  const names: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64", ia32: "i386" };
  return deps.env["VAGRANT_HOST_ARCHITECTURE"] || (names[deps.arch] ?? deps.arch);
}
