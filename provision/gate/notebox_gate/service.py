"""One service of the workbench as its program finds it: settings from /etc/notebox/workbench/services/NAME.json, secrets
from the folder that systemd lends (LoadCredential=). A root other than / is for tests."""

import json
import logging
import os
import signal
import sys


class Service:
    def __init__(self, name, root="/"):
        self.name, self.root = name, root
        with open(self.at(f"etc/notebox/workbench/services/{name}.json"), encoding="utf-8") as file:
            self.settings = json.load(file)
        self.port = int(self.settings["port"])
        self.token = self.secret("token")
        if not self.token:
            # An empty token would mean: everybody has it.
            sys.exit(f"notebox: {name}: the token is empty; run provisioning again")

    def at(self, path):
        return os.path.join(self.root, path)

    def secret(self, name):
        """A credential's text; None where systemd has lent none of that name."""
        try:
            with open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], name), encoding="ascii") as file:
                return file.read().strip()
        except OSError:
            return None

    def state_folder(self):
        return os.environ["STATE_DIRECTORY"].split(":")[0]


def address():
    """Where a service listens: in the VM on every address, because Vagrant's ports come in from outside of it."""
    return os.environ.get("NOTEBOX_LISTEN", "0.0.0.0")


def begin_log():
    """The journal gets what went wrong, never an address: it may hold the token."""
    logging.basicConfig(format="notebox: %(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("tornado.access").setLevel(logging.CRITICAL)


def on_end(loop, stop):
    """Calls `stop` once, when systemd asks the service to end."""
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
