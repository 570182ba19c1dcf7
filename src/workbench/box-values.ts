/**
 * What stands under `box:`: a Vagrant box name, a version constraint, the doors of a share.
 * Says what is wrong with one; whether the box is there is for src/boxes.
 */

import { isDeviceName } from "./file-names.ts";
import type { Complaint } from "./units.ts";

/** A box name as Vagrant takes it: owner/name, or the bare name of a box that is installed already. */
export function boxNameComplaint(value: string): Complaint | undefined {
  const hint = "Write it like notebox/debian-13: letters, digits, dots, - and _.";
  if (value.length > 120) return { message: "is longer than 120 characters", hint };
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)?$/.test(value)) {
    return { message: "is not the name of a Vagrant box", hint };
  }
  if (value.split("/").some((part) => part.endsWith(".") || isDeviceName(part))) {
    return { message: "has a part that a folder on Windows cannot be called", hint };
  }
  return undefined;
}

/** A version constraint as Vagrant takes it: RubyGems' operators, joined with commas. */
export function constraintComplaint(value: string): Complaint | undefined {
  const hint = 'Write it like "13.1.0", ">= 13.1" or "~> 13.1, != 13.1.2".';
  if (value.length > 200) return { message: "is longer than 200 characters", hint };
  const clause = /^ *(=|!=|>=|<=|>|<|~>)? *[0-9]+(\.[0-9A-Za-z]+)*(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)? *$/;
  if (value.split(",").every((part) => clause.test(part))) return undefined;
  if (/\^/.test(value)) return { message: "is not a version constraint of Vagrant's", hint: "Write ~> instead of ^." };
  if (/~(?!>)/.test(value))
    return { message: "is not a version constraint of Vagrant's", hint: "Write ~> instead of ~." };
  if (/==/.test(value)) {
    return {
      message: "is not a version constraint of Vagrant's",
      hint: `Did you mean ${value.replaceAll("==", "=")}?`,
    };
  }
  return { message: "is not a version constraint of Vagrant's", hint };
}

/** A door of a share: an absolute folder, a UNC path or an http(s) address, without credentials. */
export function doorComplaint(value: string): Complaint | undefined {
  const hint = "Write a UNC path (//server/share), an absolute folder or an http(s) address.";
  if (value.length > 500) return { message: "is longer than 500 characters", hint };
  if (value !== value.trim()) return { message: "begins or ends with a space", hint: `Did you mean ${value.trim()}?` };
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(value)?.[1]?.toLowerCase();
  if (scheme !== undefined) return addressComplaint(value, scheme, hint);
  const path = value.replaceAll("\\", "/");
  if (path.split("/").some((part) => part === ".." || part === ".")) {
    return { message: "must not hold . or .. as a folder", hint };
  }
  if (/^\/\/[^/]*@/.test(path)) return credentials();
  if (/^\/\/[^/]+\/[^/]+/.test(path)) return undefined;
  if (path.startsWith("//")) return { message: "names no share on that server", hint: "Write it like //server/share." };
  if (/^\/[^/]/.test(path) || path === "/" || /^[A-Za-z]:\/./.test(path)) return undefined;
  return { message: "is not an absolute folder or address", hint };
}

function addressComplaint(value: string, scheme: string, hint: string): Complaint | undefined {
  if (scheme !== "http" && scheme !== "https") return { message: `has the scheme ${scheme}, which is no door`, hint };
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^https?:\/\/[^/]/i.test(value)) return { message: "is not a complete address", hint };
  if (/^https?:\/\/[^/]*@/i.test(value)) return credentials();
  if (value.includes("?") || value.includes("#")) {
    return { message: "holds ? or #; a door is a folder", hint: `Did you mean ${value.replace(/[?#].*$/s, "")}?` };
  }
  return undefined;
}

function credentials(): Complaint {
  return {
    message: "holds a user name or password, which everybody who gets the workbench could read",
    hint: "Leave it out: let the server allow reading without one, or mount the share first.",
  };
}
