#!/bin/bash
# Prepares the base root for one workbench: runs the provisioning steps of its rendered bundle in $ROOT, exactly as
# the VM would, so that a first start finds the work done. What the host lends for it is removed by seal.sh.
# shellcheck source=boxes/debian-13/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lock_cache
step prepare "Prepare it for the workbench"
open_root
place=/home/vagrant/notebox
rm -rf "${ROOT:?}$place"
install -d -m 700 "$ROOT$place"
cp -a "$NOTEBOX_PREPARE/provision" "$ROOT$place/provision"
if [ -d "$NOTEBOX_PREPARE/wheels" ]; then cp -a "$NOTEBOX_PREPARE/wheels" "$ROOT$place/wheels"; fi
chown -R root:root "$ROOT$place"
if [ -n "${NOTEBOX_CA:-}" ]; then install -D -m 600 "$NOTEBOX_CA" "$ROOT$place/host/ca.pem"; fi

# The settings of pip and apt that the host has, and nothing else of its environment.
settings=(NOTEBOX_BUILD_ROOT=1)
for name in $(compgen -e); do
  case $name in
    PIP_INDEX_URL | PIP_EXTRA_INDEX_URL | PIP_TRUSTED_HOST | NOTEBOX_APT_*) settings+=("$name=${!name}") ;;
  esac
done
in_root env "${settings[@]}" bash "$place/provision/run.sh" 2>&1 | while IFS= read -r line; do
  printf '%s\n' "$line"
  # Its own lines for people: what it is doing, and at last what failed and what to do.
  case $line in
    "notebox: failed: "*) printf '@@error Provisioning failed at %s\n' "${line#notebox: failed: }" ;;
    "notebox: ["*) printf '@@note %s\n' "${line#notebox: }" ;;
  esac
done
close_root
rm -rf "${ROOT:?}$place"
