#!/bin/bash
# from-vm.sh ACCOUNT: runs as root in a VM that is about to become a box. Makes it forget what is its own (forget.sh
# beside this), lets Vagrant's well-known key in again (vagrant.pub beside this), and turns the VM off two seconds later.
set -Eeuo pipefail
account=${1:?the account that Vagrant logs in with}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
trap 'echo "notebox: failed: line $LINENO: $BASH_COMMAND"' ERR

# Nothing may write behind our back.
systemctl stop notebox.target 'jupyter@*.service' 'kernel-gateway@*.service' 2> /dev/null || true
systemctl stop cron.service rsyslog.service unattended-upgrades.service apt-daily.timer apt-daily-upgrade.timer \
  2> /dev/null || true
systemctl stop systemd-journald-dev-log.socket systemd-journald.socket systemd-journald-audit.socket \
  systemd-journald.service 2> /dev/null || true

# Folders of the computer that this VM ran on.
sed -i '/^#VAGRANT-BEGIN/,/^#VAGRANT-END/d' /etc/fstab
apt-get clean
# Boxes of others do not make new host keys at the first start by themselves.
if [ ! -e /etc/systemd/system/notebox-ssh-hostkeys.service ]; then
  printf '%s\n' '[Unit]' 'Description=Make the SSH host keys that are missing' 'Before=ssh.service sshd.service' '' \
    '[Service]' 'Type=oneshot' 'ExecStart=/usr/bin/ssh-keygen -A' '' \
    '[Install]' 'WantedBy=multi-user.target' > /etc/systemd/system/notebox-ssh-hostkeys.service
  systemctl enable --quiet notebox-ssh-hostkeys.service
fi
home=$(getent passwd "$account" | cut -d: -f6)
group=$(id -gn "$account")
install -d -m 700 -o "$account" -g "$group" "$home/.ssh"
install -m 600 -o "$account" -g "$group" "$here/vagrant.pub" "$home/.ssh/authorized_keys"
# Deleting leaves the bytes on the disk, which goes into the box as it is, and not every disk can be trimmed (VMDK).
wipe() {
  local path
  for path in "$@"; do
    [ ! -e "$path" ] || find "$path" -xdev -type f -exec shred -n 0 -z -- {} +
  done
}
wipe /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id /var/lib/systemd/random-seed \
  /var/lib/systemd/credential.secret /var/lib/notebox/tokens /etc/notebox/host.env /var/log \
  /root/.bash_history /home/*/.bash_history /home/*/.python_history /home/*/.ipython \
  /home/*/.local/share/jupyter/runtime /home/*/.local/share/jupyter/notebook_secret
bash "$here/forget.sh" /
rm -rf "$here"
fstrim --all 2> /dev/null || true
sync
echo 'notebox: ready to be packed'
# --force: systemd asks no unit to stop, so that none writes a random seed or a log once more; disks are synced.
setsid sh -c 'sleep 2; systemctl poweroff --force' < /dev/null > /dev/null 2>&1 &
