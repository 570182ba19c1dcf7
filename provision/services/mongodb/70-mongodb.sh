#!/bin/bash
# MongoDB: its unit and the program that makes, starts and fills the database. The database and its password come to be when
# the service first starts, so that no box carries them.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"

HERE=${BASH_SOURCE[0]%/*}

inputs() { hash_of "$HERE"/*; }

intact() { [[ -f $UNITS/mongodb@.service && -f $PREFIX/lib/mongodb.py ]]; }

work() {
  # The package's own unit would start a second server, which asks for no password.
  if [[ -e /lib/systemd/system/mongod.service ]]; then
    in_build_root || systemctl stop mongod.service || true
    systemctl mask mongod.service
  fi
  put_copy "$HERE/mongodb.py" "$PREFIX/lib/mongodb.py"
  put_copy "$HERE/mongodb@.service" "$UNITS/mongodb@.service"
}

step "$@"
