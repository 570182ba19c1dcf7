#!/bin/bash
# Desktop: its unit, the program that starts display and session, and the door before them. Xfce, the display and noVNC are
# the distribution's packages.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"

HERE=${BASH_SOURCE[0]%/*}
GATE=$PROVISION/gate/notebox_gate

inputs() { hash_of "$HERE"/*.* "$HERE"/notebox_desktop/*.py "$GATE"/*.py; }

intact() { [[ -f $UNITS/desktop@.service && -f $PREFIX/lib/desktop.py && -f $PREFIX/lib/notebox_desktop/session.py ]]; }

work() {
  local file
  [[ -f /usr/share/novnc/vnc.html ]] || fail "the package novnc is not as expected: report this"
  for file in "$GATE"/*.py; do put_copy "$file" "$PREFIX/lib/notebox_gate/${file##*/}"; done
  for file in "$HERE"/notebox_desktop/*.py; do put_copy "$file" "$PREFIX/lib/notebox_desktop/${file##*/}"; done
  put_copy "$HERE/desktop.py" "$PREFIX/lib/desktop.py"
  put_copy "$HERE/desktop@.service" "$UNITS/desktop@.service"
}

step "$@"
