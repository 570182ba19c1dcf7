"""What each verb of VBoxManage does. VERBS is all that the stand-in knows."""
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from . import modify, qemu, show
from .errors import Unsupported, VBoxError
from .export import export
from .machine import Machine, Nic
from .ovf import Appliance, read_appliance
from .store import Store

STREAM_OPTIMIZED = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"


def list_things(store: Store, args: list[str]) -> None:
    if len(args) != 1:
        raise Unsupported(f"list {args}")
    show.print_list(store, args[0])


def showvminfo(store: Store, args: list[str]) -> None:
    if args[1:] not in ([], ["--machinereadable"]):
        raise Unsupported(f"showvminfo {args}")
    show.print_machine(store, store.find(args[0]))


def import_appliance(store: Store, args: list[str]) -> None:
    """`import -n OVF` says what would be done; `import OVF --vsys 0 --vmname NAME …` does it."""
    dry = args[:1] == ["-n"]
    rest = args[1:] if dry else args
    appliance = read_appliance(Path(rest[0]))
    check_disk(appliance)
    describe(store, rest[0], appliance)
    if dry:
        return
    name = appliance.name
    words = iter(rest[1:])
    for word in words:
        value = next(words, "")
        if word == "--vmname":
            name = value
        elif word not in ("--vsys", "--unit", "--disk"):
            raise Unsupported(f"import {word}")
    folder = store.folder / name
    if folder.exists():
        raise VBoxError(f"Machine settings file '{folder}' already exists", "VBOX_E_FILE_ERROR (VERR_ALREADY_EXISTS)")
    folder.mkdir()
    run("qemu-img", "convert", "-f", "vmdk", "-O", "qcow2", str(appliance.disk), str(folder / "disk0.qcow2"))
    store.save(
        Machine(
            name=name,
            os_type=appliance.os_type,
            cpus=appliance.cpus,
            memory_mib=appliance.memory_mib,
            controller=appliance.controller,
            disk="disk0.qcow2",
            nics={number: Nic(card) for number, card in enumerate(appliance.cards, 1)},
        )
    )
    print("Successfully imported the appliance.")


def export_machine(store: Store, args: list[str]) -> None:
    """`export NAME --output FILE.ovf`; a machine that runs is refused, as VirtualBox does."""
    if args[1:2] != ["--output"] or len(args) != 3 or not args[2].endswith(".ovf"):
        raise Unsupported(f"export {args[1:]}")
    machine = store.find(args[0])
    if qemu.pid_of(store, machine):
        raise locked(machine)
    export(store, machine, Path(args[2]), STREAM_OPTIMIZED)
    print("0%...10%...50%...100%", file=sys.stderr)
    print("Successfully exported 1 machine(s).")


def check_disk(appliance: Appliance) -> None:
    if appliance.disk_format != STREAM_OPTIMIZED:
        raise Unsupported(f"the disk format {appliance.disk_format}")
    if not appliance.disk.is_file():
        raise VBoxError(f"Could not find the disk '{appliance.disk}'", "VERR_FILE_NOT_FOUND")
    info = json.loads(run("qemu-img", "info", "-f", "vmdk", "--output=json", str(appliance.disk)))
    if info["virtual-size"] != appliance.capacity:
        raise VBoxError(f"the disk has {info['virtual-size']} bytes, the OVF says {appliance.capacity}")
    create_type = info.get("format-specific", {}).get("data", {}).get("create-type")
    if create_type != "streamOptimized":
        raise VBoxError(f"the disk is of type {create_type}, the OVF says streamOptimized")


def describe(store: Store, ovf: str, appliance: Appliance) -> None:
    """Vagrant takes the machine's name, its settings file and the disks' units from these lines."""
    disk = appliance.disk.name
    settings = store.folder / appliance.name / f"{appliance.name}.vbox"
    print(f"Interpreting {ovf}...\nOK.\nDisks:\n  vmdisk1\t{appliance.capacity}\t-1\t{STREAM_OPTIMIZED}\t{disk}\t-1\t-1")
    print(f'\nVirtual system 0:\n 0: Suggested OS type: "{appliance.os_type}"')
    print(f' 1: Suggested VM name "{appliance.name}"\n 2: Suggested VM group "/"')
    print(f' 3: Suggested VM settings file name "{settings}"\n 4: Suggested VM base folder "{store.folder}"')
    print(f" 5: Number of CPUs: {appliance.cpus}\n 6: Guest memory: {appliance.memory_mib} MB")
    print(f" 7: SATA controller, type AHCI\n    (change with '--vsys 0 --unit 7 --controller <index>')")
    print(f" 8: Hard disk image: source image={disk}, target path={settings.parent / disk}, controller=7;port=0")
    sys.stdout.flush()
    print("0%...10%...50%...100%", file=sys.stderr)


