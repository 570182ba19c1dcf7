#!/bin/bash
# $ROOT → one disk that starts by itself → a disk file for each provider in $NOTEBOX_WORK/image.
# The disk and its file system have their full size and are sparse: only what is used takes space, here and later.
# shellcheck source=boxes/debian-13/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

image=$NOTEBOX_WORK/image
raw=$image/disk.raw
mnt=$image/mnt
mkdir -p "$mnt"

step disk "Make the disk"
truncate -s "${NOTEBOX_DISK_GIB}G" "$raw"
signature=0x$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
printf 'label: dos\nlabel-id: %s\nstart=2048, type=83, bootable\n' "$signature" | sfdisk --quiet "$raw"
dd if=/usr/lib/EXTLINUX/mbr.bin of="$raw" bs=440 count=1 conv=notrunc status=none

# 64bit: the boot loader cannot read it. One inode for 64 KiB: a million files, and small tables.
# assume_storage_prezeroed: the file is all zeros, so no kernel need write zeros over the tables later, which
# would make every user's sparse disk grow by hundreds of megabytes.
mke2fs -q -t ext4 -L notebox -m 1 -i 65536 -J size=64 \
  -O '^64bit,^orphan_file,^metadata_csum_seed,metadata_csum,has_journal' \
  -E offset=1048576,assume_storage_prezeroed=1,nodiscard "$raw" $((NOTEBOX_DISK_GIB * 1048576 - 1024))k
mount -o loop,offset=1048576,noatime "$raw" "$mnt"
uuid=$(findmnt -n -o UUID "$mnt")
tar -C "$ROOT" --one-file-system --numeric-owner --xattrs --xattrs-include='*' -cf - . \
  | tar -C "$mnt" --numeric-owner --xattrs --xattrs-include='*' -xpf -
printf 'UUID=%s / ext4 errors=remount-ro 0 1\n' "$uuid" > "$mnt/etc/fstab"

# The links /vmlinuz and /initrd.img are the kernel package's own: an upgraded kernel is started too.
mkdir -p "$mnt/boot/extlinux"
cat > "$mnt/boot/extlinux/extlinux.conf" <<END
DEFAULT linux
PROMPT 0
TIMEOUT 0
LABEL linux
  LINUX /vmlinuz
  INITRD /initrd.img
  # net.ifnames=0: the card is eth0 under every provider. The serial line shows what a headless machine says.
  APPEND root=UUID=$uuid rw net.ifnames=0 console=tty0 console=ttyS0,115200n8 quiet
LABEL old
  LINUX /vmlinuz.old
  INITRD /initrd.img.old
  APPEND root=UUID=$uuid rw net.ifnames=0 console=tty0 console=ttyS0,115200n8
END
extlinux --install "$mnt/boot/extlinux"
bash "$HERE/check-image.sh" "$mnt"
umount "$mnt"
sync "$raw"

step convert "Write the disk for ${NOTEBOX_PROVIDERS// / and }"
# Side by side: each packs with little more than one processor.
jobs=()
for provider in $NOTEBOX_PROVIDERS; do
  case $provider in
    libvirt)
      # zlib, not zstd: QEMU before 5.1 and libguestfs of the same age read it too.
      qemu-img convert -f raw -O qcow2 -c -W -m 4 "$raw" "$image/box.img" &
      ;;
    virtualbox)
      qemu-img convert -f raw -O vmdk -o subformat=streamOptimized "$raw" "$image/box-disk001.vmdk" &
      ;;
    *) die "No disk is known for the provider $provider." ;;
  esac
  jobs+=("$!")
done
for job in "${jobs[@]}"; do wait "$job"; done
rm -f "$raw"
