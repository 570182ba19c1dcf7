/**
 * The rule for Vagrant's folder, case by case: what the profile is like, and what comes of it. The launchers' scripts and
 * notebox are held against the same cases.
 */
export interface HomeCase {
  about: string;
  /** The folder that holds .vagrant.d: USERPROFILE or HOME. */
  profile: string;
  /** Windows only. */
  local?: string;
  /** VAGRANT_HOME, where somebody has set it. */
  given?: string;
  /** The folder cannot be made. */
  blocked?: boolean;
  /** "usual": nothing is set; "given": left as it is; "local", "made": below LOCALAPPDATA, or a folder of its own; "none": refused. */
  expected: "usual" | "given" | "local" | "made" | "none";
}

const long = (start: string, length: number): string => start + "x".repeat(length - start.length);

/** `.vagrant.d` with its separator has 11 characters, `notebox\vagrant` with its own 16; 100 are allowed. */
export const WINDOWS_CASES: readonly HomeCase[] = [
  { about: "a plain profile", profile: "Z:\\w\\h\\anna", local: "Z:\\w\\h\\anna\\L", expected: "usual" },
  { about: "a space, dots and dashes", profile: "Z:\\w\\h\\Anna B. von-C_d", local: "Z:\\w\\h\\L", expected: "usual" },
  { about: "a profile on a network drive", profile: "H:\\anna", local: "Z:\\w\\h\\L1", expected: "local" },
  { about: "a profile on a network path", profile: "\\\\files\\home\\anna", local: "Z:\\w\\h\\L2", expected: "local" },
  { about: "a percent sign", profile: "Z:\\w\\h\\100%", local: "Z:\\w\\h\\L3", expected: "local" },
  { about: "an exclamation mark", profile: "Z:\\w\\h\\wow!", local: "Z:\\w\\h\\L4", expected: "local" },
  { about: "an ampersand", profile: "Z:\\w\\h\\a&b", local: "Z:\\w\\h\\L5", expected: "local" },
  { about: "a quotation mark", profile: "Z:\\w\\h\\o'neil", local: "Z:\\w\\h\\L6", expected: "local" },
  { about: "100 characters in all", profile: long("Z:\\w\\h\\a", 89), local: "Z:\\w\\h\\L7", expected: "usual" },
  { about: "101 characters in all", profile: long("Z:\\w\\h\\b", 90), local: "Z:\\w\\h\\L8", expected: "local" },
  {
    about: "a profile that cannot be written",
    profile: "Z:\\w\\h\\blocked",
    local: "Z:\\w\\h\\L9",
    blocked: true,
    expected: "local",
  },
  {
    about: "an umlaut, which the local folder has too",
    profile: "Z:\\w\\h\\Jürgen",
    local: "Z:\\w\\h\\Jürgen\\L",
    expected: "made",
  },
  { about: "all on the network", profile: "H:\\anna", local: "H:\\anna\\L", expected: "none" },
  {
    about: "VAGRANT_HOME is set",
    profile: "H:\\anna",
    local: "Z:\\w\\h\\L10",
    given: "Z:\\w\\h\\mine & more",
    expected: "given",
  },
];

export const POSIX_CASES: readonly HomeCase[] = [
  { about: "a plain home", profile: "/anna", expected: "usual" },
  { about: "a domain's name, a space", profile: "/anna b@uni.example", expected: "usual" },
  { about: "an umlaut", profile: "/jürgen", expected: "made" },
  { about: "a percent sign", profile: "/100%", expected: "made" },
  { about: "a dollar", profile: "/$HOME", expected: "made" },
  { about: "a quotation mark", profile: "/o'neil", expected: "made" },
  { about: "a line end", profile: "/a\nb", expected: "made" },
  { about: "too long", profile: `/${"x".repeat(120)}`, expected: "made" },
  { about: "a home on a network drive", profile: "/network", expected: "made" },
  { about: "a home that cannot be written", profile: "/blocked", blocked: true, expected: "made" },
  { about: "VAGRANT_HOME is set", profile: "/jürgen", given: "/mine", expected: "given" },
];