def modifyvm(store: Store, args: list[str]) -> None:
    machine = store.find(args[0])
    if qemu.pid_of(store, machine):
        raise locked(machine)
    modify.modify(store, machine, args[1:])
    store.save(machine)


def startvm(store: Store, args: list[str]) -> None:
    if args[1:] != ["--type", "headless"]:
        raise Unsupported(f"startvm {args[1:]}; a workbench's machine is headless")
    machine = store.find(args[0])
    state = qemu.state_of(store, machine)
    if state == "running":
        raise locked(machine)
    if state == "saved":
        qemu.resume(store, machine)
    else:
        machine.saved = False
        qemu.start(store, machine)
    store.save(machine)
    print(f'Waiting for VM "{machine.name}" to power on...\nVM "{machine.name}" has been successfully started.')


def controlvm(store: Store, args: list[str]) -> None:
    machine, action = store.find(args[0]), args[1:]
    if qemu.state_of(store, machine) != "running":
        raise VBoxError(f"Machine '{machine.name}' is not currently running.", "VBOX_E_INVALID_VM_STATE")
    if action == ["poweroff"]:
        qemu.power_off(store, machine)
    elif action == ["acpipowerbutton"]:
        qemu.power_button(store, machine)
    elif action == ["savestate"]:
        qemu.save_state(store, machine)
        store.save(machine)
    else:
        raise Unsupported(f"controlvm {action}")


def discardstate(store: Store, args: list[str]) -> None:
    machine = store.find(args[0])
    if qemu.state_of(store, machine) != "saved":
        raise VBoxError(f"Machine '{machine.name}' is not in the saved state", "VBOX_E_INVALID_VM_STATE")
    qemu.power_off(store, machine)
    machine.saved = False
    store.save(machine)


def unregistervm(store: Store, args: list[str]) -> None:
    machine = store.find(args[0])
    if args[1:] != ["--delete"]:
        raise Unsupported(f"unregistervm {args[1:]}")
    if qemu.pid_of(store, machine):
        raise locked(machine)
    shutil.rmtree(store.path(machine))


def sharedfolder(store: Store, args: list[str]) -> None:
    action, machine, options = args[0], store.find(args[1]), args[2:]
    if qemu.pid_of(store, machine):
        raise Unsupported("a change of shared folders while the machine runs")
    if action == "remove" and options[:1] == ["--name"] and len(options) == 2:
        if machine.shares.pop(options[1], None) is None:
            raise VBoxError(f"Could not find a shared folder named '{options[1]}'", "VBOX_E_FILE_ERROR")
    elif action == "add" and options[::2] == ["--name", "--hostpath"] and len(options) == 4:
        name, path = options[1], options[3]
        if not Path(path).is_dir():
            raise VBoxError(f"Shared folder path '{path}' is not a folder", "VBOX_E_FILE_ERROR")
        machine.shares[name] = path
    else:
        raise Unsupported(f"sharedfolder {args}")
    store.save(machine)


def setextradata(store: Store, args: list[str]) -> None:
    machine = store.find(args[0])
    machine.extra_data[args[1]] = args[2] if len(args) > 2 else ""
    store.save(machine)


def guestproperty(store: Store, args: list[str]) -> None:
    if args[0] != "get" or len(args) != 3:
        raise Unsupported(f"guestproperty {args}")
    store.find(args[1])
    # The guest's kernel modules set no property; that takes VirtualBox's own guest service, which no box holds.
    print("No value set!")


def snapshot(store: Store, args: list[str]) -> None:
    store.find(args[0])
    if args[1:2] != ["list"]:
        raise Unsupported(f"snapshot {args[1:]}")
    # Told on standard output, and yet a failure: Vagrant looks for both.
    print("This machine does not have any snapshots")
    sys.exit(1)


def locked(machine: Machine) -> VBoxError:
    message = f"The machine '{machine.name}' is already locked by a session (or being locked or unlocked)"
    return VBoxError(message, "VBOX_E_INVALID_OBJECT_STATE (0x80bb0007)")


def run(*command: str) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise VBoxError(f"{' '.join(command)}: {done.stderr.strip()}", "VBOX_E_FILE_ERROR")
    return done.stdout


VERBS: dict[str, Callable[[Store, list[str]], None]] = {
    "list": list_things,
    "showvminfo": showvminfo,
    "import": import_appliance,
    "export": export_machine,
    "modifyvm": modifyvm,
    "startvm": startvm,
    "controlvm": controlvm,
    "discardstate": discardstate,
    "unregistervm": unregistervm,
    "sharedfolder": sharedfolder,
    "setextradata": setextradata,
    "guestproperty": guestproperty,
    "snapshot": snapshot,
}
