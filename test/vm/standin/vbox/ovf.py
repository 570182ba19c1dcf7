"""Reads an OVF into the machine that it names. Whatever is in it and not known here is refused.

Resource types are those of CIM_ResourceAllocationSettingData (DMTF DSP0004); which sub-types VirtualBox takes for
a network card stands in its manual under `VBoxManage import` and `modifyvm --nictype`.
"""
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from .errors import Unsupported, VBoxError

OVF = "{http://schemas.dmtf.org/ovf/envelope/1}"
VBOX = "{http://www.virtualbox.org/ovf/machine}"

CPU, MEMORY, NETWORK, DISK, SATA = "3", "4", "10", "17", "20"

# OVF sub-type → VirtualBox's name of the card.
CARDS = {"E1000": "82545EM", "virtio": "virtio", "VirtIO": "virtio"}


@dataclass
class Appliance:
    name: str
    os_type: str
    cpus: int
    memory_mib: int
    controller: str
    cards: list[str]
    disk: Path
    disk_format: str
    capacity: int


def read_appliance(path: Path) -> Appliance:
    if not path.is_file():
        raise VBoxError(f"Could not open the OVF file '{path}'", "VERR_FILE_NOT_FOUND")
    try:
        root = ET.parse(path).getroot()
    except ET.ParseError as error:
        raise VBoxError(f"Error reading '{path}': {error}", "VBOX_E_FILE_ERROR") from error
    system = only(root.findall(f"{OVF}VirtualSystem"), "VirtualSystem")
    items = [values(item) for item in system.iter(f"{OVF}Item")]
    for item in items:
        if item["ResourceType"] not in (CPU, MEMORY, NETWORK, DISK, SATA):
            raise Unsupported(f"the OVF resource type {item['ResourceType']}")
    controller = one(items, SATA)
    if controller.get("ResourceSubType") != "AHCI":
        raise Unsupported(f"the SATA controller {controller.get('ResourceSubType')!r}")
    disk = one(items, DISK)
    if disk.get("Parent") != controller["InstanceID"] or disk.get("AddressOnParent") != "0":
        raise VBoxError("the disk hangs on no controller of the appliance, or not on its first port")
    file, form, capacity = disk_of(root, disk["HostResource"])
    os_type = system.find(f"{OVF}OperatingSystemSection/{VBOX}OSType")
    return Appliance(
        name=system.attrib[f"{OVF}id"],
        os_type=os_type.text if os_type is not None and os_type.text else "Other_64",
        cpus=int(one(items, CPU)["VirtualQuantity"]),
        memory_mib=int(one(items, MEMORY)["VirtualQuantity"]),
        controller="AHCI",
        cards=[card_of(item) for item in items if item["ResourceType"] == NETWORK],
        disk=path.parent / file,
        disk_format=form,
        capacity=capacity,
    )


def values(item: ET.Element) -> dict[str, str]:
    return {child.tag.rsplit("}", 1)[-1]: (child.text or "").strip() for child in item}


def one(items: list[dict[str, str]], resource: str) -> dict[str, str]:
    return only([item for item in items if item["ResourceType"] == resource], f"resource of type {resource}")


def only(found: list, what: str):
    if len(found) != 1:
        raise VBoxError(f"the appliance has {len(found)} × {what}; the stand-in takes exactly one")
    return found[0]


def card_of(item: dict[str, str]) -> str:
    sub_type = item.get("ResourceSubType", "")
    if sub_type not in CARDS:
        raise Unsupported(f"the network card {sub_type!r}")
    if item.get("Connection") != "NAT":
        raise Unsupported(f"a network card connected to {item.get('Connection')!r}")
    return CARDS[sub_type]


def disk_of(root: ET.Element, resource: str) -> tuple[str, str, int]:
    """Follows `/disk/ID` or `ovf:/disk/ID` to the file, its format and its capacity in bytes."""
    wanted = resource.removeprefix("ovf:").removeprefix("/disk/")
    disks = root.findall(f"{OVF}DiskSection/{OVF}Disk")
    disk = only([entry for entry in disks if entry.attrib[f"{OVF}diskId"] == wanted], f"disk {wanted}")
    files = root.findall(f"{OVF}References/{OVF}File")
    reference = disk.attrib[f"{OVF}fileRef"]
    file = only([entry for entry in files if entry.attrib[f"{OVF}id"] == reference], f"file {reference}")
    unit = disk.attrib.get(f"{OVF}capacityAllocationUnits", "byte")
    if unit != "byte":
        raise Unsupported(f"the capacity unit {unit!r}")
    return file.attrib[f"{OVF}href"], disk.attrib[f"{OVF}format"], int(disk.attrib[f"{OVF}capacity"])
