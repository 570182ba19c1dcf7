"""What is kept about one machine. Its disk and its QEMU lie in its folder; see store.py and qemu.py."""
import uuid
from dataclasses import asdict, dataclass, field


@dataclass
class Forward:
    """A port of the host that leads to a port of the guest."""

    protocol: str
    host_ip: str
    host_port: int
    guest_ip: str
    guest_port: int


@dataclass
class Nic:
    """A network card: `card` is what VirtualBox calls its type, `attached` is `nat` or `none`."""

    card: str
    attached: str = "nat"
    mac: str = field(default_factory=lambda: new_mac())
    forwards: dict[str, Forward] = field(default_factory=dict)


@dataclass
class Machine:
    name: str
    os_type: str
    cpus: int
    memory_mib: int
    controller: str
    disk: str
    nics: dict[int, Nic]
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    disk_uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    shares: dict[str, str] = field(default_factory=dict)
    extra_data: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    # Saved by `savestate`: QEMU stands still and listens on nothing, but lives on; see qemu.py.
    saved: bool = False

    def to_json(self) -> dict:
        return asdict(self)

    @staticmethod
    def from_json(data: dict) -> "Machine":
        nics = {}
        for number, nic in data.pop("nics").items():
            forwards = {name: Forward(**rule) for name, rule in nic.pop("forwards").items()}
            nics[int(number)] = Nic(**nic, forwards=forwards)
        return Machine(**data, nics=nics)


def new_mac() -> str:
    """Twelve hex digits in VirtualBox's own range."""
    return "080027" + uuid.uuid4().hex[:6].upper()
