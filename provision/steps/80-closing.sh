#!/bin/bash
# Other listeners: nothing listens in this VM but sshd and the workbench's services.
# Turns off the servers that boxes are known to carry, unless the workbench names their package.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"

# Package, then its units.
SERVERS=(
  "avahi-daemon avahi-daemon.socket avahi-daemon.service"
  "cups-daemon cups.socket cups.path cups.service"
  "cups-browsed cups-browsed.service"
  "exim4-daemon-light exim4.service"
  "nfs-kernel-server nfs-server.service nfs-blkmap.service"
  "postfix postfix.service"
  "rpcbind rpcbind.socket rpcbind.service"
  "samba smbd.service nmbd.service"
)

inputs() {
  local server
  hash_of "$WORKBENCH/apt.txt"
  for server in "${SERVERS[@]}"; do
    [[ ! -e /lib/systemd/system/${server##* } ]] || printf '%s\n' "$server"
  done
  [[ ! -e /lib/systemd/systemd-resolved ]] || echo resolved
}

work() {
  local server unit lines
  local -a words
  read_lines "$WORKBENCH/apt.txt" lines
  for server in "${SERVERS[@]}"; do
    read -r -a words <<<"$server"
    [[ " ${lines[*]} " != *" ${words[0]} "* ]] || continue
    for unit in "${words[@]:1}"; do
      [[ -e /lib/systemd/system/$unit ]] || continue
      in_build_root || systemctl stop "$unit" || true
      systemctl mask "$unit"
    done
  done
  if [[ -e /lib/systemd/systemd-resolved ]]; then
    # It answers the local network's name questions on port 5355, unless told not to.
    printf '[Resolve]\nLLMNR=no\nMulticastDNS=no\n' | put /etc/systemd/resolved.conf.d/notebox.conf
    in_build_root || systemctl try-restart systemd-resolved.service || true
  fi
}

step "$@"
