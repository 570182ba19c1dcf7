#!/bin/bash
# check-image.sh ROOT: looks into a mounted image (or a build root) and says what a box must not hold or lacks.
# Ends with 1 when something is wrong. Stands alone, so that tests call it on the disk of a finished box too.
set -Eeuo pipefail
root=${1:?the folder where the image is mounted}
faults=0
fault() {
  printf '@@error The image %s.\n' "$*"
  faults=$((faults + 1))
}

# What two machines must not share, or the host lent.
for pattern in 'etc/ssh/ssh_host_*' 'var/lib/systemd/random-seed' 'var/lib/systemd/credential.secret' \
  'var/lib/dbus/machine-id' 'var/lib/notebox/tokens' 'etc/notebox/host.env' 'etc/notebox/host-ca.pem' \
  'etc/notebox/ca-bundle.pem' 'home/vagrant/notebox' 'etc/apt/apt.conf.d/99notebox-build' 'usr/sbin/policy-rc.d' 'root/.bash_history'; do
  while IFS= read -r found; do fault "holds $found"; done < <(cd "$root" && { compgen -G "$pattern" || true; })
done
[ -f "$root/etc/machine-id" ] || fault "has no /etc/machine-id"
[ ! -s "$root/etc/machine-id" ] || fault "holds a machine-id"
while IFS= read -r found; do fault "holds the log ${found#"$root"}"; done < <(find "$root/var/log" -type f)
while IFS= read -r found; do fault "holds ${found#"$root"}"; done < <(find "$root/var/lib/apt/lists" -type f)
if grep -rqiE '^[^#]*proxy' "$root/etc/apt/apt.conf.d" "$root/etc/environment" 2> /dev/null; then
  fault "names a proxy in /etc"
fi
if [ -e "$root/usr/sbin/mount.vboxsf" ] || [ -e "$root/sbin/mount.vboxsf" ]; then
  fault "holds a mount.vboxsf, which only a test may add"
fi

# What the units and Vagrant call.
for program in usr/sbin/resize2fs usr/sbin/sfdisk usr/bin/partx usr/bin/findmnt usr/bin/ssh-keygen usr/bin/sudo usr/bin/rsync usr/bin/bindfs \
  usr/bin/python3 usr/bin/hostname usr/bin/hostnamectl; do
  [ -x "$root/$program" ] || fault "lacks /$program"
done

# Nobody logs in with a password.
while IFS=: read -r name password _; do
  case $password in '*' | '!'*) ;; *) fault "has a password for $name" ;; esac
done < "$root/etc/shadow"

# The kernel, its modules for both providers, and the initramfs with what finds the disk.
kernel=$(basename "$(readlink "$root/vmlinuz")")
version=${kernel#vmlinuz-}
case $version in *cloud*) fault "has a cloud kernel, which lacks VirtualBox's modules" ;; esac
for module in vboxguest vboxsf virtiofs 9pnet_virtio e1000 virtio_net ahci; do
  if ! find "$root/lib/modules/$version/" -name "$module.ko*" | grep -q .; then
    grep -q "/$module.ko" "$root/lib/modules/$version/modules.builtin" || fault "lacks the module $module"
  fi
done
# udev loads vboxguest by the device's number, mount loads vboxsf by the file system's name.
grep -q 'pci:v000080EEd0000CAFE.* vboxguest' "$root/lib/modules/$version/modules.alias" \
  || fault "would not load vboxguest by itself"
grep -q 'fs-vboxsf vboxsf' "$root/lib/modules/$version/modules.alias" || fault "would not load vboxsf by itself"
inside=$(chroot "$root" lsinitramfs "/boot/initrd.img-$version")
for module in ahci ata_piix sd_mod nvme e1000 virtio_pci virtio_blk virtio_scsi virtio_net ext4; do
  if ! grep -q "/$module.ko" <<< "$inside"; then
    grep -q "/$module.ko" "$root/lib/modules/$version/modules.builtin" || fault "has no $module in its initramfs"
  fi
done

[ "$faults" -eq 0 ]
