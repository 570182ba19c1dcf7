"""Where machines are kept: one folder each, with machine.json in it once the machine is registered."""
import json
import os
from pathlib import Path

from .errors import VBoxError
from .machine import Machine


class Store:
    def __init__(self, home: Path):
        self.home = home
        self.folder = home / "machines"
        self.folder.mkdir(parents=True, exist_ok=True)

    def machines(self) -> list[Machine]:
        return [self._read(file) for file in sorted(self.folder.glob("*/machine.json"))]

    def find(self, reference: str) -> Machine:
        """By UUID or name."""
        for machine in self.machines():
            if reference in (machine.uuid, machine.name):
                return machine
        code = "VBOX_E_OBJECT_NOT_FOUND (0x80bb0001)"
        raise VBoxError(f"Could not find a registered machine named '{reference}'", code)

    def save(self, machine: Machine) -> None:
        """Registers the machine, or writes its settings anew; by rename, so that no reader sees half a file."""
        path = self.path(machine)
        path.mkdir(parents=True, exist_ok=True)
        part = path / f"machine.json.{os.getpid()}"
        part.write_text(json.dumps(machine.to_json(), indent=1), encoding="utf8")
        part.replace(path / "machine.json")

    def rename(self, machine: Machine, name: str) -> None:
        if name == machine.name:
            return
        target = self.folder / name
        if target.exists():
            raise VBoxError(f"Could not rename the directory to '{target}' (VERR_ALREADY_EXISTS)", "VBOX_E_FILE_ERROR")
        self.path(machine).rename(target)
        machine.name = name
        self.save(machine)

    def path(self, machine: Machine) -> Path:
        return self.folder / machine.name

    def _read(self, file: Path) -> Machine:
        return Machine.from_json(json.loads(file.read_text(encoding="utf8")))
