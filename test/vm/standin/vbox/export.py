"""Writes a machine as `VBoxManage export` does: an OVF of what it is made of, and its disk as a streamOptimized VMDK
beside it. ovf.py reads such a thing back."""
import json
import subprocess
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from .errors import Unsupported, VBoxError
from .machine import Machine
from .ovf import CARDS, CPU, DISK, MEMORY, NETWORK, SATA
from .store import Store

ENVELOPE = """<?xml version="1.0"?>
<Envelope ovf:version="1.0" xml:lang="en-US" xmlns="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
 xmlns:vbox="http://www.virtualbox.org/ovf/machine">
  <References>
    <File ovf:id="file1" ovf:href={file}/>
  </References>
  <DiskSection>
    <Info>List of the virtual disks used in the package</Info>
    <Disk ovf:capacity="{capacity}" ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:format={form}/>
  </DiskSection>
  <VirtualSystem ovf:id={name}>
    <Info>A virtual machine</Info>
    <OperatingSystemSection ovf:id="96">
      <Info>The kind of installed guest operating system</Info>
      <vbox:OSType ovf:required="false">{os_type}</vbox:OSType>
    </OperatingSystemSection>
    <VirtualHardwareSection>
      <Info>Virtual hardware requirements for a virtual machine</Info>
{items}
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
"""


def export(store: Store, machine: Machine, target: Path, form: str) -> None:
    """VirtualBox names the disk after the OVF, and overwrites nothing."""
    disk = target.with_name(f"{target.stem}-disk001.vmdk")
    for path in (target, disk):
        if path.exists():
            raise VBoxError(f"File '{path}' already exists", "VBOX_E_FILE_ERROR (VERR_ALREADY_EXISTS)")
    source = store.path(machine) / machine.disk
    call("qemu-img", "convert", "-f", "qcow2", "-O", "vmdk", "-o", "subformat=streamOptimized", str(source), str(disk))
    capacity = json.loads(call("qemu-img", "info", "--output=json", str(source)))["virtual-size"]
    target.write_text(
        ENVELOPE.format(
            file=quoteattr(disk.name),
            capacity=capacity,
            form=quoteattr(form),
            name=quoteattr(machine.name),
            os_type=escape(machine.os_type),
            items="\n".join(item(number, values) for number, values in enumerate(hardware(machine), 1)),
        ),
        encoding="utf8",
    )


def hardware(machine: Machine) -> list[dict[str, object]]:
    sata = {"ResourceType": SATA, "ResourceSubType": machine.controller, "Address": 0}
    return [
        {"ResourceType": CPU, "VirtualQuantity": machine.cpus},
        {"ResourceType": MEMORY, "VirtualQuantity": machine.memory_mib, "AllocationUnits": "MegaBytes"},
        sata,
        {"ResourceType": DISK, "HostResource": "/disk/vmdisk1", "Parent": 3, "AddressOnParent": 0},
        *(
            {"ResourceType": NETWORK, "ResourceSubType": sub_type(nic.card), "Connection": "NAT"}
            for _, nic in sorted(machine.nics.items())
            if nic.attached == "nat"
        ),
    ]


def sub_type(card: str) -> str:
    """The OVF's name of a card: ovf.py's table the other way round."""
    for name, own in CARDS.items():
        if own == card:
            return name
    raise Unsupported(f"the export of the network card {card!r}")


def item(number: int, values: dict[str, object]) -> str:
    """An OVF wants its elements in the order of their names."""
    every = sorted({**values, "InstanceID": number, "ElementName": f"item {number}"}.items())
    rows = "".join(f"        <rasd:{name}>{escape(str(value))}</rasd:{name}>\n" for name, value in every)
    return f"      <Item>\n{rows}      </Item>"


def call(*command: str) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise VBoxError(f"{' '.join(command)}: {done.stderr.strip()}", "VBOX_E_FILE_ERROR")
    return done.stdout
