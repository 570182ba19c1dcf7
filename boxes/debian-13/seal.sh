#!/bin/bash
# Takes out of $ROOT what no two machines may share and what the host lent: a box holds no host key, machine-id,
# token, random seed, log, proxy or certificate of the place where it was built. check-image.sh proves it.
# shellcheck source=boxes/debian-13/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

step seal "Remove keys, logs and what the host lent"
cd "$ROOT" || exit
"$HERE/../forget.sh" "$ROOT"
rm -f var/cache/apt/*.bin var/lib/systemd/timers/stamp-* var/cache/debconf/*-old var/lib/dpkg/*-old
rm -f etc/apt/apt.conf.d/99notebox-build etc/dpkg/dpkg.cfg.d/99notebox-build usr/sbin/policy-rc.d
find tmp var/tmp run -mindepth 1 -delete
# What debootstrap unpacked before dpkg was told to leave it out.
find usr/share/doc -type f ! -name copyright -delete
find usr/share/doc -type l -delete
find usr/share/doc usr/share/man usr/share/info -depth -mindepth 1 -type d -empty -delete
find usr/share/man usr/share/info -mindepth 1 ! -type d -delete
find usr/share/locale -mindepth 1 ! -type d ! -name locale.alias -delete
# resolv.conf as the box has it: systemd-resolved's.
ln -sf ../run/systemd/resolve/stub-resolv.conf etc/resolv.conf
# Caches of /etc and /var are as new as /usr: no unit need rebuild them at the first start.
touch etc/.updated var/.updated
