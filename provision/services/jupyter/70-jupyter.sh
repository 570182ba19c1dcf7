#!/bin/bash
# JupyterLab: its unit, its settings and the program that starts it.
# shellcheck source-path=SCRIPTDIR source=../../lib.sh
. "${BASH_SOURCE[0]%/*}/../../lib.sh"

HERE=${BASH_SOURCE[0]%/*}

inputs() { hash_of "$HERE"/*; }

intact() { [[ -f $UNITS/jupyter@.service && -f $PREFIX/lib/jupyter.py ]]; }

work() {
  put_copy "$HERE/jupyter.py" "$PREFIX/lib/jupyter.py"
  put_copy "$HERE/jupyter_server_config.json" "$PREFIX/share/jupyter-config/jupyter_server_config.json"
  put_copy "$HERE/page_config.json" "$PREFIX/share/jupyter-config/labconfig/page_config.json"
  put_copy "$HERE/jupyter@.service" "$UNITS/jupyter@.service"
}

step "$@"
