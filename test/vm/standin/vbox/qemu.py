"""Starts and stops the QEMU of a machine. A running machine is one QEMU that outlives the caller, as VirtualBox's
own machines do; qemu.pid in the machine's folder names it."""
import json
import os
import signal
import socket
import subprocess
import time
from hashlib import sha256
from pathlib import Path

from .errors import VBoxError
from .machine import Forward, Machine, Nic
from .store import Store

# VirtualBox's name of a network card → QEMU's.
CARD_DEVICES = {
    "82540EM": "e1000-82540em",
    "82543GC": "e1000-82544gc",
    "82545EM": "e1000-82545em",
    "virtio": "virtio-net-pci",
}

# Software emulation of cmpxchg16b is broken in QEMU 7.2: Linux 6.12 crashes when it uses it.
EMULATED_CPU = "Nehalem,-cx16"

TAG_LIMIT = 31


def state_of(store: Store, machine: Machine) -> str:
    if not pid_of(store, machine):
        return "poweroff"
    return "saved" if machine.saved else "running"


def pid_of(store: Store, machine: Machine) -> int | None:
    """The QEMU of this machine, or None; a number that the system has given to another process does not count."""
    try:
        pid = int((store.path(machine) / "qemu.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if machine.uuid.encode() in command else None


def start(store: Store, machine: Machine) -> None:
    folder = store.path(machine)
    for name in ("qemu.pid", "qmp.sock"):
        (folder / name).unlink(missing_ok=True)
    command = command_line(folder, machine)
    (folder / "qemu.json").write_text(json.dumps(command), encoding="utf8")
    # Vagrant reads the pipes of its children to their end: QEMU must not hold them.
    with open(folder / "qemu.log", "ab") as log:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
    if done.returncode != 0:
        lines = (folder / "qemu.log").read_text(errors="replace").strip().splitlines()
        raise VBoxError(f"The virtual machine '{machine.name}' has terminated: {lines[-1:]}", "NS_ERROR_FAILURE")


def command_line(folder: Path, machine: Machine) -> list[str]:
    fast = kvm_usable()
    command = [
        os.environ.get("NOTEBOX_STANDIN_QEMU", "qemu-system-x86_64"),
        *("-name", f"notebox-{machine.uuid}", "-uuid", machine.uuid),
        *("-machine", "pc", "-accel", "kvm" if fast else "tcg,thread=multi,tb-size=512"),
        *("-cpu", "host" if fast else EMULATED_CPU),
        *("-smp", str(machine.cpus), "-m", str(machine.memory_mib)),
        *("-nodefaults", "-display", "none", "-rtc", "base=utc", "-serial", "file:console.log"),
        # A test's disk need not survive a power cut of the host. Nothing is trimmed, as with VirtualBox's VMDKs.
        *("-drive", f"if=none,id=disk0,file={machine.disk},format=qcow2,cache=unsafe"),
        *("-device", "ich9-ahci,id=sata", "-device", "ide-hd,bus=sata.0,drive=disk0,bootindex=0"),
    ]
    for number, nic in sorted(machine.nics.items()):
        if nic.attached == "nat":
            command += nic_arguments(number, nic)
    for index, (name, path) in enumerate(sorted(machine.shares.items())):
        escaped = path.replace(",", ",,")
        # Like vboxsf: the host's own files as they are, no link is followed on the host.
        command += [
            *("-fsdev", f"local,id=share{index},path={escaped},security_model=none,multidevs=remap"),
            *("-device", f"virtio-9p-pci,fsdev=share{index},mount_tag={tag_of(name)}"),
        ]
    return [*command, "-qmp", "unix:qmp.sock,server=on,wait=off", "-pidfile", "qemu.pid", "-daemonize"]


def nic_arguments(number: int, nic: Nic) -> list[str]:
    forwards = "".join(
        f",hostfwd={rule.protocol}:{rule.host_ip}:{rule.host_port}-{rule.guest_ip}:{rule.guest_port}"
        for rule in nic.forwards.values()
    )
    mac = ":".join(nic.mac[at : at + 2] for at in range(0, 12, 2)).lower()
    return [
        *("-netdev", f"user,id=nic{number}{forwards}"),
        *("-device", f"{CARD_DEVICES[nic.card]},netdev=nic{number},mac={mac},romfile="),
    ]


def tag_of(share: str) -> str:
    """The name of a share in the guest; mount.vboxsf computes the same."""
    if len(share.encode()) <= TAG_LIMIT:
        return share
    return sha256(share.encode()).hexdigest()[:TAG_LIMIT]


def kvm_usable() -> bool:
    """/dev/kvm may exist and open where the processor offers nothing to it."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    return any(flag in Path("/proc/cpuinfo").read_text().split() for flag in ("vmx", "svm"))


def power_button(store: Store, machine: Machine) -> None:
    ask(store, machine, "system_powerdown")


def power_off(store: Store, machine: Machine) -> None:
    pid = pid_of(store, machine)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    for _ in range(100):
        if pid_of(store, machine) is None:
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.5)


def save_state(store: Store, machine: Machine) -> None:
    """Folders shared by 9p cannot be written into a file with the rest of the machine, so the machine stands still
    instead; its ports are free meanwhile, as those of a machine that VirtualBox has saved."""
    ask(store, machine, "stop")
    for number, rule in forwards(machine):
        monitor(store, machine, f"hostfwd_remove nic{number} {rule.protocol}:{rule.host_ip}:{rule.host_port}")
    machine.saved = True


def resume(store: Store, machine: Machine) -> None:
    for number, rule in forwards(machine):
        ends = f"{rule.host_ip}:{rule.host_port}-{rule.guest_ip}:{rule.guest_port}"
        monitor(store, machine, f"hostfwd_add nic{number} {rule.protocol}:{ends}")
    ask(store, machine, "cont")
    machine.saved = False


def forwards(machine: Machine) -> list[tuple[int, Forward]]:
    return [(number, rule) for number, nic in machine.nics.items() for rule in nic.forwards.values()]


def monitor(store: Store, machine: Machine, line: str) -> None:
    """A command of QEMU's monitor for people; it tells failures in words only."""
    said = ask(store, machine, "human-monitor-command", {"command-line": line})
    if said and "removed" not in said:
        raise VBoxError(f"QEMU says to {line!r}: {said.strip()}", "VBOX_E_VM_ERROR")


def ask(store: Store, machine: Machine, command: str, arguments: dict | None = None) -> str:
    """One QMP command (QEMU's docs/interop/qmp-spec); returns the text of its answer, if it has one."""
    # A socket's path may have 107 bytes: hence the short one, from inside the folder.
    before = os.getcwd()
    os.chdir(store.path(machine))
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect("qmp.sock")
            stream = connection.makefile("rw")
            stream.readline()
            answer = {}
            for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments or {}}):
                stream.write(json.dumps(request) + "\n")
                stream.flush()
                while "event" in (answer := json.loads(stream.readline())):
                    pass
                if "error" in answer:
                    raise VBoxError(answer["error"]["desc"], "VBOX_E_VM_ERROR")
            return answer["return"] if isinstance(answer.get("return"), str) else ""
    finally:
        os.chdir(before)
