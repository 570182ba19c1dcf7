#!/bin/bash
# Kernel gateway: its unit, its settings, the program that starts it and the personality that it has.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"

HERE=${BASH_SOURCE[0]%/*}

inputs() { hash_of "$HERE"/*.* "$HERE"/notebox_gateway/*.py; }

intact() {
  [[ -f $UNITS/kernel-gateway@.service && -f $PREFIX/lib/kernel_gateway_service.py ]] || return
  local file
  for file in "$HERE"/notebox_gateway/*.py; do [[ -f $PREFIX/lib/notebox_gateway/${file##*/} ]] || return; done
}

work() {
  local file
  for file in "$HERE"/notebox_gateway/*.py; do put_copy "$file" "$PREFIX/lib/notebox_gateway/${file##*/}"; done
  put_copy "$HERE/kernel_gateway_service.py" "$PREFIX/lib/kernel_gateway_service.py"
  put_copy "$HERE/kernel_gateway_config.json" "$PREFIX/share/kernel-gateway/kernel_gateway_config.json"
  put_copy "$HERE/kernel-gateway@.service" "$UNITS/kernel-gateway@.service"
  # Of an earlier notebox.
  drop "$PREFIX/lib/notebox_gateway_log.py"
}

step "$@"
