#!/bin/bash
# Hooks of the services: what a kind brings for others to call, laid where they look for it. Each is an optional program in
# services/KIND/, is run as root and is given the service's name:
#   environment NAME    prints lines NAME=value: what notebooks find in their environment (notebox-tokens calls it)
#   save FOLDER NAME    writes all of the service's data into that folder; the service may run or not
#   load FOLDER NAME    puts what `save` wrote back, in place of what is there
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"

# Hook and the folder it goes to, as lines "kind hook place".
hooks() {
  local kind hook
  while read -r kind; do
    for hook in environment save load; do
      [[ -f $PROVISION/services/$kind/$hook ]] || continue
      case $hook in
      environment) printf '%s %s %s\n' "$kind" "$hook" "$PREFIX/lib/environment/$kind" ;;
      *) printf '%s %s %s\n' "$kind" "$hook" "$PREFIX/lib/keep/$kind/$hook" ;;
      esac
    done
  done < <(services | cut -d ' ' -f 1 | sort -u)
}

inputs() {
  local kind hook place
  while read -r kind hook place; do
    printf '%s\n' "$place"
    hash_of "$PROVISION/services/$kind/$hook"
  done < <(hooks)
}

intact() {
  local place
  while read -r _ _ place; do [[ -x $place ]] || return; done < <(hooks)
}

work() {
  local kind hook place
  # Those of an earlier workbench's services go.
  rm -rf -- "$PREFIX/lib/environment" "$PREFIX/lib/keep"
  while read -r kind hook place; do put_copy "$PROVISION/services/$kind/$hook" "$place" 755; done < <(hooks)
}

step "$@"
