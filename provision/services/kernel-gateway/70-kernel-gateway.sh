#!/bin/bash
# Kernel gateway: its unit, its settings and the program that starts it.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"

HERE=${BASH_SOURCE[0]%/*}

inputs() { hash_of "$HERE"/*; }

intact() { [[ -f $UNITS/kernel-gateway@.service && -f $PREFIX/lib/kernel_gateway_service.py ]]; }

work() {
  put_copy "$HERE/kernel_gateway_service.py" "$PREFIX/lib/kernel_gateway_service.py"
  put_copy "$HERE/notebox_gateway_log.py" "$PREFIX/lib/notebox_gateway_log.py"
  put_copy "$HERE/kernel_gateway_config.json" "$PREFIX/share/kernel-gateway/kernel_gateway_config.json"
  put_copy "$HERE/kernel-gateway@.service" "$UNITS/kernel-gateway@.service"
}

step "$@"
