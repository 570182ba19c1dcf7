#!/bin/bash
# check-box.sh FILE.box: looks into the disk of a finished box (as root, on a copy): what check-image.sh asks, and that
# the provider's own files say what the disk is. Ends with 1 and says why when something is wrong.
set -Eeuo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
box=$(realpath "${1:?a .box file}")
# A mount namespace of its own: nothing stays mounted, however this ends.
if [ -z "${CHECK_BOX_INSIDE:-}" ]; then
  work=$(mktemp -d "${TMPDIR:-/var/tmp}/notebox-check-box.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  CHECK_BOX_INSIDE=$work unshare --mount --propagation private bash "$here/check-box.sh" "$box"
  exit
fi
cd "$CHECK_BOX_INSIDE"
faults=0
fault() {
  echo "$(basename "$box") $*"
  faults=1
}

mapfile -t members < <(tar -tf "$box")
[ "${members[0]}" = metadata.json ] || fault "does not begin with metadata.json"
tar -xf "$box"
provider=$(sed -n 's/.*"provider": *"\([a-z]*\)".*/\1/p' metadata.json)
case $provider in
  virtualbox)
    disk="box-disk001.vmdk"
    [ "${#members[@]}" = 4 ] || fault "holds other files than the four of a virtualbox box"
    grep -q '<rasd:ResourceSubType>AHCI<' box.ovf || fault "names no AHCI controller in its OVF"
    grep -q '<rasd:ResourceSubType>E1000<' box.ovf || fault "names no E1000 card in its OVF"
    capacity=$(sed -n 's/.*ovf:capacity="\([0-9]*\)".*/\1/p' box.ovf)
    grep -aq 'createType="streamOptimized"' <(head -c 65536 "$disk") || fault "has a disk that is not streamOptimized"
    ;;
  libvirt)
    disk=box.img
    [ "${#members[@]}" = 3 ] || fault "holds other files than the three of a libvirt box"
    capacity=$(($(sed -n 's/.*"virtual_size": *\([0-9]*\).*/\1/p' metadata.json) << 30))
    ;;
  *) fault "is for the unknown provider '$provider'" && exit 1 ;;
esac
qemu-img convert -O raw "$disk" disk.raw
[ "$(stat -c %s disk.raw)" = "$capacity" ] || fault "says that its disk has $capacity bytes, and it has $(stat -c %s disk.raw)"
rm -f "$disk"
mkdir mnt
mount -o loop,offset=1048576 disk.raw mnt
[ "$(($(stat -f -c '%b * %S' mnt)))" -gt $((capacity * 9 / 10)) ] || fault "has a file system smaller than its disk"
bash "$here/check-image.sh" mnt | sed 's/^@@error //' || faults=1
umount mnt
exit "$faults"
