#!/bin/bash
# OpenRefine: its unit, the program that starts it and the door before it. OpenRefine itself is the distribution's package, or
# a release that the workbench names.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"
. "$PROVISION/steps/files/host-settings.sh"

HERE=${BASH_SOURCE[0]%/*}
GATE=$PROVISION/gate/notebox_gate
OWN=$PREFIX/openrefine

# A workbench has only one service of this kind.
settings() { printf '%s/services/%s.json' "$WORKBENCH" "$(services | sed -n 's/^openrefine \([a-z0-9-]*\) .*/\1/p')"; }

# render writes one key to a line.
has_source() { grep -qs '^  "source": {$' "$(settings)"; }

inputs() { hash_of "$HERE"/*.* "$GATE"/*.py "$(settings)"; }

intact() {
  [[ -f $UNITS/openrefine@.service && -f $PREFIX/lib/openrefine.py && -f $PREFIX/lib/notebox_gate/proxy.py ]] &&
    { ! has_source || [[ -d $OWN/webapp ]]; }
}

work() {
  local file
  if has_source; then
    use_host_settings
    python3 -I "$HERE/fetch.py" "$(settings)" "$OWN" 2>"$SCRATCH/fetch" || fail "$(tail -n 1 "$SCRATCH/fetch")"
  else
    rm -rf -- "$OWN"
    [[ -d /usr/share/openrefine/webapp ]] || fail "the package openrefine is not as expected: report this"
  fi
  for file in "$GATE"/*.py; do put_copy "$file" "$PREFIX/lib/notebox_gate/${file##*/}"; done
  put_copy "$HERE/openrefine.py" "$PREFIX/lib/openrefine.py"
  put_copy "$HERE/openrefine@.service" "$UNITS/openrefine@.service"
}

step "$@"
