#!/bin/bash
# Turns the installed system in $ROOT into what Vagrant expects of a guest, and makes it start quickly.
# Data is in files/ (copied by rootfs.sh); here is what takes commands.
# shellcheck source=boxes/debian-13/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

step configure "Make it a guest for Vagrant"
open_root

# The account that Vagrant logs in with, by its well-known key; Vagrant replaces the key at the first start.
# No password: '*' cannot be typed.
in_root useradd --create-home --shell /bin/bash --uid 1000 --password '*' vagrant
install -d -m 700 -o 1000 -g 1000 "$ROOT/home/vagrant/.ssh"
install -m 600 -o 1000 -g 1000 "$HERE/vagrant.pub" "$ROOT/home/vagrant/.ssh/authorized_keys"

echo debian > "$ROOT/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 debian\n::1 localhost ip6-localhost ip6-loopback\n' > "$ROOT/etc/hosts"
echo UTC > "$ROOT/etc/timezone"

# Both of these hold up everything else at the start (Before=sysinit.target), which nothing here needs: the clock
# is right enough from the virtual hardware, and names are looked up only by services, which start later anyway.
for unit in systemd-resolved.service systemd-timesyncd.service; do
  in_root systemctl disable --quiet "$unit"
  sed -E -e '/^(Before|WantedBy)=/s/ ?sysinit\.target//' -e 's/^WantedBy=$/WantedBy=multi-user.target/' \
    "$ROOT/usr/lib/systemd/system/$unit" > "$ROOT/etc/systemd/system/$unit"
done

in_root systemctl enable --quiet systemd-networkd.service systemd-resolved.service systemd-timesyncd.service \
  ssh.service notebox-ssh-hostkeys.service notebox-grow-root.service
in_root systemctl set-default --quiet multi-user.target

# Off, each with its reason:
off=(
  # They hold dpkg's lock just when Vagrant provisions; IT brings updates with the next version of the box.
  apt-daily.timer apt-daily-upgrade.timer
  # LVM snapshots of the root, which there are none of.
  e2scrub_all.timer e2scrub_reap.service
)
in_root systemctl disable --quiet "${off[@]}"
masked=(
  # A machine without firmware variables or a crash store.
  systemd-pstore.service modprobe@efi_pstore.service
  # No graphics beyond the text console.
  modprobe@drm.service
  # It waits for all devices; nothing here needs that.
  systemd-udev-settle.service
  # Programs for other processors or file types that the kernel would start by themselves: none are installed.
  systemd-binfmt.service proc-sys-fs-binfmt_misc.automount
  # Huge pages and the kernel's own debugging files: nobody asks for them, root can mount them at any time.
  dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount
  # Network settings and secrets handed over by firmware or the kernel's command line: no provider does that.
  systemd-network-generator.service systemd-udev-load-credentials.service
)
in_root systemctl mask --quiet "${masked[@]}"
# Programs that systemd runs at each start and each daemon-reload, to look for what no machine of this box has: a TPM,
# an EFI boot loader, GPT partitions, an image to resume from, a virtual socket.
mkdir -p "$ROOT/etc/systemd/system-generators"
for generator in bless-boot gpt-auto hibernate-resume ssh tpm2; do
  ln -sf /dev/null "$ROOT/etc/systemd/system-generators/systemd-$generator-generator"
done

close_root
