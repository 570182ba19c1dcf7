#!/bin/bash
# Host name: the workbench's, so that a terminal in Jupyter says which one it is.
# Not by Vagrant's config.vm.hostname, which restarts the network for it.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"

inputs() { hash_of "$WORKBENCH/name"; }

intact() { [[ $(</etc/hostname) == "$(<"$WORKBENCH/name")" ]]; }

work() {
  local name
  name=$(<"$WORKBENCH/name")
  [[ $name =~ ^[a-z][a-z0-9-]{0,39}$ ]] || fail "workbench/name is no host name: render the workbench again"
  printf '%s\n' "$name" | put /etc/hostname
  # sudo looks the name up, and waits for a name server where this line is missing.
  { grep -v '^127\.0\.1\.1[[:space:]]' /etc/hosts || true; printf '127.0.1.1 %s\n' "$name"; } | put /etc/hosts
  in_build_root || hostname "$name"
}

step "$@"
