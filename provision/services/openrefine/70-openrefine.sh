#!/bin/bash
# OpenRefine: its unit, the program that starts it and the door before it. OpenRefine itself is the distribution's package.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"

HERE=${BASH_SOURCE[0]%/*}
GATE=$PROVISION/gate/notebox_gate

inputs() { hash_of "$HERE"/*.* "$GATE"/*.py; }

intact() { [[ -f $UNITS/openrefine@.service && -f $PREFIX/lib/openrefine.py && -f $PREFIX/lib/notebox_gate/proxy.py ]]; }

work() {
  local file
  [[ -d /usr/share/openrefine/webapp ]] || fail "the package openrefine is not as expected: report this"
  for file in "$GATE"/*.py; do put_copy "$file" "$PREFIX/lib/notebox_gate/${file##*/}"; done
  put_copy "$HERE/openrefine.py" "$PREFIX/lib/openrefine.py"
  put_copy "$HERE/openrefine@.service" "$UNITS/openrefine@.service"
}

step "$@"
