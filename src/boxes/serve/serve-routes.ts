/**
 * What an address of a served share means: the share's own paths, and those that Vagrant and its plugins ask a
 * registry for, old and new. Pure; whether there is such a thing is serve.ts's.
 */
import { isDeviceName } from "../../workbench/file-names.ts";
import { type BoxId, parseFileName, SHARE_FILE } from "../layout.ts";

export type Route =
  | { kind: "index" }
  | { kind: "settings" }
  | { kind: "catalog"; name: string }
  | { kind: "box" | "record"; box: BoxId }
  /** The old registry's address of a box, from before architectures. */
  | { kind: "some-box"; name: string; version: string; provider: string };

/** undefined for what is no address of anything here, such as one that climbs. */
export function routeOf(target: string): Route | undefined {
  const parts = segments(target);
  if (parts === undefined) return undefined;
  if (parts.length === 0) return { kind: "index" };
  if (parts.length === 1) return parts[0] === SHARE_FILE ? { kind: "settings" } : undefined;
  return shareRoute(parts) ?? registryRoute(parts);
}

/** The path's parts, decoded; each could be a file's name and nothing else. */
function segments(target: string): string[] | undefined {
  const path = /^\/[^?#]*/.exec(target)?.[0];
  if (path === undefined) return undefined;
  if (path === "/") return [];
  try {
    const parts = path.slice(1).split("/").map(decodeURIComponent);
    return parts.every(isPlain) ? parts : undefined;
  } catch {
    return undefined;
  }
}

function isPlain(part: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._+-]*$/.test(part) && !part.endsWith(".") && !isDeviceName(part);
}

/** As layout.ts has them. A catalog is the same behind every door here, because it is made for the one asked. */
function shareRoute(parts: readonly string[]): Route | undefined {
  const [top, owner = "", short = "", version = "", file = ""] = parts;
  if (top === "boxes" && parts.length === 5) {
    const parsed = parseFileName(file);
    if (!parsed) return undefined;
    const box = { name: `${owner}/${short}`, version, provider: parsed.provider, arch: parsed.arch };
    return { kind: parsed.ending === "box" ? "box" : "record", box };
  }
  if (top === "catalogs" && parts.length === 4 && version.endsWith(".json"))
    return { kind: "catalog", name: `${short}/${version.slice(0, -".json".length)}` };
  return undefined;
}

/**
 * Vagrant's lib/vagrant/action/builtin/box_add.rb asks for OWNER/NAME up to 2.3, from 2.4 on for
 * api/v2/vagrant/OWNER/NAME too. Boxes are fetched from where the catalog says; the registry's own addresses of them
 * stand in scripts and other tools.
 */
function registryRoute(parts: readonly string[]): Route | undefined {
  const [owner = "", short = ""] = parts;
  if (parts.length === 2) return { kind: "catalog", name: `${owner}/${short}` };
  if (parts.length === 5 && parts.slice(0, 3).join("/") === "api/v2/vagrant")
    return { kind: "catalog", name: `${parts[3]}/${parts[4]}` };
  const [, boxes, name = "", versions, version = "", providers, provider = "", arch = "", file] = parts;
  if (boxes !== "boxes" || versions !== "versions" || providers !== "providers") return undefined;
  if (parts.length === 9 && file === "vagrant.box")
    return { kind: "box", box: { name: `${owner}/${name}`, version, provider, arch } };
  if (parts.length === 7 && provider.endsWith(".box"))
    return {
      kind: "some-box",
      name: `${owner}/${name}`,
      version,
      provider: provider.slice(0, -".box".length),
    };
  return undefined;
}
