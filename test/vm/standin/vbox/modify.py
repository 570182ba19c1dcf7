"""The options of `modifyvm` that Vagrant and notebox's Vagrantfile use. Any other is refused, so that an option
that a real VirtualBox might refuse is noticed here."""
import re

from .errors import Unsupported, VBoxError
from .machine import Forward, Machine, Nic, new_mac
from .qemu import CARD_DEVICES
from .store import Store

ON_OFF = {"on", "off"}

# Settings that change nothing in QEMU: the name, and the values that VirtualBox takes.
KEPT = {
    "rtcuseutc": ON_OFF,
    "rtc-use-utc": ON_OFF,
    "ioapic": ON_OFF,
    "natdnsproxy": ON_OFF,
    "nat-dns-proxy": ON_OFF,
    "natdnshostresolver": ON_OFF,
    "nat-dns-host-resolver": ON_OFF,
    "audio": {"none"},
    "audio-enabled": ON_OFF,
    "audio-driver": {"none", "default", "null"},
    "usb": ON_OFF,
    "usb-ohci": ON_OFF,
    "usbehci": ON_OFF,
    "usb-ehci": ON_OFF,
    "usbxhci": ON_OFF,
    "usb-xhci": ON_OFF,
    "vrde": ON_OFF,
    "clipboard": {"disabled"},
    "clipboard-mode": {"disabled"},
    "draganddrop": {"disabled"},
    "drag-and-drop": {"disabled"},
    "graphicscontroller": {"none", "vboxvga", "vmsvga", "vboxsvga"},
    "paravirtprovider": {"none", "default", "legacy", "minimal", "hyperv", "kvm"},
    "nested-hw-virt": ON_OFF,
    "nat-localhostreachable": ON_OFF,
    "cableconnected": {"on"},
    "vram": {str(megabytes) for megabytes in range(0, 257)},
}


def modify(store: Store, machine: Machine, args: list[str]) -> None:
    words = iter(args)
    for word in words:
        name, number = split(word)
        value = next(words, None)
        if value is None:
            raise VBoxError(f"Missing value for option {word}")
        if name == "natpf" and value == "delete":
            nic(machine, number).forwards.pop(next(words, ""), None)
        elif name == "natpf":
            add_forward(nic(machine, number), value)
        elif name in ("nic", "nictype", "nic-type", "macaddress", "mac-address"):
            change_nic(machine, name.replace("-", ""), number, value)
        elif name == "memory":
            machine.memory_mib = positive(word, value)
        elif name == "cpus":
            machine.cpus = positive(word, value)
        elif name == "name":
            store.rename(machine, value)
        elif name in KEPT:
            if value not in KEPT[name]:
                raise VBoxError(f"Invalid {word} argument '{value}'")
            machine.settings[word] = value
        else:
            raise Unsupported(f"the option {word} {value}")


def split(word: str) -> tuple[str, int]:
    """`--natpf1` → natpf, 1; the number is 0 where there is none."""
    match = re.fullmatch(r"--([a-z][a-z-]*?)(\d?)", word)
    if not match:
        raise VBoxError(f"Unknown option: {word}")
    return match[1].replace("nat-pf", "natpf"), int(match[2] or 0)


def nic(machine: Machine, number: int) -> Nic:
    if number not in machine.nics:
        raise VBoxError(f"the machine has no network card {number}")
    return machine.nics[number]


def add_forward(card: Nic, rule: str) -> None:
    parts = rule.split(",")
    if len(parts) != 6 or parts[1] not in ("tcp", "udp"):
        raise VBoxError(f"Invalid forwarding rule '{rule}'")
    name, protocol, host_ip, host_port, guest_ip, guest_port = parts
    if not all(port.isdigit() and 0 < int(port) < 65536 for port in (host_port, guest_port)):
        raise VBoxError(f"Invalid port in forwarding rule '{rule}'")
    if name in card.forwards:
        raise VBoxError(f"A NAT rule of this name already exists: {name}", "VBOX_E_OBJECT_IN_USE")
    card.forwards[name] = Forward(protocol, host_ip, int(host_port), guest_ip, int(guest_port))


def change_nic(machine: Machine, name: str, number: int, value: str) -> None:
    if name == "nic" and value == "none":
        if number in machine.nics:
            machine.nics[number].attached = "none"
        return
    if name == "nic" and value != "nat":
        raise Unsupported(f"a network card attached to {value}")
    card = nic(machine, number)
    if name == "nic":
        card.attached = value
    elif name == "nictype":
        if value not in CARD_DEVICES:
            raise Unsupported(f"the network card {value}")
        card.card = value
    else:
        card.mac = new_mac() if value == "auto" else value.upper()


def positive(word: str, value: str) -> int:
    if not value.isdigit() or int(value) == 0:
        raise VBoxError(f"Invalid {word} argument '{value}'")
    return int(value)
