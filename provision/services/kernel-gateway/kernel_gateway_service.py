"""Starts the kernel gateway for one service of the workbench: python kernel_gateway_service.py NAME [ROOT].

Takes what differs between services (notebook, port, kernels, origins, time-out) from
/etc/notebox/workbench/services/NAME.json and hands it to the gateway's own program in the environment variables that it
documents, and to our personality (notebox_gateway) in NOTEBOX_SERVICE; what is the same for all stands in
kernel_gateway_config.json. ROOT is a folder that stands for / in tests.
"""

import json
import os
import sys

LIB = os.path.dirname(os.path.abspath(__file__))


def main(name, root="/"):
    home = os.path.join(root, "home/notebox")
    with open(os.path.join(root, f"etc/notebox/workbench/services/{name}.json"), encoding="utf-8") as file:
        service = json.load(file)
    with open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "token"), encoding="ascii") as file:
        token = file.read().strip()
    if not token:
        # An empty token would mean: no token is asked for.
        sys.exit(f"notebox: {name}: the token is empty; run provisioning again")
    notebook = os.path.join(home, service["notebook"])
    settings = {
        "name": name,
        "notebook": notebook,
        "path": service["notebook"],
        "origins": service["origins"],
        "timeout": service["timeout"],
    }
    os.environ.update(
        KG_AUTH_TOKEN=token,
        KG_PORT=str(int(service["port"])),
        KG_PRESPAWN_COUNT=str(int(service["kernels"])),
        NOTEBOX_SERVICE=json.dumps(settings),
    )
    # Relative paths in the notebook mean the same as in JupyterLab, which starts a kernel beside its notebook.
    try:
        os.chdir(os.path.dirname(notebook))
    except OSError as error:
        sys.exit(f"notebox: {name}: the folder of {service['notebook']} cannot be entered: {error.strerror}")
    # -P: a file of the user's beside the notebook, such as random.py, must not stand in for the library's module.
    config = os.path.join(root, "opt/notebox/share/kernel-gateway/kernel_gateway_config.json")
    start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from kernel_gateway.gatewayapp import launch_instance; launch_instance()"
    os.execv(sys.executable, [sys.executable, "-P", "-c", start, LIB, f"--config={config}"])


main(*sys.argv[1:])
