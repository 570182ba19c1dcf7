"""Starts JupyterLab for one service of the workbench: python jupyter.py NAME.

Takes the port from /etc/notebox/workbench/services/NAME.json; everything else stands in
jupyter_server_config.json. The token stays in the file that systemd lends (LoadCredential=).
"""

import json
import os
import sys

name = sys.argv[1]
with open(f"/etc/notebox/workbench/services/{name}.json", encoding="utf-8") as file:
    port = int(json.load(file)["port"])
token = os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "token")
if not os.path.getsize(token):
    sys.exit(f"notebox: {name}: the token is empty; run provisioning again")
os.environ["JUPYTER_TOKEN_FILE"] = token
os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", f"--ServerApp.port={port}"])
