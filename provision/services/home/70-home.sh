#!/bin/bash
# Home page: its unit, its program and what the browser shows.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"

HERE=${BASH_SOURCE[0]%/*}
GATE=$PROVISION/gate/notebox_gate

# The list of services, too: this service has to start again to be lent the tokens of new ones.
inputs() { hash_of "$HERE"/*.* "$HERE"/notebox_home/*.py "$HERE"/page/* "$GATE"/*.py "$WORKBENCH/services.txt"; }

intact() { [[ -n $(getent passwd notebox-home) && -f $UNITS/home@.service && -f $PREFIX/lib/home.py && -f $PREFIX/share/home/page.html ]]; }

work() {
  local file
  getent passwd notebox-home >/dev/null ||
    useradd --system --user-group --no-create-home -d /nonexistent -s /usr/sbin/nologin -c "notebox home page" notebox-home
  for file in "$GATE"/*.py; do put_copy "$file" "$PREFIX/lib/notebox_gate/${file##*/}"; done
  for file in "$HERE"/notebox_home/*.py; do put_copy "$file" "$PREFIX/lib/notebox_home/${file##*/}"; done
  for file in "$HERE"/page/*; do put_copy "$file" "$PREFIX/share/home/${file##*/}"; done
  put_copy "$HERE/home.py" "$PREFIX/lib/home.py"
  put_copy "$HERE/home@.service" "$UNITS/home@.service"
}

step "$@"
