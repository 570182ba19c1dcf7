#!/bin/bash
# An installed system in $ROOT: the distribution's smallest set, then packages.txt, all signed packages of its archive.
# Leaves the settings to configure.sh.
# shellcheck source=boxes/debian-13/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -f "$keyring" ] || die "There is no $keyring: install the package debian-archive-keyring."

step debootstrap "Fetch and unpack the smallest system"
mkdir -p "$NOTEBOX_CACHE/debs"
# debootstrap knows nothing of apt's proxies, only of the environment's.
proxy=$(apt_proxies | sed -n 's/^Acquire::http::Proxy "\(.*\)";$/\1/p')
if [ -n "$proxy" ] && [ -z "${http_proxy:-}" ]; then export http_proxy=$proxy; fi
debootstrap --variant=minbase --arch="$NOTEBOX_ARCH" --force-check-gpg --keyring="$keyring" \
  --cache-dir="$NOTEBOX_CACHE/debs" --include=ca-certificates \
  "$NOTEBOX_SUITE" "$ROOT" ${NOTEBOX_MIRROR:+"$NOTEBOX_MIRROR"} \
  || die "debootstrap failed: the log says why. Is the distribution's archive reachable from here?"

# The package apt knows where its distribution's archives are, security updates included.
sources=$ROOT/etc/apt/sources.list.d/debian.sources
sed -e '/^#/d' -e 's/^Components:.*/Components: main/' "$ROOT/usr/share/doc/apt/examples/debian.sources" > "$sources"
rm -f "$ROOT/etc/apt/sources.list"
# The box keeps that; the build itself may use a mirror.
cp "$sources" "$NOTEBOX_WORK/debian.sources"
if [ -n "${NOTEBOX_MIRROR:-}" ]; then
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
    "$NOTEBOX_MIRROR" "$NOTEBOX_SUITE" > "$sources"
  note "From the mirror alone: security updates are fetched at the next build from the distribution's own archive."
fi

# Whatever owner and umask the recipe's files have here, in the root they are root's and readable.
tar -C "$HERE/files" --owner=0 --group=0 --mode='u=rwX,go=rX' -cf - . | tar -C "$ROOT" --no-overwrite-dir -xpf -
chmod 755 "$ROOT"/usr/local/sbin/notebox-*
chmod 440 "$ROOT/etc/sudoers.d/vagrant"

step packages "Install the kernel and what every workbench needs"
mapfile -t packages < <(grep -vE '^[[:space:]]*(#|$)' "$HERE/packages.txt")
open_root
in_root apt-get -q update
in_root apt-get -q -y dist-upgrade
in_root apt-get -q -y install "${packages[@]}"
close_root
cp "$NOTEBOX_WORK/debian.sources" "$sources"
