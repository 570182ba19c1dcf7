"""What stands written about the workbench: its title and services (/etc/notebox/workbench), the addresses that the
computer's own Vagrantfile has told the VM after the start, and what a service says of its trouble."""

import json
import os
import re

NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
# Of a problem that some service has written: enough for a sentence, not for a page.
MOST = 600


class Workbench:
    def __init__(self, service):
        self.service = service

    def title(self):
        return self._text("etc/notebox/workbench/title").strip() or "Workbench"

    def services(self):
        """All but this page itself, as dictionaries: name, kind, port (0: the computer does not reach it)."""
        lines = self._text("etc/notebox/workbench/services.txt").splitlines()
        parts = [line.split(" ") for line in lines]
        found = [{"kind": part[0], "name": part[1], "port": int(part[2])} for part in parts if len(part) == 3]
        return [each for each in found if each["name"] != self.service.name]

    def pages(self):
        """Service to its port on the computer, and the page that a browser opens there. A port that is taken there is
        moved, so only the computer knows."""
        told = self._json("var/lib/notebox/addresses.json")
        return {name: page for name, page in told.items() if isinstance(page, dict)} if isinstance(told, dict) else {}

    def token(self, name):
        """systemd lends the folder of tokens; its files get their names like this (systemd.exec(5), LoadCredential=)."""
        return self.service.secret(f"tokens_{name}") if NAME.fullmatch(name) else None

    def problem(self, name):
        """(sentence, whether it works in spite of that, whether it sees by itself that it was put right), or None. An API
        notebook's lies in its own folder, another's where root has laid it (notebox-problem)."""
        if not NAME.fullmatch(name):
            return None
        for path, looks in ((f"run/notebox/problems/{name}.json", False), (f"var/lib/notebox-{name}/problem.json", True)):
            told = self._json(path)
            if isinstance(told, dict) and isinstance(told.get("message"), str):
                return told["message"][:MOST], told.get("serving") is True, looks
        return None

    def _text(self, path):
        try:
            with open(self.service.at(path), encoding="utf-8", errors="replace") as file:
                return file.read(1_000_000)
        except OSError:
            return ""

    def _json(self, path):
        try:
            return json.loads(self._text(path))
        except ValueError:
            return None


def machine():
    """Room on the VM's disk and in its memory, in MiB."""
    disk = os.statvfs("/")
    told = dict(re.findall(r"^(\w+): +(\d+) kB", _read("/proc/meminfo"), re.MULTILINE))
    return {
        "diskFree": disk.f_bavail * disk.f_frsize >> 20,
        "memory": int(told.get("MemTotal", 0)) >> 10,
        "memoryFree": int(told.get("MemAvailable", 0)) >> 10,
    }


def _read(path):
    with open(path, encoding="ascii") as file:
        return file.read()
