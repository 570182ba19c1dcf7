# shellcheck shell=bash
# What the scripts of this recipe share; each sources it first. They run as root, started by build.sh.
#
# What build.sh is told, by environment (absolute paths):
#   NOTEBOX_WORK       an empty folder for this build; whoever started build.sh removes it
#   NOTEBOX_OUT        where the .box files go
#   NOTEBOX_CACHE      kept between builds: downloaded packages and finished base roots
#   NOTEBOX_NAME       first part of the .box files' names
#   NOTEBOX_PROVIDERS  "virtualbox libvirt", or one of them
#   NOTEBOX_SUITE NOTEBOX_ARCH NOTEBOX_DISK_GIB   from recipe.json
#   NOTEBOX_ROOT_KEY   names the base root in the cache; another key, another root
#   NOTEBOX_PREPARE    a folder with a rendered bundle: prepare the box for that workbench (optional)
#   NOTEBOX_CA         a bundle of certificates that the host trusts (optional)
#   NOTEBOX_APT_PROXY  a proxy for packages (optional; that of the host's apt without it)
#   NOTEBOX_MIRROR     the distribution's archive (optional; debootstrap's own default without it)
set -Eeuo pipefail
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

# shellcheck disable=SC2034 # the scripts that source this use it
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$NOTEBOX_WORK/root

trap 'echo "@@failed ${BASH_SOURCE[0]##*/} line $LINENO: $BASH_COMMAND"' ERR

# step ID TITLE: what happens from here on; notebox shows it. All else that is printed is for the log.
step() { printf '@@step %s %s\n' "$1" "$2"; }
# note TEXT: something worth telling about the step that runs.
note() { printf '@@note %s\n' "$*"; }
# die TEXT: ends the build; notebox shows the last such line as the reason.
die() {
  printf '@@error %s\n' "$*"
  exit 1
}

# apt_proxies: the proxies for apt as lines of its configuration: NOTEBOX_APT_PROXY, or what the host's apt has.
apt_proxies() {
  if [ -n "${NOTEBOX_APT_PROXY:-}" ]; then
    printf 'Acquire::http::Proxy "%s";\n' "$NOTEBOX_APT_PROXY"
  elif command -v apt-config > /dev/null; then
    apt-config dump | grep -E '^Acquire::https?::Proxy "[^"]+";$' || true
  fi
}

# in_root COMMAND…: runs it in the build root with a plain environment; only the way to the network comes along.
in_root() {
  local name pass=()
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    if [ -n "${!name:-}" ]; then pass+=("$name=${!name}"); fi
  done
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive "${pass[@]}" chroot "$ROOT" "$@"
}

# lock_cache: one build at a time writes into NOTEBOX_CACHE: apt and debootstrap take their folder for their own.
lock_cache() {
  if [ -n "${NOTEBOX_CACHE_LOCKED:-}" ]; then return; fi
  exec 9> "$NOTEBOX_CACHE/lock"
  if ! flock -n 9; then
    step wait "Wait for another build, which is fetching packages"
    flock 9
  fi
  export NOTEBOX_CACHE_LOCKED=1
}

unlock_cache() {
  unset NOTEBOX_CACHE_LOCKED
  exec 9>&-
}

# open_root: mounts what programs in the root need and lets it reach the network. The mounts are in build.sh's
# own mount namespace, so they cannot outlive it, however it ends.
open_root() {
  mountpoint -q "$ROOT/proc" || mount -t proc proc "$ROOT/proc"
  mountpoint -q "$ROOT/sys" || mount -t sysfs -o ro sysfs "$ROOT/sys"
  mountpoint -q "$ROOT/dev" || { mount --rbind /dev "$ROOT/dev" && mount --make-rslave "$ROOT/dev"; }
  mkdir -p "$NOTEBOX_CACHE/debs/partial" "$ROOT/var/cache/apt/archives"
  mountpoint -q "$ROOT/var/cache/apt/archives" || mount --bind "$NOTEBOX_CACHE/debs" "$ROOT/var/cache/apt/archives"
  # A link there (to systemd-resolved's file) would lead nowhere in here; close_root puts it back.
  if [ -L "$ROOT/etc/resolv.conf" ]; then mv "$ROOT/etc/resolv.conf" "$ROOT/etc/resolv.conf.boxed"; fi
  cp -L /etc/resolv.conf "$ROOT/etc/resolv.conf"
  # No service starts while packages are installed; the packages are fetched and written without waiting for the disk.
  printf '#!/bin/sh\nexit 101\n' > "$ROOT/usr/sbin/policy-rc.d"
  chmod 755 "$ROOT/usr/sbin/policy-rc.d"
  echo force-unsafe-io > "$ROOT/etc/dpkg/dpkg.cfg.d/99notebox-build"
  {
    echo 'APT::Install-Recommends "false";'
    echo 'APT::Keep-Downloaded-Packages "true";'
    echo 'Binary::apt::APT::Keep-Downloaded-Packages "true";'
    echo 'Dpkg::Options { "--force-confold"; };'
    apt_proxies
    if [ -n "${NOTEBOX_CA:-}" ]; then echo 'Acquire::https::CAInfo "/run/notebox-build-ca.pem";'; fi
  } > "$ROOT/etc/apt/apt.conf.d/99notebox-build"
  if [ -n "${NOTEBOX_CA:-}" ]; then
    mkdir -p "$ROOT/run"
    cp "$NOTEBOX_CA" "$ROOT/run/notebox-build-ca.pem"
  fi
}

# close_root: takes all of that back.
close_root() {
  rm -f "$ROOT/usr/sbin/policy-rc.d" "$ROOT/etc/dpkg/dpkg.cfg.d/99notebox-build" \
    "$ROOT/etc/apt/apt.conf.d/99notebox-build" "$ROOT/run/notebox-build-ca.pem" "$ROOT/etc/resolv.conf"
  if [ -L "$ROOT/etc/resolv.conf.boxed" ]; then mv "$ROOT/etc/resolv.conf.boxed" "$ROOT/etc/resolv.conf"; fi
  local place
  for place in var/cache/apt/archives dev sys proc; do
    if mountpoint -q "$ROOT/$place"; then umount -R "$ROOT/$place"; fi
  done
}
