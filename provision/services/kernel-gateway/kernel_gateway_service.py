"""Starts the kernel gateway for one service of the workbench: python kernel_gateway_service.py NAME.

Takes what differs between services (notebook, port, kernels) from /etc/notebox/workbench/services/NAME.json and
hands it to the gateway's own program in the environment variables that it documents; what is the same for all
stands in kernel_gateway_config.json.
"""

import json
import os
import sys

HOME = "/home/notebox"
LIB = os.path.dirname(os.path.abspath(__file__))


def read_notebook(name, path):
    """Ends with a line that says what to do when the gateway could not serve this notebook at all."""
    try:
        with open(os.path.join(HOME, path), encoding="utf-8") as file:
            json.load(file)
    except FileNotFoundError:
        sys.exit(f"notebox: {name}: the notebook {path} is not there; put it back into the workbench folder")
    except PermissionError:
        sys.exit(f"notebox: {name}: the notebook {path} cannot be read; check its permissions on the host")
    except (ValueError, OSError) as error:
        sys.exit(f"notebox: {name}: the notebook {path} cannot be read: {error}")


def main(name):
    with open(f"/etc/notebox/workbench/services/{name}.json", encoding="utf-8") as file:
        service = json.load(file)
    read_notebook(name, service["notebook"])
    with open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "token"), encoding="ascii") as file:
        token = file.read().strip()
    if not token:
        # An empty token would mean: no token is asked for.
        sys.exit(f"notebox: {name}: the token is empty; run provisioning again")
    notebook = os.path.join(HOME, service["notebook"])
    os.environ.update(
        KG_AUTH_TOKEN=token,
        KG_PORT=str(int(service["port"])),
        KG_SEED_URI=notebook,
        KG_PRESPAWN_COUNT=str(int(service["kernels"])),
    )
    # Relative paths in the notebook mean the same as in JupyterLab, which starts a kernel beside its notebook.
    os.chdir(os.path.dirname(notebook))
    # -P: a file of the user's beside the notebook, such as random.py, must not stand in for the library's module.
    config = "/opt/notebox/share/kernel-gateway/kernel_gateway_config.json"
    start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from kernel_gateway.gatewayapp import launch_instance; launch_instance()"
    os.execv(sys.executable, [sys.executable, "-P", "-c", start, LIB, f"--config={config}"])


main(sys.argv[1])
