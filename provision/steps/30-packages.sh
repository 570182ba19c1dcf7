#!/bin/bash
# System packages: what notebox needs, and packages.apt of the workbench.
# Asks no mirror when all of them are installed already, as in a prepared box.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"
. "$PROVISION/steps/files/host-settings.sh"

# python3-venv: the venv; bindfs and fuse3: folders that libvirt shares get their owner by it.
NEEDED=(bindfs ca-certificates fuse3 python3 python3-venv)

inputs() {
  system_inputs
  printf '%s\n' "${NEEDED[@]}"
  hash_of "$WORKBENCH/apt.txt"
}

intact() { [[ -z $(missing) ]]; }

wanted_packages() {
  local lines line
  read_lines "$WORKBENCH/apt.txt" lines
  for line in "${lines[@]}"; do
    # Not what apt-get would take for an option, for a pattern, or for the order to remove a package.
    [[ $line =~ ^[a-z0-9][a-z0-9+.-]*[a-z0-9+.]$ ]] ||
      fail "packages.apt: $(printf %q "$line") is not the name of a package; correct it in workbench.yaml"
  done
  printf '%s\n' "${NEEDED[@]}" "${lines[@]}" | sort -u
}

# Wanted packages that are not installed.
missing() {
  local -a names
  mapfile -t names < <(wanted_packages)
  comm -23 <(printf '%s\n' "${names[@]}") \
    <(dpkg-query -W -f '${db:Status-Abbrev}:${Package}\n' -- "${names[@]}" 2>/dev/null | sed -n 's/^.i *://p' | sort -u)
}

apt() { apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o APT::Update::Error-Mode=any "$@"; }

# Packages start their daemons when they are installed, unless this file forbids it.
forbid_starts() {
  local policy=/usr/sbin/policy-rc.d
  [[ ! -e $policy ]] || return 0
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}

work() {
  local -a names unknown=()
  local name
  wanted_packages >/dev/null
  mapfile -t names < <(missing)
  ((${#names[@]})) || return 0
  ! in_build_root || forbid_starts
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 UCF_FORCE_CONFFOLD=1
  use_host_settings
  # What an installation that was killed has left half done; nothing to do otherwise.
  if [[ -n $(dpkg --audit) || -n $(ls -A /var/lib/dpkg/updates) ]]; then
    dpkg --force-confdef --force-confold --configure -a || true
    apt --fix-broken install || true
  fi
  apt update || {
    [[ ! -f /var/lib/dpkg/lock-frontend ]] || ! grep -qs 'Could not get lock' "/var/log/notebox/$NOTEBOX_STEP.log" ||
      fail "another program is installing packages in the VM; wait some minutes and start again"
    fail "the package mirror cannot be reached; check the network (and the proxy) of this computer and start again"
  }
  for name in "${names[@]}"; do
    # A name that apt does not know, it takes for a regular expression; so it never gets to see one.
    grep -qxF -- "$name" < <(apt-cache pkgnames -- "$name") || unknown+=("$name")
  done
  ((${#unknown[@]} == 0)) ||
    fail "packages.apt: this system has no package ${unknown[*]}; correct the name in workbench.yaml"
  apt --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
    install -- "${names[@]}" ||
    fail "apt could not install ${names[*]}; see the lines above, check the network and start again"
  mapfile -t names < <(missing)
  ((${#names[@]} == 0)) ||
    fail "packages.apt: ${names[*]} cannot be installed by that name (is it a virtual package?); name a real package in workbench.yaml"
  in_build_root || apt-get clean
}

step "$@"
