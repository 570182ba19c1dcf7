#!/bin/bash
# PostgreSQL, before its packages: they must not make a database cluster of their own, which would listen beside ours
# and be carried in a box.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"

SETTINGS=/etc/postgresql-common/createcluster.conf

inputs() { :; }

intact() { grep -qs '^create_main_cluster = false$' "$SETTINGS"; }

work() {
  # The packages keep a file that is there.
  printf '%s\n' '# notebox makes its cluster itself, in /var/lib/notebox-NAME.' 'create_main_cluster = false' | put "$SETTINGS"
}

step "$@"
