#!/bin/bash
# PostgreSQL: its unit and the program that makes, starts and fills the database. The database itself, its role and its
# password come to be when the service first starts, so that no box carries them.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"

HERE=${BASH_SOURCE[0]%/*}
# A certificate with its key, made when the packages were installed. Nothing here uses it, and no box may carry a key.
CERTIFICATE=(/etc/ssl/private/ssl-cert-snakeoil.key /etc/ssl/certs/ssl-cert-snakeoil.pem)

inputs() { hash_of "$HERE"/*; }

intact() { [[ -f $UNITS/postgres@.service && -f $PREFIX/lib/postgres.py && ! -e ${CERTIFICATE[0]} ]]; }

work() {
  drop "${CERTIFICATE[@]}"
  put_copy "$HERE/postgres.py" "$PREFIX/lib/postgres.py"
  put_copy "$HERE/loaded.sql" "$PREFIX/share/postgres/loaded.sql"
  put_copy "$HERE/postgres@.service" "$UNITS/postgres@.service"
}

step "$@"
