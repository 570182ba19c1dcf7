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
# -P: a file of the user's, such as random.py, must not stand in for the library's module.
os.execv(sys.executable, [sys.executable, "-P", "-m", "jupyterlab", f"--ServerApp.port={port}"])
