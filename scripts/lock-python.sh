#!/bin/bash
# Makes provision/locks/base.txt: everything that JupyterLab, ipykernel and the kernel gateway need, pinned, with
# hashes, for Python 3.11 to 3.13 on Linux, x86-64 and aarch64. For maintainers; the index is pip's usual one.
#   bash scripts/lock-python.sh [--check]
# Afterwards, and with --check instead, it asks for a wheel of every package for each of the six combinations.
set -Eeuo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

LOCK=provision/locks/base.txt
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
python3 -m venv "$work/venv"

if [[ ${1:-} != --check ]]; then
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check uv
  # Only what runs on Linux: no pins for Windows or macOS.
  cat >"$work/pyproject.toml" <<'EOF'
[project]
name = "notebox-guest"
version = "0"
requires-python = ">=3.11,<3.14"
dependencies = ["jupyterlab>=4,<5", "ipykernel", "jupyter-kernel-gateway==3.0.1"]

[tool.uv]
environments = ["sys_platform == 'linux' and implementation_name == 'cpython' and python_full_version >= '3.11' and python_full_version < '3.14'"]
EOF
  mkdir -p "${LOCK%/*}"
  {
    echo "# What every workbench has: JupyterLab, ipykernel, the kernel gateway and all they need."
    echo "# Made by scripts/lock-python.sh for Python 3.11 to 3.13 on Linux, x86-64 and aarch64. Do not edit."
    (cd "$work" && venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
      --no-emit-index-url --no-emit-find-links --only-binary :all: pyproject.toml)
  } >"$work/base.txt"
  # uv's own lock, held to the same pins, says which file each hash is of.
  python3 - "$work/base.txt" >>"$work/pyproject.toml" <<'EOF'
import json, sys
pins = [line.rstrip("\n\\ ") for line in open(sys.argv[1], encoding="utf-8") if line[:1].isalnum()]
print(f"constraint-dependencies = {json.dumps(pins)}")
EOF
  "$work/venv/bin/uv" lock --quiet --project "$work"
  python3 scripts/lib/fitting-hashes.py "$work/base.txt" "$work/uv.lock" >"$work/fitting.txt"
  mv -- "$work/fitting.txt" "$work/base.txt"
  # What is true of every guest need not be said on every line.
  sed -E "s/ and (python_full_version < '3\.14'|implementation_name == 'cpython'|sys_platform == 'linux')//g;
    s/ ; python_full_version < '3\.14'//" "$work/base.txt" >"$LOCK"
fi

"$work/venv/bin/pip" install --quiet --disable-pip-version-check --upgrade pip
for machine in x86_64 aarch64; do
  # The versions that Debian 12, Ubuntu 24.04 and Debian 13 have.
  for python in 3.11.2 3.12.3 3.13.5; do
    # Debian 12 has glibc 2.36, so every guest takes wheels for 2.17 and 2.28. pip judges the lock's markers by its
    # own Python, so the check runs on a lock whose markers have been judged for the other one.
    "$work/venv/bin/python" - "$LOCK" "$python" "$machine" >"$work/lock.txt" <<'EOF'
import sys
from pip._vendor.packaging.markers import Marker
lock, python, machine = sys.argv[1:]
environment = {"python_version": python.rpartition(".")[0], "python_full_version": python, "platform_machine": machine}
keep = True
for line in open(lock, encoding="utf-8"):
    if line[:1].isalnum():
        pin, _, marker = line.rstrip("\n\\ ").partition(";")
        keep = not marker or Marker(marker.strip()).evaluate(environment)
        line = pin.strip() + " \\\n"
    if keep:
        sys.stdout.write(line)
EOF
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check --dry-run --ignore-installed --no-deps \
      --require-hashes --only-binary :all: --target "$work/none" --implementation cp --python-version "$python" \
      --platform "manylinux_2_28_$machine" --platform "manylinux2014_$machine" --platform "manylinux_2_17_$machine" \
      -r "$work/lock.txt" --report "$work/report.json"
    echo "$machine, Python $python: $(grep -c '"is_direct"' "$work/report.json") wheels"
  done
done
