#!/bin/bash
# Builds a box from nothing or from a cached base root: the one script that notebox starts. It moves into mount
# and process namespaces of its own first: when it ends, even by SIGKILL, no mount, loop device or process is left.
# lib.sh says what it is told by environment.
set -Eeuo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
if [ -z "${NOTEBOX_INSIDE:-}" ]; then
  # setpriv: when notebox dies, this dies too; unshare hands that on to everything inside.
  NOTEBOX_INSIDE=1 exec setpriv --pdeathsig KILL \
    unshare --mount --propagation private --pid --fork --kill-child --mount-proc bash "${BASH_SOURCE[0]}"
fi
# shellcheck source=boxes/debian-13/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The first process of a process namespace gets no signal that it does not ask for.
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir -p "$ROOT" "$NOTEBOX_OUT" "$NOTEBOX_CACHE/roots"
# In memory where there is plenty: installing packages is mostly waiting for small files.
read -r _ available _ < <(grep MemAvailable /proc/meminfo)
if [ "$available" -gt $((8 * 1024 * 1024)) ]; then
  mount -t tmpfs -o size=6g,mode=755 notebox-root "$ROOT"
fi

lock_cache
kept=$NOTEBOX_CACHE/roots/$NOTEBOX_ROOT_KEY.tar.zst
if [ -f "$kept" ]; then
  step base "Take the base system from the cache"
  tar --numeric-owner --xattrs --xattrs-include='*' -C "$ROOT" --zstd -xpf "$kept"
else
  bash "$HERE/rootfs.sh"
  bash "$HERE/configure.sh"
  step keep "Keep the base system for the next build"
  tar --numeric-owner --xattrs --xattrs-include='*' -C "$ROOT" -cf - . | zstd -q -T0 -3 -o "$kept.$$.part" -f
  mv "$kept.$$.part" "$kept"
fi
unlock_cache
printf '@@system %s\n' "$(cat "$ROOT/etc/debian_version")"
if [ -n "${NOTEBOX_PREPARE:-}" ]; then bash "$HERE/prepare.sh"; fi
bash "$HERE/seal.sh"
bash "$HERE/image.sh"
bash "$HERE/pack.sh"
