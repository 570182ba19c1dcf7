#!/bin/bash
# MongoDB, before its packages: whether this machine can run it, and the package source that the workbench names.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"

SOURCE=/etc/apt/sources.list.d/notebox-mongodb.sources
KEYS=/etc/apt/keyrings

# The service's name; a workbench has only one of this kind.
name_of() { services | sed -n 's/^mongodb \([a-z0-9-]*\) .*/\1/p'; }

# One setting of the service. Python may not be installed yet; render writes one to a line, and nothing that JSON escapes.
setting() { sed -n "s|^  \"$1\": \"\\([A-Za-z0-9 ,.:/_~+-]*\\)\",\\{0,1\\}\$|\\1|p" "$WORKBENCH/services/$(name_of).json"; }

has_avx() { [[ $HOSTTYPE != x86_64 ]] || grep -qsw avx /proc/cpuinfo; }

inputs() {
  hash_of "$WORKBENCH/services/$(name_of).json" "$WORKBENCH/files/$(setting key)"
  # A box may be made on another machine than it runs on.
  in_build_root || { has_avx && echo avx || echo none; }
}

intact() { [[ -f $SOURCE ]]; }

work() {
  local name address key
  name=$(name_of)
  address=$(setting aptAddress)
  key=$(setting key)
  in_build_root || has_avx ||
    fail "MongoDB needs a processor with AVX, and this VM has none (an old computer, or Hyper-V beside VirtualBox); take kind: postgres instead, whose JSONB columns hold documents as well"
  [[ -n $address ]] ||
    fail "services.$name: no distribution has MongoDB's server, and no source: says where it comes from; name one in workbench.yaml, or take kind: postgres, whose JSONB columns hold documents as well"
  [[ -s $WORKBENCH/files/$key ]] || fail "services.$name: the key file $key is not in the bundle; render the workbench again"
  put_copy "$WORKBENCH/files/$key" "$KEYS/notebox-mongodb.${key##*.}"
  {
    printf 'Types: deb\nURIs: %s\nSuites: %s\n' "$address" "$(setting aptSuite)"
    [[ -z $(setting aptComponents) ]] || printf 'Components: %s\n' "$(setting aptComponents)"
    [[ -z $(setting aptMachines) ]] || printf 'Architectures: %s\n' "$(setting aptMachines | tr , ' ')"
    printf 'Signed-By: %s\n' "$KEYS/notebox-mongodb.${key##*.}"
  } | put "$SOURCE"
}

step "$@"
