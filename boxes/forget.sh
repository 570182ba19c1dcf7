#!/bin/bash
# forget.sh ROOT: takes out of a system what no two machines may share, what the host lent and what people left: host
# keys, machine-id, tokens, random seed, logs, histories, caches. Whether the system runs (from-vm.sh) or lies in a
# build root (seal.sh of a recipe) makes no difference; what only one of them needs is theirs.
set -Eeuo pipefail
cd "${1:?the root of the system}"

rm -f etc/ssh/ssh_host_*
# Empty, not missing: systemd fills it in at the first start, without taking that for a fresh installation.
: > etc/machine-id
rm -f var/lib/dbus/machine-id
rm -f var/lib/systemd/random-seed var/lib/systemd/credential.secret etc/hostid
rm -rf var/lib/notebox/tokens etc/notebox/host.env etc/notebox/host-ca.pem etc/notebox/ca-bundle.pem
rm -f etc/apt/apt.conf.d/90notebox-host
# Which start this was and what was running: of this machine, not of the next.
rm -rf var/lib/notebox/provisioned.json var/lib/notebox/addresses.json var/lib/notebox/started home/vagrant/notebox
rm -f etc/udev/rules.d/70-persistent-net.rules
for home in root home/*; do
  [ -d "$home" ] || continue
  rm -rf "$home"/.bash_history "$home"/.python_history "$home"/.wget-hsts "$home"/.cache "$home"/.ipython \
    "$home"/.jupyter/lab/workspaces "$home"/.local/share/jupyter/runtime "$home"/.local/share/jupyter/notebook_secret \
    "$home"/.local/share/jupyter/nbsignatures.db
done
# Logs, and the state that apt can fetch or make again.
find var/log -type f -delete
rm -rf var/log/journal
find var/lib/apt/lists -mindepth 1 -delete
