/**
 * environment.yml (conda's file of an environment) → Python packages from PyPI and packages of the distribution. What
 * conda alone has is told.
 */
import { isRecord } from "../workbench/schema.ts";
import type { At, Findings } from "./lines.ts";
import { addPipLine } from "./requirements.ts";
import { readYamlFile } from "./yaml-file.ts";

/** Names that are others on PyPI. */
const OTHER_NAMES = new Map<string, string>(
  Object.entries({
    pytorch: "torch",
    "matplotlib-base": "matplotlib",
    "python-graphviz": "graphviz",
    opencv: "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    tables: "tables",
    psycopg2: "psycopg2-binary",
    pyqt: "pyqt5",
  }),
);
/** Programs, not Python packages: the distribution has them under these names. */
const PROGRAMS = new Map<string, string>(
  Object.entries({
    graphviz: "graphviz",
    nodejs: "nodejs",
    git: "git",
    ffmpeg: "ffmpeg",
    pandoc: "pandoc",
    gcc: "gcc",
    make: "make",
    openjdk: "default-jdk-headless",
    imagemagick: "imagemagick",
  }),
);
/** What conda packs beside Python's packages, as `conda env export` lists it: PyPI has none of these names. */
const LIBRARIES = new Set(
  (
    "python_abi ca-certificates openssl zlib zlib-ng xz bzip2 ncurses readline sqlite tk icu expat freetype fontconfig " +
    "gettext geos proj hdf4 hdf5 krb5 lcms2 lerc lz4-c zstd openjpeg jpeg giflib pcre pcre2 pixman cairo harfbuzz qhull " +
    "yaml blas compilers c-compiler cxx-compiler fortran-compiler gxx cudatoolkit udunits2 nco cdo"
  ).split(" "),
);
/** The same, those that begin with lib. */
const LIBS = new Set(
  (
    "gcc stdcxx cxx gomp gfortran ffi gdal netcdf png tiff blas cblas lapack openblas sodium uuid zlib xml xslt webp curl " +
    "nghttp ssh ev edit deflate jpeg iconv sqlite expat nsl xcrypt spatialite spatialindex brotli glib llvm protobuf xcb"
  ).split(" "),
);
const ITS_OWN = new Set(["pip", "setuptools", "wheel", "conda", "mamba"]);

/** Throws UserError `invalid` when it is no such file. */
export function readEnvironment(text: string, file: string, findings: Findings): void {
  const { value, lineOf } = readYamlFile(text);
  if (!isRecord(value)) return void findings.tell({ file }, file, "could-not-take", "It holds no settings.");
  for (const key of Object.keys(value)) {
    if (["name", "dependencies", "prefix"].includes(key)) continue;
    const at = { file, line: lineOf([key]) };
    if (key === "channels")
      findings.tell(
        at,
        key,
        "changed",
        "Left out: a workbench takes Python packages from PyPI (or the wheels/ beside it), not from conda.",
      );
    else findings.tell(at, key, "could-not-take", "A workbench has nothing of the kind.");
  }
  const { dependencies } = value;
  if (!Array.isArray(dependencies)) return;
  for (const [index, entry] of dependencies.entries()) {
    const at = { file, line: lineOf(["dependencies", index]) };
    if (typeof entry === "string") addSpec(at, entry, findings);
    else if (isRecord(entry) && Array.isArray(entry["pip"]))
      for (const [number, each] of entry["pip"].entries()) {
        const place = { file, line: lineOf(["dependencies", index, "pip", number]) };
        if (typeof each === "string") addPipLine(place, each.trim(), findings);
        else findings.tell(place, JSON.stringify(each) ?? "", "could-not-take", "It is no package's name.");
      }
    else findings.tell(at, JSON.stringify(entry) ?? "", "could-not-take", "It is no package's name.");
  }
}

/** conda's match specification: channel::name version build, or name=version=build. */
function addSpec(at: At, entry: string, findings: Findings): void {
  const spec = entry.trim().replace(/^[^\s=<>!~]*::/, "");
  const match = /^([A-Za-z0-9._-]+)\s*(.*)$/.exec(spec);
  const name = match?.[1]?.toLowerCase() ?? "";
  if (match === null) return void findings.tell(at, entry, "could-not-take", "It is no package's name.");
  if (name === "python")
    return void findings.tell(
      at,
      entry,
      "changed",
      "Left out: the workbench has the Python of its box (3.11 to 3.13).",
    );
  if (ITS_OWN.has(name))
    return void findings.tell(at, entry, "changed", "Left out: the workbench installs with its own.");
  if (/^(?:r|bioconductor)-/.test(name) || name === "r" || name === "julia")
    return void findings.tell(
      at,
      entry,
      "could-not-take",
      "A workbench has Python kernels only; R and Julia are not in it.",
    );
  if (isLibrary(name))
    return void findings.tell(
      at,
      entry,
      "changed",
      "Left out: Python packages from PyPI bring such libraries along. What is missing still is a package under packages: apt:.",
    );
  const program = PROGRAMS.get(name);
  if (program !== undefined)
    return void findings.addApt(
      at,
      entry,
      program,
      `Stands under packages: apt: as ${program}, from the distribution instead of conda.`,
    );
  const { version, told } = versionOf(match[2] ?? "");
  const named = OTHER_NAMES.get(name) ?? name;
  const known = named === name ? "" : ` Its name there is ${named}.`;
  findings.addPython(
    at,
    entry,
    `${named}${version}`,
    `Stands under packages: python: as ${named}${version}, from PyPI instead of conda.${known}${told}`,
  );
}

function isLibrary(name: string): boolean {
  const family = /^lib([a-z]+)/.exec(name)?.[1] ?? "";
  return LIBRARIES.has(name) || LIBS.has(family) || /^(?:_|ld_impl_|gcc_|gxx_|xorg-)/.test(name);
}

/**
 * conda's `=1.2` means any 1.2; what follows a second = is a build, which PyPI has not. Keys in brackets go before what
 * stands outside. `told`: what of it PyPI cannot have, as a sentence with a space before it.
 */
function versionOf(given: string): { version: string; told: string } {
  const [, outside = "", inside = ""] = /^([^[]*)(?:\[(.*)\])?\s*$/.exec(given) ?? [undefined, given];
  const keyed = /(?:^|,)\s*version\s*=\s*(?:'([^']*)'|"([^"]*)"|([^,'"]*))/.exec(inside);
  const version = (keyed?.slice(1).find((each) => each !== undefined) ?? outside).trim();
  const [first = "", ...others] = version.split("|");
  return {
    version: requirementOf(first.trim()),
    told:
      others.length === 0
        ? ""
        : ` Of its alternatives (${version.slice(0, 80)}) the first is taken: a Python package has none.`,
  };
}

function requirementOf(version: string): string {
  if (version === "" || version === "*") return "";
  const single = /^(={0,2})\s*([0-9][A-Za-z0-9.!+_]*)(\.\*)?(?:[=\s].*)?$/.exec(version);
  if (single === null) return version.replace(/\s+/g, "");
  const [, equals, number = "", star] = single;
  return equals === "==" && star === undefined ? `==${number}` : `==${number}.*`;
}
