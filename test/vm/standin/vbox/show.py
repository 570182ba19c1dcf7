"""What `list` and `showvminfo --machinereadable` print, in VirtualBox's order: Vagrant takes a `Forwarding` line
to belong to the last `nicN` line above it."""
from .errors import Unsupported
from .machine import Machine, Nic
from .qemu import state_of
from .store import Store

SLOTS = 8

# Asked by Vagrant when it tidies up networks that a workbench never has.
EMPTY = {"hostonlyifs", "hostonlynets", "dhcpservers", "bridgedifs", "natnets"}


def print_list(store: Store, what: str) -> None:
    if what == "vms":
        print_names(store.machines())
    elif what == "runningvms":
        print_names([machine for machine in store.machines() if state_of(store, machine) == "running"])
    elif what == "systemproperties":
        print(f"API version:                     7_0\nDefault machine folder:          {store.folder}")
    elif what not in EMPTY:
        raise Unsupported(f"the list {what!r}")


def print_names(machines: list[Machine]) -> None:
    for machine in machines:
        print(f'"{machine.name}" {{{machine.uuid}}}')


def print_machine(store: Store, machine: Machine) -> None:
    folder = store.path(machine)
    lines = [
        f'name="{machine.name}"',
        'groups="/"',
        f'ostype="{machine.os_type}"',
        f'UUID="{machine.uuid}"',
        f'CfgFile="{folder / "machine.json"}"',
        f"memory={machine.memory_mib}",
        f"cpus={machine.cpus}",
        f'VMState="{state_of(store, machine)}"',
        'storagecontrollername0="SATA"',
        'storagecontrollertype0="IntelAhci"',
        'storagecontrollerinstance0="0"',
        'storagecontrollermaxportcount0="30"',
        'storagecontrollerportcount0="1"',
        'storagecontrollerbootable0="on"',
        f'"SATA-0-0"="{folder / machine.disk}"',
        f'"SATA-ImageUUID-0-0"="{machine.disk_uuid}"',
    ]
    for number in range(1, SLOTS + 1):
        lines += nic_lines(number, machine.nics.get(number))
    for index, (name, path) in enumerate(sorted(machine.shares.items()), 1):
        lines += [
            f'SharedFolderNameMachineMapping{index}="{name}"',
            f'SharedFolderPathMachineMapping{index}="{path}"',
        ]
    print("\n".join(lines))


def nic_lines(number: int, nic: Nic | None) -> list[str]:
    if nic is None or nic.attached == "none":
        return [f'nic{number}="none"']
    lines = [
        f'macaddress{number}="{nic.mac}"',
        f'cableconnected{number}="on"',
        f'nic{number}="{nic.attached}"',
        f'nictype{number}="{nic.card}"',
    ]
    for index, (name, rule) in enumerate(sorted(nic.forwards.items())):
        ends = f"{rule.host_ip},{rule.host_port},{rule.guest_ip},{rule.guest_port}"
        lines.append(f'Forwarding({index})="{name},{rule.protocol},{ends}"')
    return lines
