"""Reads and writes what 40-python.sh installs from: requirements, constraints and locks.

Installs nothing and asks no index. Everything that comes from a workbench is checked against a narrow grammar
here, because pip takes lines of a requirements file for options, addresses and paths as well.
Runs in the venv (python -I), with the parsers that pip itself uses.
"""

import hashlib
import importlib.metadata
import json
import platform
import re
import sys

from pip._vendor.packaging.markers import Marker
from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
from pip._vendor.packaging.utils import canonicalize_name

PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)(?: *; *([^\\]+?))? *\\?")
HASH = re.compile(r" +--hash=sha256:([0-9a-f]{64})(?: \\)?")
# Older parsers let more through before the marker than a requirement is made of.
VERSIONS = r"[ A-Za-z0-9._*+!,<>=~-]*"
REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]* *(?:\[[ A-Za-z0-9._,-]*\])? *(?:\(%s\)|%s) *(?:;.*)?" % (VERSIONS, VERSIONS)
)
# Packages that a venv brings along and no lock names.
OWN = {"pip", "setuptools", "wheel"}


def fail(message):
    print(message, file=sys.stderr)
    raise SystemExit(1)


def read_requirements(path):
    """The requirements of packages.python, one string each."""
    wanted = []
    try:
        text = open(path, encoding="utf-8", newline="\n").read()
    except FileNotFoundError:
        return wanted
    except UnicodeDecodeError:
        fail("python.txt is not UTF-8; render the workbench again")
    for line in text.split("\n"):
        if not line:
            continue
        if not line.isprintable() or not REQUIREMENT.fullmatch(line):
            fail(f"{line!r} is not a package; correct it in workbench.yaml")
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            fail(f"{line!r} is not a package; correct it in workbench.yaml")
        if requirement.url:
            fail(f"{line!r} is an address, not a package with a version; correct it in workbench.yaml")
        wanted.append(str(requirement))
    return wanted


def read_lock(path):
    """(header lines, [(name, version, marker or None, [hashes])]) of a lock; fails on any other line."""
    header, pins = [], []
    try:
        text = open(path, encoding="utf-8", newline="\n").read()
    except UnicodeDecodeError:
        fail("is not UTF-8; delete it and start again")
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("#"):
            header.append(line[1:].strip())
        elif pin := PIN.fullmatch(line):
            pins.append((canonicalize_name(pin[1]), pin[2], pin[3], []))
        elif (digest := HASH.fullmatch(line)) and pins:
            pins[-1][3].append(digest[1])
        elif line.strip():
            fail(f"line {number} is neither a pinned package nor a hash; delete the file and start again")
    for name, _, _, hashes in pins:
        if not hashes:
            fail(f"{name} has no hash; delete the file and start again")
    return header, pins


def machine_line():
    return f"for Python {sys.version_info[0]}.{sys.version_info[1]} on {platform.machine()}"


def requirements_line(path):
    """Stands for what was asked for, in any order."""
    wanted = sorted(line for line in open(path, encoding="utf-8").read().split("\n") if line)
    return "asked for " + hashlib.sha256("\n".join(wanted).encode()).hexdigest()


def base_line(path):
    """Stands for notebox's own packages."""
    return "beside " + hashlib.sha256(open(path, "rb").read()).hexdigest()


def requirements(path):
    for line in read_requirements(path):
        print(line)


def constraints(path):
    for name, version, marker, _ in read_lock(path)[1]:
        print(f"{name}=={version}" + (f" ; {marker}" if marker else ""))


def judge(lock, base, wanted):
    """Prints whether the lock can be installed as it is, and if not, why."""
    header, _ = read_lock(lock)
    if requirements_line(wanted) not in header or base_line(base) not in header:
        print("outdated")
    else:
        print("fits" if machine_line() in header else "other-machine")


def lock(report, base, wanted):
    in_base = {pin[0] for pin in read_lock(base)[1]}
    pins = []
    for item in json.load(open(report, encoding="utf-8"))["install"]:
        name = canonicalize_name(item["metadata"]["name"])
        archive = item["download_info"].get("archive_info", {})
        digest = archive.get("hashes", {}).get("sha256") or archive.get("hash", "").removeprefix("sha256=")
        if name in in_base or name in OWN:
            continue
        if not digest:
            path = item["download_info"]["url"]
            fail(f"the index gives no hash for {path}")
        pins.append((name, item["metadata"]["version"], digest))
    print("# What packages.python of workbench.yaml resolved to, beside notebox's own packages.")
    print("# Keep it beside workbench.yaml to get the same again; delete it to get newer versions.")
    print("# " + machine_line())
    print("# " + base_line(base))
    print("# " + requirements_line(wanted))
    for name, version, digest in sorted(pins):
        print(f"{name}=={version} \\\n    --hash=sha256:{digest}")


def installed(path):
    """Exit code 0 if everything in the lock that is meant for this machine is in the venv."""
    for name, version, marker, _ in read_lock(path)[1]:
        try:
            there = marker and not Marker(marker).evaluate() or importlib.metadata.version(name) == version
        except importlib.metadata.PackageNotFoundError:
            there = False
        if not there:
            raise SystemExit(1)


def others(base, extra):
    """Prints what the venv holds and no lock names."""
    named = {pin[0] for path in (base, extra) for pin in read_lock(path)[1]} | OWN
    for distribution in importlib.metadata.distributions():
        name = canonicalize_name(distribution.metadata["Name"] or "")
        if name and name not in named:
            print(name)


COMMANDS = {
    "requirements": requirements,
    "constraints": constraints,
    "judge": judge,
    "lock": lock,
    "installed": installed,
    "others": others,
}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
