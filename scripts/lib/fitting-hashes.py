"""Leaves in a lock only the hashes of files that a guest can install: wheels for any platform, or for glibc Linux on
x86-64 and aarch64 and Python 3.11 to 3.13. An index lists ten times as many, and the lock travels in every hand-out.

  fitting-hashes.py LOCK UV_LOCK > NEW_LOCK

UV_LOCK says which file a hash is of; a hash that it does not know is one that uv found no use for either.
"""

import re
import sys
import tomllib


def fits(name):
    if not name.endswith(".whl"):
        return False
    pythons, abi, platforms = name[: -len(".whl")].split("-")[-3:]
    if platforms != "any" and not re.search(r"manylinux\w*_(x86_64|aarch64)", platforms):
        return False
    return any(python_fits(python, abi) for python in pythons.split("."))


def python_fits(python, abi):
    if python == "py3":
        return abi == "none"
    minor = re.fullmatch(r"cp3(\d+)", python)
    if minor is None:
        return False
    return int(minor[1]) <= 13 if abi == "abi3" else 11 <= int(minor[1]) <= 13


def main(lock, uv_lock):
    with open(uv_lock, "rb") as file:
        packages = tomllib.load(file)["package"]
    wheels = [wheel for package in packages for wheel in package.get("wheels", [])]
    good = {wheel["hash"] for wheel in wheels if fits(wheel["url"].rsplit("/", 1)[1])}
    text = open(lock, encoding="utf-8").read().replace("\\\n", " ")
    for line in text.splitlines():
        if not line[:1].isalnum():
            print(line)
            continue
        pin, *hashes = re.split(r"\s+--hash=", line.strip())
        kept = [value for value in hashes if value in good]
        if not kept:
            sys.exit(f"{pin}: no wheel that a guest could take")
        print(" \\\n    --hash=".join([pin, *kept]))


main(*sys.argv[1:])
