#!/bin/bash
# Makes this machine the workbench that provision/workbench/ describes: runs the steps in order, each in a bash
# of its own, and skips those whose inputs have not changed. Can be run again, and again after being killed.
#
# Runs as root: bash run.sh. Environment (all optional):
#   http_proxy https_proxy no_proxy            the host's proxies, as this machine reaches them
#   PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST    the host's settings of pip
#   NOTEBOX_APT_PROXY                          proxy for apt alone
#   NOTEBOX_HOST_CA=FILE                       certificates (PEM) that the host trusts besides the usual ones
#   NOTEBOX_WHEELS=FOLDER                      wheels; if it holds any, no index is asked
#   NOTEBOX_BUILD_ROOT=1                       this is a build root: start nothing, keep nothing of the host
# Exit codes: 0 done; 75 the Python index cannot be reached (wheels in NOTEBOX_WHEELS help); else failed.
# Standard output: one line when a step starts and one when it ends; after a failure the last lines of the
# step's own output and, as the very last line, "notebox: failed: <step>: <what to do>".
set -Eeuo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
exec 3>&1

# Nothing of the caller's environment reaches the steps but what stands above.
while IFS= read -r name; do
  case $name in
  NOTEBOX_* | http_proxy | https_proxy | no_proxy | HTTP_PROXY | HTTPS_PROXY | NO_PROXY) ;;
  PIP_INDEX_URL | PIP_EXTRA_INDEX_URL | PIP_TRUSTED_HOST | TERM) ;;
  SHLVL | PWD | _) continue ;;
  *) unset -v "$name" 2>/dev/null || true ;;
  esac
  if [[ ${!name-} == *[[:cntrl:]]* ]]; then
    echo "notebox: ignoring $name: its value has a control character"
    unset -v "$name"
  fi
done < <(compgen -e)
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 LC_ALL=C.UTF-8
export NOTEBOX_HOST_CA=${NOTEBOX_HOST_CA:-/home/vagrant/notebox/host/ca.pem}
export NOTEBOX_WHEELS=${NOTEBOX_WHEELS:-/home/vagrant/notebox/wheels}
umask 022

if ((EUID != 0)); then
  echo "notebox: failed: start: run this as root (sudo bash run.sh)"
  exit 1
fi
if [[ ${NOTEBOX_BUILD_ROOT:-} != 1 && ! -d /run/systemd/system ]]; then
  echo "notebox: failed: start: this machine does not run systemd; take a Debian 12, Debian 13 or Ubuntu 24.04 box"
  exit 1
fi
mkdir -p /run/lock
exec 9>/run/lock/notebox-provision.lock
if ! flock -n 9; then
  echo "notebox: another provisioning run is under way; waiting for it"
  flock 9
fi

NOTEBOX_SCRATCH=$(mktemp -d /run/notebox-provision.XXXXXX)
export NOTEBOX_SCRATCH
# shellcheck disable=SC2329 # called by the trap
clean_up() {
  rm -rf -- "$NOTEBOX_SCRATCH"
  [[ ${NOTEBOX_BUILD_ROOT:-} != 1 ]] || rm -f /run/lock/notebox-provision.lock
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# What the steps print is for their logs; only when one fails is the end of it shown. A box holds no logs.
logs=/var/log/notebox
[[ ${NOTEBOX_BUILD_ROOT:-} != 1 ]] || logs=$NOTEBOX_SCRATCH
mkdir -p /var/lib/notebox/stamps

seconds_since() { local now=${EPOCHREALTIME/[^0-9]/}; printf '%d.%d' $(((now - $1) / 1000000)) $(((now - $1) / 100000 % 10)); }

# The steps: those of every workbench, with those of the services in use between them. A service may have one before
# the packages are installed, too.
steps=()
for file in steps/[0-9][0-9]-*.sh; do steps+=("$file"); done
while read -r kind _; do
  if [[ ! $kind =~ ^[a-z][a-z0-9-]*$ || ! -f services/$kind/70-$kind.sh ]]; then
    echo "notebox: failed: start: this bundle has no service '$kind'; render the workbench again"
    exit 1
  fi
  for file in services/"$kind"/[0-9][0-9]-"$kind"*.sh; do steps+=("$file"); done
done < <(cut -d ' ' -f 1 workbench/services.txt | sort -u)
mapfile -t steps < <(for file in "${steps[@]}"; do printf '%s %s\n' "${file##*/}" "$file"; done | sort | cut -d ' ' -f 2)

report=()
worked=0
number=0
for file in "${steps[@]}"; do
  number=$((number + 1))
  id=${file##*/}
  id=${id%.sh}
  { read -r _; IFS='#:' read -r _ title _; } <"$file"
  title=${title# }
  place="[$number/${#steps[@]}] $title"
  started=${EPOCHREALTIME/[^0-9]/}
  export NOTEBOX_STEP=$id
  code=0
  [[ ! -e $NOTEBOX_SCRATCH/advice ]] || rm -f -- "$NOTEBOX_SCRATCH/advice"
  output=$(bash "$file" wanted 2>&1 9>&-) || code=$?
  if ((code == 3)); then
    took=$(seconds_since "$started")
    echo "notebox: $place: unchanged"
    report+=("\"$id\":{\"seconds\":$took,\"skipped\":true}")
    continue
  fi
  log=$logs/$id.log
  mkdir -p "$logs"
  if ((code == 0)); then
    echo "notebox: $place …"
    worked=1
    bash "$file" work >"$log" 2>&1 </dev/null 9>&- || code=$?
  else
    printf '%s\n' "$output" >"$log"
  fi
  took=$(seconds_since "$started")
  if ((code != 0)); then
    tail -n 20 -- "$log" | sed 's/^/notebox|   /'
    advice="see $log in the VM, then start again"
    [[ $logs == "$NOTEBOX_SCRATCH" ]] && advice="see the lines above, then start again"
    [[ ! -s $NOTEBOX_SCRATCH/advice ]] || advice=$(<"$NOTEBOX_SCRATCH/advice")
    echo "notebox: failed: $title: $advice"
    exit "$code"
  fi
  echo "notebox: $place: done in $took s"
  report+=("\"$id\":{\"seconds\":$took,\"skipped\":false}")
done

# What a `backup` or `restore` that was killed had stopped runs again.
[[ ${NOTEBOX_BUILD_ROOT:-} == 1 ]] || rm -f /run/notebox-resting

# The marker for "provisioning has finished" comes last. A box carries none: it has to finish on the machine
# that it becomes. A run that had nothing to do leaves the marker of the one that had.
hash=$(head -c 64 workbench/hash)
marker=/var/lib/notebox/provisioned.json
if [[ ${NOTEBOX_BUILD_ROOT:-} != 1 ]] && { ((worked)) || ! grep -qs "^{\"workbench\":\"$hash\"" "$marker"; }; then
  python=$(cat /var/lib/notebox/python-version)
  printf '{"workbench":"%s","finished":"%s","python":"%s","steps":{%s}}\n' "$hash" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
    "$python" "$(IFS=,; echo "${report[*]}")" >"$marker.part"
  chmod 644 "$marker.part"
  mv -f "$marker.part" "$marker"
fi
